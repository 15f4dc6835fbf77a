import test from 'ava';
import {
  Actor,
  type ActorRef,
  type AnyRef,
  BadOption,
  type Down,
  NotSerializable,
  Overloaded,
  rpc,
  SessionLost,
} from '@troupe/actor';
import { DEFAULT_PEER_LIMITS, type PeerLimits } from '@troupe/remote';
import { type Cell, ChannelCore, recipientOf, senderOf } from '@troupe/actor/internal';
import { CALL, RESULT, STOP, WATCH } from '../dist/frames.js';
import { RemoteActor } from '../dist/remote-actor.js';
import { type TestNode, testNodes } from './nodes.js';

class Sink extends Actor {
  readonly #held: unknown[] = [];
  @rpc wait(_bytes?: Uint8Array): Promise<never> {
    return new Promise(() => {});
  }
  @rpc hold(value: unknown): number {
    return this.#held.push(value);
  }
  @rpc ask(other: ActorRef<Sink>): Promise<number> {
    return other.hold(1);
  }
  @rpc async read(stream: AsyncIterable<number>): Promise<number> {
    let read = 0;
    for await (const n of stream) read += n;
    return read;
  }
  @rpc async call(body: () => Promise<number>): Promise<number> {
    return body();
  }
  @rpc async *count(): AsyncGenerator<number> {
    for (let n = 0; ; n += 1) yield n;
  }
}

/** A sink on `b`, which grants `limits`, and on `a` a reference to it. */
async function remoteSink(limits: Partial<PeerLimits>) {
  const nodes = testNodes();
  const a = await nodes.node('a');
  const b = await nodes.node('b', { limits });
  b.serve('sink', b.system.spawn(Sink));
  const sink = await a.find<ActorRef<Sink>>(b, 'sink');
  const [toA] = b.endpoint.peers;
  return { ...nodes, a, b, sink, toA };
}

/** References, to be sent by `a`, to actors of nodes that may not exist. */
function referencesTo(a: TestNode, names: readonly string[]): readonly AnyRef[] {
  return names.map((name) => {
    const identity = { name, incarnation: `${name}-1`, address: `${name}:1` };
    return new RemoteActor(a.endpoint.peerOf(identity), 1, 'sink').ref;
  });
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

async function* numbers(): AsyncGenerator<number> {
  yield* [1, 2, 3];
}

test('one call more than callsMax is refused, and does not run', async (t) => {
  const { sink, env } = await remoteSink({ callsMax: 2 });
  void Promise.allSettled([sink.wait(), sink.wait()]);
  await env.settled();

  const error = await t.throwsAsync(sink.hold(1), { instanceOf: Overloaded });

  t.like(error, { executed: 'no', bound: 'calls of one peer', limit: 2 });
});

test('a call that is cancelled counts until its method has ended', async (t) => {
  const { sink, env, toA } = await remoteSink({ callsMax: 1 });
  const controller = new AbortController();
  void Promise.allSettled([sink.with({ signal: controller.signal }).wait()]);
  await env.settled();

  controller.abort();
  await env.settled();

  t.is(toA?.incoming.calls, 1);
  await t.throwsAsync(sink.hold(1), { instanceOf: Overloaded });
});

const again: Readonly<Record<string, readonly unknown[]>> = {
  call: [CALL, 1_000, 'directory', 'get', [''], 10_000],
  stop: [STOP, 1_000, 1_000],
};
for (const [what, frame] of Object.entries(again)) {
  test(`a ${what} that has the number of another is none, and ends the session`, async (t) => {
    const { a, b, sink, env } = await remoteSink({});
    const target = b.system.export(recipientOf(b.system.spawn(Sink)) as Cell);
    const waiting = t.throwsAsync(sink.wait(), { instanceOf: SessionLost });
    const [toB] = a.endpoint.peers;

    for (const each of [[CALL, 1_000, target, 'wait', [], 10_000], frame]) {
      toB?.send(toB.encode(each), { key: target });
    }
    await env.settled();

    await waiting;
    const [broken] = env.logged.filter(({ level }) => level === 'error');
    t.regex(String(broken?.fields['error']), /call 1000 is under way already/);
  });
}

test('an actor is asked to stop as often as there may be calls, and no more', async (t) => {
  const { a, b, env } = await remoteSink({ callsMax: 2 });
  const busy = b.system.spawn(Sink);
  b.serve('busy', busy);
  const far = await a.find<ActorRef<Sink>>(b, 'busy');
  void busy.wait().catch(() => undefined);
  void Promise.allSettled([a.system.stopActor(far), a.system.stopActor(far)]);
  await env.settled();

  const error = await t.throwsAsync(a.system.stopActor(far), { instanceOf: Overloaded });

  t.like(error, { executed: 'no', bound: 'calls of one peer', limit: 2 });
});

test('calls are counted by their bytes too, and large ones are served one at a time', async (t) => {
  const { sink, env } = await remoteSink({ callBytesMax: 100_000 });
  void Promise.allSettled([sink.wait(new Uint8Array(200_000))]);
  await env.settled();

  const error = await t.throwsAsync(sink.hold(1), { instanceOf: Overloaded });

  t.like(error, { executed: 'no', bound: 'bytes of calls of one peer', limit: 100_000 });
});

test('whoever makes calls only to cancel them is hung up on', async (t) => {
  const { sink, env } = await remoteSink({ callsMax: 4, cancelsPerSecondMax: 10 });
  const other = t.throwsAsync(sink.wait(), { instanceOf: SessionLost });
  const cancelled = async (): Promise<void> => {
    const controller = new AbortController();
    const call = sink.with({ signal: controller.signal }).hold(1);
    controller.abort();
    await call.catch(() => undefined);
  };

  for (let n = 0; n < 5; n += 1) await cancelled();
  await env.settled();

  await other;
});

test('whoever cancels a call now and then is not', async (t) => {
  const { sink, env } = await remoteSink({ callsMax: 4, cancelsPerSecondMax: 10 });

  for (let n = 0; n < 20; n += 1) {
    const controller = new AbortController();
    const call = sink.with({ signal: controller.signal }).hold(1);
    controller.abort();
    await t.throwsAsync(call);
    await env.advance(200);
  }

  t.is(await sink.hold(1), 1);
});

test('one stream more than streamsMax fails where it is read, and nothing else', async (t) => {
  const { sink } = await remoteSink({ streamsMax: 1 });
  await sink.hold(numbers());

  const error = await t.throwsAsync(sink.read(numbers()), { instanceOf: Overloaded });

  t.like(error, { bound: 'streams of its', limit: 1 });
  t.is(await sink.hold(1), 2);
});

test('one function more than loansMax fails where it is called, and nothing else', async (t) => {
  const { sink } = await remoteSink({ loansMax: 1 });
  await sink.hold(async () => 1);

  const error = await t.throwsAsync(
    sink.call(async () => 1),
    { instanceOf: Overloaded },
  );

  t.like(error, { limit: 1 });
  t.is(await sink.hold(1), 2);
});

test('a result with one stream more than streamsMax tells that the method ran', async (t) => {
  const { sink } = await remoteSink({ streamsMax: 1 });
  await sink.count();

  const error = await t.throwsAsync(Promise.resolve(sink.count()), { instanceOf: NotSerializable });

  t.is(error?.executed, 'yes');
  t.regex(error?.message ?? '', /streams that it may read reached its limit of 1/);
});

test('one monitor more than monitorsMax is told why, and is no word of its actor', async (t) => {
  const { a, sink, env } = await remoteSink({ monitorsMax: 1 });
  const downs: Down[] = [];
  a.system.monitor(sink, () => t.fail('it is not down'));
  await env.settled();

  const forget = a.system.monitor(sink, (down) => downs.push(down));
  await env.settled();
  forget();

  const [reason] = downs.map((down) => down.reason);
  t.is(reason?.kind, 'node-down');
  t.true(reason !== undefined && 'error' in reason && reason.error instanceof Overloaded);
  t.is(await sink.hold(1), 1);
});

test('a node has 65,536 calls under way to another, and no more', async (t) => {
  const { sink } = await remoteSink({});
  void Promise.allSettled(Array.from({ length: 65_536 }, () => sink.wait()));

  const error = await t.throwsAsync(sink.hold(1), { instanceOf: Overloaded });

  t.like(error, { executed: 'no', bound: 'calls in flight', limit: 65_536 });
});

test('a node has 65,536 monitors at another, and no more', async (t) => {
  const { a, sink } = await remoteSink({});
  for (let i = 0; i < 65_536; i += 1) a.system.monitor(sink, () => undefined);

  const error = t.throws(() => a.system.monitor(sink, () => undefined), {
    instanceOf: Overloaded,
  });

  t.like(error, { executed: 'no', bound: 'monitors of its node', limit: 65_536 });
});

test('answers that a node does not read pile up to 64 MiB, and end its session', async (t) => {
  const { network, toA } = await remoteSink({});
  network.freeze('a', 'b');
  const answer = (id: number): void => {
    toA?.reply([RESULT, id, new Uint8Array(30 * 1024)], undefined);
  };

  for (let id = 1; id <= 2_000; id += 1) answer(id);
  t.true(toA?.hasSession);
  for (let id = 2_001; id <= 3_000; id += 1) answer(id);

  t.false(toA?.hasSession);
});

test('one number for two monitors breaks the protocol, or the first would not be counted', async (t) => {
  const { sink, a } = await remoteSink({});
  const [toB] = a.endpoint.peers;
  const { target } = recipientOf(sink) as RemoteActor;
  const lost = t.throwsAsync(Promise.resolve(sink.wait()), { instanceOf: SessionLost });

  for (let i = 0; i < 2; i += 1) toB?.send(toB.encode([WATCH, 9, target]), { key: undefined });

  await lost;
});

const named: Readonly<Record<string, (a: TestNode) => unknown>> = {
  'a reference': (a) => referencesTo(a, ['x']),
  'a channel end': (a) => {
    const core = new ChannelCore(1, a.system.env);
    const home = { name: 'x', incarnation: 'x-1', address: 'x:1' };
    a.endpoint.table.remember(core, { home, id: 1, role: 'send', capacity: 1, token: 't' });
    return senderOf(core);
  },
};
for (const [what, oneMore] of Object.entries(named)) {
  test(`${what} of one node more than 4,096 that nobody uses breaks the protocol`, async (t) => {
    const { a, b, env, sink } = await remoteSink({});
    for (let i = 0; i < 4; i += 1) await sink.hold(referencesTo(a, names(`${i}-`, 1_024)));
    await sink.hold(referencesTo(a, names('0-', 1_024))); // None of them is new.
    t.is(b.endpoint.named, 4_096);

    const error = await t.throwsAsync(Promise.resolve(sink.hold(oneMore(a))));

    t.like(error, { code: 'ERR_UNREACHABLE', executed: 'no', reason: 'the protocol was broken' });
    const [broken] = env.logged.filter(({ level }) => level === 'error');
    t.regex(String(broken?.fields['error']), /more than 4096 nodes named/);
    t.is(b.endpoint.named, 4_096);
  });
}

test('a node that was named and is used counts no longer', async (t) => {
  const { a, b, env, node, sink } = await remoteSink({});
  await node('c');
  const [far] = referencesTo(a, ['c']) as [ActorRef<Sink>];
  for (let i = 0; i < 4; i += 1) await sink.hold(referencesTo(a, names(`${i}-`, 1_023)));
  await sink.hold(referencesTo(a, names('y', 3)));
  await sink.hold(far);
  t.is(b.endpoint.named, 4_096);

  await sink.ask(far).catch(() => undefined); // It is refused, by the node.
  await env.settled();

  t.is(b.endpoint.named, 4_095);
  await sink.hold(referencesTo(a, ['x']));
});

test('limits are checked when the node starts', async (t) => {
  await t.throwsAsync(testNodes().node('a', { limits: { callsMax: 0 } }), {
    instanceOf: BadOption,
    message: 'limits.callsMax is 0: give an integer of at least 1',
  });
  t.is(DEFAULT_PEER_LIMITS.callsMax, 65_536);
});

test('times between nodes are checked when the node starts', async (t) => {
  for (const option of ['pingAfterMs', 'lostAfterMs', 'resumeWindowMs']) {
    const error = await t.throwsAsync(testNodes().node('a', { [option]: Number.NaN }), {
      instanceOf: BadOption,
    });

    t.is(error?.option, option);
  }
});
