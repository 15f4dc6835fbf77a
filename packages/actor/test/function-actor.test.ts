import test from 'ava';
import {
  ActorDown,
  ActorSystem,
  addressOf,
  type Down,
  type FunctionSelf,
  oneForOne,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('a function actor takes its messages one after the other, at its own pace', async (t) => {
  const taken: number[] = [];
  await using system = new ActorSystem();
  const doubler = system.spawn(async (inbox: AsyncIterable<number>) => {
    for await (const number of inbox) taken.push(number * 2);
  });

  doubler.tell.send(1);
  await doubler.send(2);
  await doubler.send(3);

  t.deepEqual(taken.slice(0, 2), [2, 4]);
  t.is(addressOf(doubler), 'local/function/#1');
});

test('when the function returns its actor is down, and says so', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const once = system.spawn(async (inbox: AsyncIterable<string>) => {
    for await (const _ of inbox) return;
  });
  const downs: Down[] = [];
  system.monitor(once, (down) => downs.push(down));

  await once.send('last');
  await env.settled();

  t.like(downs, [{ reason: { kind: 'stopped' } }]);
  await t.throwsAsync(once.send('late'), { instanceOf: ActorDown });
});

test('what the function throws ends the actor, or restarts it where it is supervised', async (t) => {
  const lives: string[] = [];
  const run = async (inbox: AsyncIterable<string>): Promise<void> => {
    lives.push('begun');
    for await (const message of inbox) {
      if (message === 'poison') throw new Error('bad message');
      lives.push(message);
    }
  };
  const env = virtualEnv();
  const quiet = { env, onFailure: () => undefined };
  const free = new ActorSystem(quiet);
  const supervised = new ActorSystem({ ...quiet, supervision: oneForOne() });
  const [mortal, phoenix] = [free.spawn(run), supervised.spawn(run)];
  await env.settled();
  lives.length = 0;

  await Promise.all([mortal.send('poison'), phoenix.send('poison')]);
  await env.settled();
  await phoenix.send('hello');
  await env.settled();

  t.is(free.size, 0);
  t.is(supervised.size, 1);
  t.deepEqual(lives, ['begun', 'hello']);
});

test('a stop ends the inbox, aborts the signal, and refuses who waits to send', async (t) => {
  const ended: string[] = [];
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const idle = system.spawn(
    async (inbox: AsyncIterable<number>, { signal, ref }: FunctionSelf<number>) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      for await (const number of inbox) ended.push(String(number));
      ended.push(`${addressOf(ref)} ended`);
    },
  );
  const waiting = t.throwsAsync(idle.send(1));
  await env.settled();

  await system.stopActor(idle);
  await waiting;
  await env.settled();

  t.deepEqual(ended, ['local/function/#1 ended']);
});
