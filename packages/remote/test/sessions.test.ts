import test from 'ava';
import {
  Actor,
  actor,
  type ActorRef,
  type Down,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import type { Peer } from '@troupe/remote';
import { testNodes, type TestNodeOptions } from './nodes.js';

@actor({ kind: 'ledger', mailboxCapacity: 100_000 })
class Ledger extends Actor {
  readonly entries: number[] = [];
  @rpc add(entry: number): number {
    this.entries.push(entry);
    return entry;
  }
  @rpc attach(entry: number, _bytes: Uint8Array): void {
    this.entries.push(entry);
  }
  @rpc size(bytes: Uint8Array): number {
    return bytes.length;
  }
  @rpc all(): readonly number[] {
    return this.entries;
  }
  @rpc wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}

/** Two nodes, and on `a` a reference to a ledger of `b`. */
async function remoteLedger(options: TestNodeOptions = {}) {
  const nodes = testNodes();
  const a = await nodes.node('a', options);
  const b = await nodes.node('b', options);
  b.serve('ledger', b.system.spawn(Ledger));
  const ledger = await a.find<ActorRef<Ledger>>(b, 'ledger');
  return { ...nodes, a, b, ledger };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

test('a call that runs while the connection breaks is answered over the next one', async (t) => {
  const { ledger, network, env } = await remoteLedger();
  const calls = upTo(10).map((entry) => ledger.add(entry));

  network.cut('a', 'b');
  await env.advance(3_000);
  network.heal('a', 'b');
  await env.advance(2_000);

  t.deepEqual(await Promise.all(calls), upTo(10));
  t.deepEqual(await ledger.all(), upTo(10));
});

test('what is sent while there is no connection follows what was sent before', async (t) => {
  const { ledger, network, env } = await remoteLedger();
  ledger.tell.add(0);
  network.cut('a', 'b');
  await env.settled();
  for (const entry of [1, 2, 3]) ledger.tell.add(entry);
  await env.advance(1_000);
  network.heal('a', 'b');
  await env.advance(2_000);

  t.deepEqual(await ledger.all(), [0, 1, 2, 3]);
});

const survives = test.macro({
  title: (_, seed: number) =>
    `nothing is lost, doubled or reordered however often it is cut: ${seed}`,
  async exec(t, seed: number) {
    const { ledger, network, env } = await remoteLedger({ resumeWindowMs: 600_000 });
    const random = xorshift(seed);
    const calls: Promise<number>[] = [];
    for (let i = 0; i < 200; i += 1) {
      if (random() < 0.5) ledger.tell.add(i);
      else calls.push(ledger.with({ timeoutMs: 600_000 }).add(i));
      if (random() < 0.1) void ledger.with({ timeoutMs: 600_000 }).size(new Uint8Array(100_000));
      // Cuts fall between the microtasks of a delivery, and do not all last for one attempt.
      for (let steps = Math.floor(random() * 6); steps > 0; steps -= 1) await null;
      if (random() > 0.2) continue;
      network.cut('a', 'b');
      if (random() < 0.5) await env.advance(random() * 1_000);
      network.heal('a', 'b');
      if (random() < 0.5) await env.advance(random() * 300);
    }
    await env.advance(5_000);

    t.deepEqual(await ledger.all(), upTo(200));
    t.deepEqual(
      await Promise.all(calls),
      (await Promise.all(calls)).toSorted((x, y) => x - y),
    );
  },
});
for (let seed = 1; seed <= 10; seed += 1) test(survives, seed);

class Gate extends Actor {
  readonly #waiting: ((value: string) => void)[] = [];
  @rpc({ interleave: true }) pass(): Promise<string> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  @rpc({ interleave: true }) open(value: string): void {
    this.#waiting.shift()?.(value);
  }
}

test('what an earlier session has asked is no answer in the next, whatever its number', async (t) => {
  const { a, b, env } = await remoteLedger();
  const gate = b.system.spawn(Gate);
  b.serve('gate', gate);
  const early = await a.find<ActorRef<Gate>>(b, 'gate');
  const earlyCalls = Array.from({ length: 8 }, () => t.throwsAsync(Promise.resolve(early.pass())));
  await env.settled();
  for (const peer of b.endpoint.peers) peer.end(new Error('enough'));
  await env.advance(1_000);
  await Promise.all(earlyCalls);

  const late = await a.find<ActorRef<Gate>>(b, 'gate');
  const lateCalls = Array.from({ length: 8 }, () => late.pass());
  await env.settled();
  for (let i = 0; i < 8; i += 1) gate.tell.open('early');
  for (let i = 0; i < 8; i += 1) gate.tell.open('late');

  t.deepEqual(await Promise.all(lateCalls), new Array(8).fill('late'));
});

test('a connection that died without a word is replaced, and the session goes on', async (t) => {
  const { ledger, network, env } = await remoteLedger();
  network.freeze('a', 'b');
  const call = ledger.add(1);

  await env.advance(6_000);

  t.is(await call, 1);
});

test('a peer that takes bytes and says nothing is noticed within 6 s, and given up 5 s later', async (t) => {
  const lost: string[] = [];
  const onLost = ({ identity }: Peer, wasConnected: boolean): void => {
    if (wasConnected) lost.push(identity.name);
  };
  const { a, ledger, network, env } = await remoteLedger({ onLost });
  const downs: string[] = [];
  a.system.monitor(ledger, ({ reason }) => downs.push(reason.kind));
  const call = t.throwsAsync(ledger.with({ timeoutMs: 600_000 }).wait(), {
    instanceOf: SessionLost,
  });
  await env.advance(60_000);
  t.deepEqual(lost, []);

  network.freeze('a', 'b');
  network.refuse('a', 'b');
  await env.advance(6_000);
  t.deepEqual(lost.toSorted(), ['a', 'b']);
  t.deepEqual(downs, []);
  await env.advance(5_000);

  t.is((await call)?.executed, 'unknown');
  t.deepEqual(downs, ['node-down']);
});

test('an idle session keeps its connection, though one side alone asks for signs of life', async (t) => {
  const { node, env } = testNodes();
  const told: string[] = [];
  const onConnected = ({ identity }: Peer): void => void told.push(`to ${identity.name}`);
  const onLost = ({ identity }: Peer): void => void told.push(`lost ${identity.name}`);
  const a = await node('a', { onConnected, onLost });
  await node('b', { pingAfterMs: 3_600_000, lostAfterMs: 3_600_000, onConnected, onLost });
  await a.endpoint.connect('b:1');

  await env.advance(600_000);

  t.deepEqual(told.toSorted(), ['to a', 'to b']);
});

test('when the peer was started again, its session ends without waiting', async (t) => {
  const { a, network, env, node, ledger } = await remoteLedger();
  const downs: Down[] = [];
  a.system.monitor(ledger, (down) => downs.push(down));
  const call = t.throwsAsync(ledger.wait(), { instanceOf: SessionLost });
  await env.settled();

  network.crash('b');
  network.restore('b');
  await node('b', { incarnation: 'b-2' });
  await env.advance(500);

  t.regex((await call)?.message ?? '', /in another incarnation|was started again/);
  t.is(downs.length, 1);
});

test('both sides learn that a session has ended, and go on in a new one', async (t) => {
  const { a, b, network, env, ledger } = await remoteLedger({ resumeWindowMs: 1_000 });
  a.serve('ledger', a.system.spawn(Ledger));
  const back = await b.find<ActorRef<Ledger>>(a, 'ledger');
  const calls = [ledger, back].map((ref) => t.throwsAsync(ref.wait(), { instanceOf: SessionLost }));
  await env.settled();

  network.cut('a', 'b');
  await env.advance(1_100);
  network.heal('a', 'b');

  for (const call of calls) t.is((await call)?.executed, 'unknown');
  t.is(await ledger.add(1), 1);
  t.is(await back.add(2), 2);
});

test('a side that ends the session alone tells the other when it comes back', async (t) => {
  const { a, b, network, env, ledger } = await remoteLedger();
  const call = t.throwsAsync(ledger.wait(), { instanceOf: SessionLost });
  await env.settled();
  network.cut('a', 'b');
  await env.settled();
  b.endpoint.forget(a.endpoint.identity, 'held to be down');

  network.heal('a', 'b');
  await env.advance(500);

  t.regex((await call)?.message ?? '', /new session/);
  t.is(await ledger.add(1), 1);
});

test('what had not left when the session ended is known not to have run', async (t) => {
  const { network, env, ledger } = await remoteLedger();
  const before = t.throwsAsync(ledger.wait(), { instanceOf: SessionLost });
  await env.settled();
  network.cut('a', 'b');
  await env.settled();
  const after = t.throwsAsync(ledger.add(1), { instanceOf: Unreachable });

  await env.advance(6_000);

  t.is((await before)?.executed, 'unknown');
  t.is((await after)?.executed, 'no');
});

test('a value of several megabytes crosses in pieces and arrives whole', async (t) => {
  const { ledger } = await remoteLedger();

  t.is(await ledger.size(new Uint8Array(10_000_000)), 10_000_000);
});

test('neither calls nor tells overtake a large one to the same actor', async (t) => {
  const { ledger } = await remoteLedger();

  ledger.tell.attach(1, new Uint8Array(8_000_000));
  ledger.tell.add(2);
  await ledger.add(3);

  t.deepEqual(await ledger.all(), [1, 2, 3]);
});

test('compression is used where both sides are for it, and changes nothing else', async (t) => {
  for (const compress of [true, false]) {
    const { ledger, network } = await remoteLedger({ compress });
    const before = network.carriedBytes;

    t.is(await ledger.size(new Uint8Array(1_000_000)), 1_000_000);

    t.is(network.carriedBytes - before < 100_000, compress);
  }
});

test('tells beyond what may wait for a connection become dead letters, and no others', async (t) => {
  let refused = 0;
  const { ledger, network, env } = await remoteLedger({ onDeadLetter: () => (refused += 1) });
  network.cut('a', 'b');
  await env.settled();

  for (let i = 0; i < 20; i += 1) ledger.tell.size(new Uint8Array(1024 * 1024));
  t.is(refused, 4); // 16 MiB may wait.
  network.heal('a', 'b');
  await env.advance(2_000);

  t.is(await ledger.add(1), 1);
});

test('what ends something leaves though 16 MiB wait already', async (t) => {
  const limits = { monitorsMax: 1 };
  const { a, b, ledger, network, env } = await remoteLedger({ limits });
  const [toA] = b.endpoint.peers;
  const downs: Down[] = [];
  const abort = new AbortController();
  const call = t.throwsAsync(ledger.with({ signal: abort.signal, timeoutMs: 600_000 }).wait());
  const forget = a.system.monitor(ledger, (down) => downs.push(down));
  await env.settled();
  t.is(toA?.incoming.calls, 1);
  network.cut('a', 'b');
  await env.settled();
  for (let i = 0; i < 17; i += 1) ledger.tell.size(new Uint8Array(1024 * 1024));

  abort.abort(new RangeError('enough'));
  forget();
  network.heal('a', 'b');
  await env.advance(2_000);

  await call;
  t.is(toA?.incoming.calls, 0);
  a.system.monitor(ledger, (down) => downs.push(down));
  await env.settled();
  t.deepEqual(downs, []); // Of two monitors the second would have been refused.
});

test('a node that ends says so, and nobody tries to go on with it', async (t) => {
  const { b, ledger, env } = await remoteLedger();
  const call = t.throwsAsync(ledger.wait(), { instanceOf: SessionLost });
  await env.settled();

  void b.endpoint.close();
  await env.settled();

  t.regex((await call)?.message ?? '', /the node is stopping/);
});
