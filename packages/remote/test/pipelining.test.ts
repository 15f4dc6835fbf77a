import test from 'ava';
import { Actor, type ActorRef, rpc } from '@troupe/actor';
import { type Cell, recipientOf } from '@troupe/actor/internal';
import { CALL, PIPE } from '../dist/frames.js';
import { testNodes } from './nodes.js';

class Member extends Actor {
  readonly name: string;
  #failed = 0;
  constructor(name: string) {
    super();
    this.name = name;
  }
  @rpc profile(): string {
    return `profile of ${this.name}`;
  }
  @rpc friend(name: string): ActorRef<Member> {
    return this.spawn(Member, name);
  }
  @rpc async *lines(): AsyncGenerator<string> {
    yield `line of ${this.name}`;
  }
  @rpc fail(): never {
    throw new RangeError(`${this.name} has failed ${(this.#failed += 1)} times`);
  }
  @rpc me(): ActorRef<Member> {
    return this.self<Member>();
  }
}

class Room extends Actor {
  readonly #other: ActorRef<Member> | undefined;
  constructor(other?: ActorRef<Member>) {
    super();
    this.#other = other;
  }
  @rpc async member(name: string): Promise<ActorRef<Member>> {
    if (name === '') throw new RangeError('no name');
    return this.spawn(Member, name);
  }
  @rpc elsewhere(): ActorRef<Member> {
    if (this.#other === undefined) throw new RangeError('nobody');
    return this.#other;
  }
  @rpc held(): Promise<never> {
    const { signal } = this.ctx;
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    );
  }
  @rpc text(): string {
    return 'a text';
  }
}

async function remoteRoom() {
  const nodes = testNodes();
  const [a, b, c] = [await nodes.node('a'), await nodes.node('b'), await nodes.node('c')];
  c.serve('member', c.system.spawn(Member, 'cid'));
  const other = await b.find<ActorRef<Member>>(c, 'member');
  b.serve('room', b.system.spawn(Room, other));
  const room = await a.find<ActorRef<Room>>(b, 'room');
  await room.text();
  return { ...nodes, a, b, c, room };
}

test('a call on the result of a call leaves with it, in one round trip', async (t) => {
  const { env, network, room } = await remoteRoom();
  await env.settled();
  const before = network.carriedWrites;

  const one = room.member('ann').profile();
  const other = room.member('ann').friend('bob').friend('eve').profile();

  t.deepEqual(await Promise.all([one, other]), ['profile of ann', 'profile of eve']);
  // Two there, as the first four frames leave at once; back, one for each length of chain.
  t.is(network.carriedWrites - before, 4);
});

test('a call on a result that fails fails in the same way, all along the chain', async (t) => {
  const { room } = await remoteRoom();

  await t.throwsAsync(room.member('').profile(), { instanceOf: RangeError, message: 'no name' });
  await t.throwsAsync(room.member('').friend('a').friend('b').profile(), {
    instanceOf: RangeError,
  });
});

test('a chain of calls may be as long as there may be calls, and fails as a short one does', async (t) => {
  const { a, b, env, room } = await remoteRoom();
  const [toA] = [...b.endpoint.peers].filter(({ identity }) => identity.name === 'a');
  const [toB] = [...a.endpoint.peers].filter(({ identity }) => identity.name === 'b');
  const say = (...frame: readonly unknown[]): unknown => toB?.send(toB.encode(frame), { key: a });

  say(CALL, 1_000, b.system.export(recipientOf(b.system.spawn(Room)) as Cell), 'held', [], 1_000);
  for (let id = 1_001; id < 25_000; id += 1) say(PIPE, id, id - 1, 'profile', [], 9_000);
  await env.advance(2_000);

  t.is(toA?.incoming.calls, 0);
  t.is(await room.text(), 'a text');
});

test('a call on a result that has thrown is not made again', async (t) => {
  const { room } = await remoteRoom();

  const error = await t.throwsAsync(room.member('ann').fail(), { instanceOf: RangeError });

  t.is(error?.message, 'ann has failed 1 times');
});

test('a call on a result that is no reference says so', async (t) => {
  const { room } = await remoteRoom();
  const text = room.text() as object as ActorRef<Member>;

  await t.throwsAsync(text.profile(), { instanceOf: TypeError, message: /profile\(\)/ });
});

test('a call on a result that lives on a third node goes there from the second', async (t) => {
  const { a, room } = await remoteRoom();

  t.is(await room.elsewhere().profile(), 'profile of cid');

  const met = [...a.endpoint.peers].filter(({ isConnected }) => isConnected);
  t.deepEqual(
    met.map(({ identity }) => identity.name),
    ['b'],
  );
});

test('an answer that has come is called on like the reference it yields', async (t) => {
  const { room } = await remoteRoom();
  const answer = room.member('ann');
  await answer;

  t.is(await answer.profile(), 'profile of ann');
});

test('a call on a result that has been given and not yet arrived is made from here', async (t) => {
  const { env, room } = await remoteRoom();
  const answer = room.member('ann');
  const first = answer.profile();
  await env.settled();

  t.is(await first, 'profile of ann');
  t.is(await answer.profile(), 'profile of ann');
});

test('a stream is opened on the result of a call, in one round trip', async (t) => {
  const { room } = await remoteRoom();
  const lines: string[] = [];

  for await (const line of room.member('ann').lines()) lines.push(line);

  t.deepEqual(lines, ['line of ann']);
});
