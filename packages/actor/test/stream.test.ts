import test from 'ava';
import {
  Actor,
  ActorDown,
  type ActorRef,
  ActorSystem,
  Cancelled,
  type Failure,
  NoSuchMethod,
  rpc,
  Unreachable,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

class Numbers extends Actor {
  limit = 3;
  readonly seen: string[];
  constructor(seen: string[]) {
    super();
    this.seen = seen;
  }
  @rpc async *count(from: number): AsyncGenerator<number, string, undefined> {
    const { signal } = this.ctx;
    signal.addEventListener('abort', () => this.seen.push('aborted'));
    try {
      for (let n = from; n < this.limit; n += 1) yield n;
      return 'the end';
    } finally {
      this.seen.push('finally');
    }
  }
  @rpc async *fail(): AsyncGenerator<number, void, undefined> {
    yield 1;
    throw new RangeError('no more');
  }
  /** Lets its reader see how a call of its own fails. */
  @rpc async *pass(): AsyncGenerator<number, void, undefined> {
    yield 1;
    throw new Unreachable('b/room/#1', 'its node is gone');
  }
  @rpc async *wait(): AsyncGenerator<number, void, undefined> {
    const { signal } = this.ctx;
    try {
      yield 0;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      this.seen.push('finally');
    }
  }
  @rpc setLimit(limit: number): void {
    this.limit = limit;
  }
  @rpc one(): number {
    return 1;
  }
  @rpc end(): void {
    this.stop();
  }
}

function start() {
  const env = virtualEnv();
  const failures: Failure[] = [];
  const system = new ActorSystem({ env, onFailure: (failure) => failures.push(failure) });
  const log: string[] = [];
  return { env, system, log, failures, numbers: system.spawn(Numbers, log) };
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

test('the answer of a generator method is iterated as it is, or awaited first', async (t) => {
  const { numbers } = start();

  t.deepEqual(await collect(numbers.count(0)), [0, 1, 2]);
  const stream = await numbers.count(2);
  t.deepEqual(await stream.next(), { done: false, value: 2 });
  t.deepEqual(await stream.next(), { done: true, value: 'the end' });
  t.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('each step of a generator is a turn: other messages have theirs in between', async (t) => {
  const { numbers } = start();
  const seen: number[] = [];

  for await (const n of numbers.count(0)) {
    seen.push(n);
    if (n === 0) await numbers.setLimit(2);
  }

  t.deepEqual(seen, [0, 1]);
});

test('an error in the middle of a stream is thrown after what came before it', async (t) => {
  const { numbers } = start();
  const stream = await numbers.fail();

  t.deepEqual(await stream.next(), { done: false, value: 1 });
  await t.throwsAsync(stream.next(), { instanceOf: RangeError, message: 'no more' });
  t.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('a generator that a call of its own has failed was executed, and its error says so', async (t) => {
  const { numbers } = start();

  const error = await t.throwsAsync(collect(numbers.pass()), { instanceOf: Unreachable });

  t.is(error?.executed, 'yes');
});

test('a call that is refused fails where its stream is iterated', async (t) => {
  const { numbers } = start();
  const none = numbers as object as ActorRef<{ nothing(): AsyncGenerator<number> } & Actor>;

  await t.throwsAsync(collect(none.nothing()), { instanceOf: NoSuchMethod });
});

test('iterating the answer of a method that yields no stream says so', async (t) => {
  const { numbers } = start();
  const one = numbers.one() as object as AsyncIterable<number>;

  await t.throwsAsync(collect(one), { instanceOf: TypeError, message: /for await/ });
});

test('leaving the loop runs the finally blocks of the generator', async (t) => {
  const { numbers, log } = start();

  for await (const n of numbers.count(0)) if (n === 1) break;

  t.deepEqual(log, ['finally']);
  t.is(await numbers.one(), 1);
});

test('ending a stream aborts the signal of a step that runs', async (t) => {
  const { numbers, env, log } = start();
  const stream = await numbers.wait();
  await stream.next();
  const step = stream.next();
  await env.settled();

  await stream.return?.();

  t.deepEqual(await step, { done: true, value: undefined });
  t.deepEqual(log, ['finally']);
});

test('aborting the signal of the call cuts its stream off and ends the generator', async (t) => {
  const { numbers, env, log } = start();
  const controller = new AbortController();
  const stream = await numbers.with({ signal: controller.signal }).count(0);
  await stream.next();

  controller.abort();
  await env.settled();

  await t.throwsAsync(stream.next(), { instanceOf: Cancelled });
  t.deepEqual(log, ['finally']);
});

test('a stream whose actor goes down throws, each time, and never ends quietly', async (t) => {
  const { numbers, system, env, log } = start();
  const stream = await numbers.wait();
  await stream.next();
  const step = t.throwsAsync(stream.next(), { instanceOf: ActorDown });
  await env.settled();

  await system.stopActor(numbers);

  t.is((await step)?.executed, 'unknown');
  await t.throwsAsync(stream.next(), { instanceOf: ActorDown });
  t.deepEqual(log, ['finally']);
});

test('a stream that nobody can read any more is ended', async (t) => {
  const { numbers, env, log } = start();
  const stream = await numbers.count(0);
  await stream.next();

  env.collect(stream);
  await env.settled();

  t.deepEqual(log, ['finally']);
});

test('a stream lives beyond the deadline of the call that opened it', async (t) => {
  const { numbers, env } = start();
  const stream = await numbers.with({ timeoutMs: 100 }).count(0);

  await env.advance(60_000);

  t.deepEqual(await collect(stream), [0, 1, 2]);
});
