import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorDown,
  Cancelled,
  type Failure,
  NoSuchMethod,
  NotSerializable,
  rpc,
  SessionLost,
} from '@troupe/actor';
import { testNodes } from './nodes.js';

class Source extends Actor {
  readonly seen: string[];
  /** Items that generators have yielded, or been asked for. */
  yielded = 0;
  constructor(seen: string[]) {
    super();
    this.seen = seen;
  }
  @rpc async *count(from: number, to: number): AsyncGenerator<number, string, undefined> {
    try {
      for (let n = from; n < to; n += 1) {
        this.yielded += 1;
        yield n;
      }
      return 'the end';
    } finally {
      this.seen.push('finally');
    }
  }
  @rpc async *big(bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      this.yielded += 1;
      yield new Uint8Array(bytes);
    }
  }
  @rpc async *fail(): AsyncGenerator<number, void, undefined> {
    yield 1;
    throw new RangeError('no more');
  }
  @rpc async *odd(): AsyncGenerator<unknown, void, undefined> {
    try {
      yield 1;
      yield new WeakMap();
    } finally {
      this.seen.push('finally');
    }
  }
  @rpc async *wait(): AsyncGenerator<number, void, undefined> {
    const { signal } = this.ctx;
    yield 0;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    this.seen.push('aborted');
  }
  @rpc report(): { readonly total: number; readonly lines: AsyncIterable<string> } {
    return { total: 2, lines: texts(['a', 'b'], this.seen) };
  }
  @rpc readable(): ReadableStream<string> {
    return ReadableStream.from(texts(['a', 'b', 'c'], this.seen));
  }
  @rpc async sum(numbers: AsyncIterable<number>, limit: number): Promise<number> {
    let sum = 0;
    for await (const n of numbers) {
      sum += n;
      if (sum >= limit) break;
    }
    return sum;
  }
  @rpc async read(text: ReadableStream<string>): Promise<string> {
    let all = '';
    for await (const part of text) all += part;
    return `${text instanceof ReadableStream}: ${all}`;
  }
  @rpc total(): number {
    return this.yielded;
  }
  @rpc end(): void {
    this.stop();
  }
}

async function* texts(list: readonly string[], seen: string[]): AsyncGenerator<string> {
  try {
    yield* list;
  } finally {
    seen.push('finally');
  }
}

async function* numbers(to: number, seen: string[]): AsyncGenerator<number> {
  try {
    for (let n = 1; n <= to; n += 1) yield n;
  } finally {
    seen.push('finally');
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** A source on node `b`, and on `a` a reference to it. */
async function remoteSource() {
  const nodes = testNodes();
  const failures: Failure[] = [];
  const a = await nodes.node('a');
  const b = await nodes.node('b', { onFailure: (failure) => failures.push(failure) });
  const seen: string[] = [];
  const local = b.system.spawn(Source, seen);
  b.serve('source', local);
  const source = await a.find<ActorRef<Source>>(b, 'source');
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;
  /** Streams that are open between the two, as either side counts them. */
  const open = (): number => (toB?.loans.streams ?? 0) + (toA?.loans.streams ?? 0);
  return { ...nodes, a, b, local, source, seen, failures, open };
}

test('a generator of another node is iterated like one of this node', async (t) => {
  const { source, open } = await remoteSource();

  t.deepEqual(await collect(source.count(0, 300)), [...Array.from({ length: 300 }).keys()]);
  const stream = await source.count(0, 1);
  t.deepEqual(await stream.next(), { done: false, value: 0 });
  t.deepEqual(await stream.next(), { done: true, value: 'the end' });
  t.deepEqual(await stream.next(), { done: true, value: undefined });
  t.is(open(), 0);
});

test('a generator of another node does not run before it is read, nor far ahead', async (t) => {
  const { source, env } = await remoteSource();
  const stream = await source.count(0, 10_000);
  await env.settled();
  t.is(await source.total(), 0);

  for (let i = 0; i < 100; i += 1) await stream.next();
  await env.settled();

  t.true((await source.total()) <= 100 + 64);
});

test('large items are counted by their bytes', async (t) => {
  const { source, env } = await remoteSource();
  const stream = await source.big(512 * 1024);

  for (let i = 0; i < 20; i += 1) await stream.next();
  await env.settled();

  const total = await source.total();
  t.true(total <= 20 + 4, `${total} items of half a mebibyte were taken`);
});

test('an error in the middle of a stream arrives after what came before it', async (t) => {
  const { source, open } = await remoteSource();
  const stream = await source.fail();

  t.deepEqual(await stream.next(), { done: false, value: 1 });
  await t.throwsAsync(stream.next(), { instanceOf: RangeError, message: 'no more' });
  t.deepEqual(await stream.next(), { done: true, value: undefined });
  t.is(open(), 0);
});

test('a call that is refused fails where its stream is iterated', async (t) => {
  const { source } = await remoteSource();
  const none = source as object as { nothing(): AsyncIterable<number> };

  await t.throwsAsync(collect(none.nothing()), { instanceOf: NoSuchMethod });
});

test('leaving the loop runs the finally blocks on the other node', async (t) => {
  const { source, seen, open } = await remoteSource();

  for await (const n of source.count(0, 1_000)) if (n === 5) break;

  t.deepEqual(seen, ['finally']);
  t.is(open(), 0);
});

test('ending a stream aborts the signal of a step that runs on the other node', async (t) => {
  const { source, seen, env } = await remoteSource();
  const stream = await source.wait();
  await stream.next();
  const step = stream.next();
  await env.settled();

  await stream.return?.();

  t.deepEqual(await step, { done: true, value: undefined });
  t.deepEqual(seen, ['aborted']);
});

test('aborting the signal of the call cuts its stream off and ends its source', async (t) => {
  const { source, seen, env, open } = await remoteSource();
  const controller = new AbortController();
  const stream = await source.with({ signal: controller.signal }).count(0, 1_000);
  await stream.next();

  controller.abort();
  await env.settled();

  await t.throwsAsync(collect(stream), { instanceOf: Cancelled });
  await t.throwsAsync(stream.next(), { instanceOf: Cancelled });
  t.deepEqual(seen, ['finally']);
  t.is(open(), 0);
});

test('a session that is lost cuts streams off: the reader is told, the source ends', async (t) => {
  const { a, source, seen, env, open } = await remoteSource();
  const stream = await source.count(0, 10_000);
  await stream.next();

  for (const peer of a.endpoint.peers) peer.end(new Error('cut for the test'));
  await env.settled();

  await t.throwsAsync(collect(stream), { instanceOf: SessionLost });
  await t.throwsAsync(stream.next(), { instanceOf: SessionLost });
  t.deepEqual(seen, ['finally']);
  t.is(open(), 0);
});

test('a stream whose actor goes down throws and never ends quietly', async (t) => {
  const { source, local, b, env } = await remoteSource();
  const stream = await source.wait();
  await stream.next();
  await env.settled();

  await b.system.stopActor(local);

  await t.throwsAsync(stream.next(), { instanceOf: ActorDown });
});

test('an item that cannot travel ends the stream on both sides, with its place', async (t) => {
  const { source, seen, env, open } = await remoteSource();
  const stream = await source.odd();
  await stream.next();

  const error = await t.throwsAsync(stream.next(), { instanceOf: NotSerializable });
  await env.settled();

  t.is(error?.path, 'item');
  t.deepEqual(seen, ['finally']);
  t.is(open(), 0);
});

test('a stream travels within a result, and beside other values', async (t) => {
  const { source } = await remoteSource();

  const { total, lines } = await source.report();

  t.is(total, 2);
  t.deepEqual(await collect(lines), ['a', 'b']);
});

test('a ReadableStream arrives as one, and cancelling it ends its source', async (t) => {
  const { source, seen } = await remoteSource();

  t.deepEqual(await collect(await source.readable()), ['a', 'b', 'c']);
  const reader = (await source.readable()).getReader();
  t.deepEqual(await reader.read(), { done: false, value: 'a' });
  await reader.cancel();

  t.deepEqual(seen, ['finally', 'finally']);
});

test('a generator as an argument is read across nodes, and ended when the reader leaves', async (t) => {
  const { source, open } = await remoteSource();
  const seen: string[] = [];

  t.is(await source.sum(numbers(100, seen), 1_000_000), 5_050);
  t.is(await source.sum(numbers(100, seen), 10), 10);

  t.deepEqual(seen, ['finally', 'finally']);
  t.is(open(), 0);
});

test('an object that is iterable by its own method is read as a stream, not sent as data', async (t) => {
  const { source } = await remoteSource();
  const list = {
    async *[Symbol.asyncIterator]() {
      yield* [1, 2, 3];
    },
  };

  t.is(await source.sum(list, 100), 6);
});

test('a ReadableStream as an argument arrives as one', async (t) => {
  const { source } = await remoteSource();

  t.is(await source.read(ReadableStream.from(texts(['a', 'b'], []))), 'true: ab');
});

test('a stream that nobody can read any more is ended', async (t) => {
  const { source, seen, env, open } = await remoteSource();
  const stream = await source.count(0, 100);
  await stream.next();

  env.collect(stream);
  await env.settled();

  t.deepEqual(seen, ['finally']);
  t.is(open(), 0);
});

test('streams that were lent by a call that is not sent are forgotten', async (t) => {
  const { source, open } = await remoteSource();

  await t.throwsAsync(source.sum(numbers(3, []), Symbol('no') as unknown as number), {
    instanceOf: NotSerializable,
  });

  t.is(open(), 0);
});

test('a stream handed on to a third node is read by way of the second', async (t) => {
  const { a, node, source } = await remoteSource();
  const c = await node('c');
  c.serve('source', c.system.spawn(Source, []));
  const other = await a.find<ActorRef<Source>>(c, 'source');

  t.is(await other.sum(await source.count(0, 100), 1_000_000), 4_950);
});
