import test from 'ava';
import {
  Actor,
  type ActorRef,
  channel,
  type Down,
  type Env,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { CborCodec, type Codec } from '@troupe/remote';
import { PROBE } from '../dist/frames.js';
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../dist/handshake.js';
import { recordedPort } from './fake-port.js';
import { testNodes } from './nodes.js';
import { recordedFrames, SESSIONS } from './recorded.js';

class Everything extends Actor {
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc me(this: Everything): ActorRef<Everything> {
    return this.self();
  }
  @rpc async *count(end: number): AsyncGenerator<number> {
    for (let i = 0; i < end; i += 1) yield i;
  }
  @rpc ends(): { readonly sender: Sender<unknown>; readonly receiver: Receiver<unknown> } {
    const { sender, receiver } = channel<unknown>(8, { env: this.#env });
    return { sender, receiver };
  }
  @rpc async apply(body: (value: number) => Promise<number>): Promise<number> {
    return body(1);
  }
  /** A turn here that waits for one there, for long enough to ask whether it waits for itself. */
  @rpc waitAt(other: ActorRef<Everything>, signal: AbortSignal): Promise<void> {
    return other.with({ signal }).wait();
  }
  @rpc wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}

/** Notes the types of the frames that a node writes, and how many fields they have. */
class Noting extends CborCodec {
  readonly types = new Set<unknown>();
  readonly sizes = new Set<string>();
  override encode(...given: Parameters<Codec['encode']>): Uint8Array {
    const [frame] = given;
    this.types.add(frame[0]);
    this.sizes.add(sizeOf(frame));
    return super.encode(...given);
  }
}

function sizeOf(frame: readonly unknown[]): string {
  return `${frame.length} fields of type ${String(frame[0])}`;
}

async function collected(items: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The frames that a version of the protocol has. */
function framesOf(version: number): readonly (readonly unknown[])[] {
  const codec = new CborCodec();
  return [...recordedFrames(SESSIONS, version).values()].flatMap((hex) =>
    codec.decodeSequence(Buffer.from(hex, 'hex'), recordedPort),
  );
}

const talks = test.macro({
  title: (_, ours: number, theirs: number) =>
    `a node of version ${ours} and one of version ${theirs} speak what both know, in all they do`,
  async exec(t, ours: number, theirs: number) {
    const { node, env } = testNodes();
    const codec = new Noting();
    const { types, sizes } = codec;
    const a = await node('a', { codec, versions: [PROTOCOL_MIN, ours] });
    const b = await node('b', { codec, versions: [PROTOCOL_MIN, theirs] });
    b.serve('everything', b.system.spawn(Everything, env));
    const ref = await a.find<ActorRef<Everything>>(b, 'everything');
    const downs: Down[] = [];

    t.deepEqual(await ref.echo([1n, 'ä', new Uint8Array(100_000)]), [
      1n,
      'ä',
      new Uint8Array(100_000),
    ]);
    for (let i = 0; i < 8; i += 1) t.is(await ref.me().echo(i), i);
    t.deepEqual(await collected(ref.count(10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    t.is(await ref.apply(async (value) => value + 1), 2);
    const { sender, receiver } = await ref.ends();
    for (let i = 0; i < 4; i += 1) await sender.send(i);
    t.is(await receiver.receive(), 0);
    sender.close();
    t.deepEqual(await collected(receiver), [1, 2, 3]);
    const controller = new AbortController();
    const aborted = t.throwsAsync(ref.with({ signal: controller.signal }).wait());
    await env.settled();
    controller.abort();
    await aborted;
    const here = a.system.spawn(Everything, env);
    const waiting = new AbortController();
    const waited = t.throwsAsync(here.waitAt(ref, waiting.signal));
    await env.advance(1_000);
    waiting.abort();
    await waited;
    a.system.monitor(ref, (down) => downs.push(down));
    await env.settled();
    t.is(types.has(PROBE), Math.min(ours, theirs) >= 2);
    await b.endpoint.drain(1_000);
    await b.endpoint.close();
    await env.settled();

    t.is(downs[0]?.reason.kind, 'node-down');
    const known = new Set(framesOf(Math.min(ours, theirs)).map(([type]) => type));
    t.deepEqual(
      [...types].filter((type) => !known.has(type)),
      [],
    );
    const recorded = new Set(framesOf(PROTOCOL_MAX).map(sizeOf));
    t.deepEqual(
      [...sizes].filter((size) => !recorded.has(size)),
      [],
      'add such a frame to test/wire-frames.ts: npm run record-wire -w @troupe/remote',
    );
  },
});
for (let ours = PROTOCOL_MIN; ours <= PROTOCOL_MAX; ours += 1) {
  for (let theirs = PROTOCOL_MIN; theirs <= PROTOCOL_MAX; theirs += 1) test(talks, ours, theirs);
}

test('what a later version adds and can be done without is left alone', async (t) => {
  const { node, env } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  b.serve('everything', b.system.spawn(Everything, env));
  const ref = await a.find<ActorRef<Everything>>(b, 'everything');
  const [toB] = a.endpoint.peers;

  toB?.send(toB.encode([64, 'of a later version', { anything: 1 }]), { key: undefined });

  t.is(await ref.echo('still here'), 'still here');
});
