import test from 'ava';
import { Actor, actor, type ActorClass, type ActorRef, NoSuchMethod, rpc } from '@troupe/actor';
import { testNodes } from './nodes.js';

/** Of the first release. */
@actor({ kind: 'room' })
class First extends Actor {
  @rpc say(nick: string): string {
    return nick;
  }
  @rpc all(): { readonly lines: number } {
    return { lines: 1 };
  }
}

/** Of the second: another method, another argument at the end, another field of a result. */
@actor({ kind: 'room' })
class Second extends Actor {
  @rpc say(nick: string, mood?: string): string {
    return mood === undefined ? nick : `${nick} is ${mood}`;
  }
  @rpc all(): { readonly lines: number; readonly nicks?: readonly string[] } {
    return { lines: 1, nicks: ['ann'] };
  }
  @rpc async *history(): AsyncGenerator<string> {
    yield 'hello';
  }
}

/** A client that is written for the one release, and a server that runs the other. */
async function clientOf<T>(Server: ActorClass<Actor, []>): Promise<ActorRef<T>> {
  const { node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  b.serve('room', b.system.spawn(Server));
  return a.find<ActorRef<T>>(b, 'room');
}

const works = test.macro({
  title: (_, client: string, server: string) =>
    `a client of the ${client} release calls the ${server}`,
  async exec(t, _client: string, _server: string, Server: ActorClass<Actor, []>) {
    const room = await clientOf<First>(Server);

    t.is(await room.say('ann'), 'ann');
    t.is((await room.all()).lines, 1);
  },
});
test(works, 'first', 'first', First);
test(works, 'first', 'second', Second);

test('a client of the second release calls the second', async (t) => {
  const room = await clientOf<Second>(Second);

  t.is(await room.say('ann', 'glad'), 'ann is glad');
  t.deepEqual((await room.all()).nicks, ['ann']);
  for await (const line of room.history()) t.is(line, 'hello');
});

test('an argument too many is left alone by a server that does not know it', async (t) => {
  const room = await clientOf<Second>(First);

  t.is(await room.say('ann', 'glad'), 'ann');
  t.is((await room.all()).nicks, undefined);
});

test('a method that the server does not know fails that call, and no other', async (t) => {
  const room = await clientOf<Second>(First);
  const before = room.say('ann');

  const error = await t.throwsAsync(Promise.resolve(room.history()), { instanceOf: NoSuchMethod });

  t.is(error?.executed, 'no');
  t.is(await before, 'ann');
  t.is(await room.say('bob'), 'bob');
});

test('fields and header keys that a peer of a later version adds to a call are left alone', async (t) => {
  const { node } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  const room = b.system.spawn(First);
  b.serve('room', room);
  await a.find(b, 'room');
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;
  const CAST = 9;
  const header = { later: true, values: { lang: 'de' } };

  toB?.send(toB.encode([CAST, 2, 'say', ['ann'], header, 'and more']), { key: 2 });
  const answer = await a.find<ActorRef<First>>(b, 'room');

  t.is(await answer.say('bob'), 'bob');
  t.true(toA?.isConnected);
});
