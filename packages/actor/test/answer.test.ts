import test from 'ava';
import { Actor, type ActorRef, ActorSystem, Cancelled, rpc } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

class Member extends Actor {
  readonly name: string;
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
  @rpc wait(): Promise<never> {
    return new Promise(() => {});
  }
}

class Room extends Actor {
  @rpc member(name: string): ActorRef<Member> {
    if (name === '') throw new RangeError('no name');
    return this.spawn(Member, name);
  }
  @rpc text(): string {
    return 'a text';
  }
}

function start() {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  return { env, system, room: system.spawn(Room) };
}

test('the reference that a call yields can be called before it is there', async (t) => {
  const { room } = start();

  t.is(await room.member('ann').profile(), 'profile of ann');
  t.is(await room.member('ann').friend('bob').friend('cid').profile(), 'profile of cid');
});

test('a call on the result of a call that fails fails in the same way, and once', async (t) => {
  const { room } = start();

  await t.throwsAsync(room.member('').profile(), { instanceOf: RangeError, message: 'no name' });
  await t.throwsAsync(room.member('').friend('bob').profile(), { instanceOf: RangeError });
});

test('a call on a result that is no reference says so', async (t) => {
  const { room } = start();
  const text = room.text() as object as ActorRef<Member>;

  await t.throwsAsync(text.profile(), { instanceOf: TypeError, message: /profile\(\)/ });
});

test('calls on a result have the options of the call that yields it', async (t) => {
  const { env, room } = start();
  const controller = new AbortController();
  const call = room.with({ signal: controller.signal }).member('ann').wait();
  await env.settled();

  controller.abort();

  await t.throwsAsync(call, { instanceOf: Cancelled });
});

test('an answer is a promise: awaiting it yields the result, and then() an ordinary promise', async (t) => {
  const { room } = start();

  const answer = room.text();

  t.true(answer instanceof Promise);
  t.is(Object.getPrototypeOf(answer.then()), Promise.prototype);
  t.is(await answer, 'a text');
  t.deepEqual(await Promise.all([room.text(), room.text()]), ['a text', 'a text']);
});
