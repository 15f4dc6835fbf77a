import test from 'ava';
import { Actor, actor, type ActorRef, rpc } from '@troupe/actor';
import { Flight } from '../dist/flight.js';
import { testNodes } from './nodes.js';
import { slowTransport, type Way } from './slow-way.js';

const MIB = 1024 * 1024;

/** One round trip after another that each take `ms` and bring `bytes`, the window always full. */
function roundTrips(flight: Flight, count: number, ms: number, bytes = 64 * 1024): void {
  for (let i = 0; i < count; i += 1) {
    flight.leaves(i + 1, 0);
    flight.limited();
    flight.acknowledged(i + 1, bytes, ms);
  }
}

test('while round trips stay short the window grows to its most, while they are limited by it', (t) => {
  const flight = new Flight();
  const before = flight.windowBytes;

  roundTrips(flight, 20, 80);

  t.is(before, 512 * 1024);
  t.is(flight.windowBytes, 8 * MIB);
});

test('a window that was not used up says nothing, and does not grow', (t) => {
  const flight = new Flight();

  for (let i = 0; i < 20; i += 1) {
    flight.leaves(i + 1, 0);
    flight.acknowledged(i + 1, 64 * 1024, 80);
  }

  t.is(flight.windowBytes, 512 * 1024);
});

test('round trips that grow longer make it shrink, to its least, and a new connection begins anew', (t) => {
  const flight = new Flight();
  roundTrips(flight, 20, 2);

  roundTrips(flight, 20, 30);
  t.is(flight.windowBytes, 128 * 1024);
  flight.reset();
  roundTrips(flight, 20, 30);

  t.is(flight.windowBytes, 8 * MIB);
});

test('on a way that was fast a window shrinks to what that carries in a millisecond', (t) => {
  const flight = new Flight();
  roundTrips(flight, 20, 2, 2 * 256 * 1024);

  roundTrips(flight, 20, 30);

  t.is(flight.windowBytes, 256 * 1024);
});

test('a long way may vary by a quarter of its round trip before a window shrinks', (t) => {
  const flight = new Flight();
  roundTrips(flight, 20, 80);
  t.is(flight.windowBytes, 8 * MIB);

  roundTrips(flight, 1, 99);
  t.is(flight.windowBytes, 8 * MIB);
  roundTrips(flight, 1, 101);

  t.is(flight.windowBytes, 6 * MIB);
});

test('one envelope is timed at a time, and old news time nothing', (t) => {
  const flight = new Flight();

  t.true(flight.leaves(5, 0));
  t.false(flight.leaves(6, 1));
  flight.acknowledged(4, 100, 2);
  t.false(flight.leaves(7, 3));
  flight.acknowledged(7, 100, 4);

  t.true(flight.leaves(8, 5));
});

@actor({ kind: 'store' })
class Store extends Actor {
  @rpc put(bytes: Uint8Array): number {
    return bytes.length;
  }
}

@actor({ kind: 'other' })
class Other extends Actor {
  @rpc ping(): boolean {
    return true;
  }
}

/** A store on the far side of a way, and an actor beside it. */
async function across(way: Way) {
  const { env, network, node } = testNodes();
  const slow = (name: string) => slowTransport(network.transport(name), env, () => way);
  const life = { pingAfterMs: 60_000, lostAfterMs: 600_000 };
  const a = await node('a', { transport: slow('a'), ...life });
  const b = await node('b', { transport: slow('b'), ...life });
  b.serve('store', b.system.spawn(Store));
  b.serve('other', b.system.spawn(Other));
  const found = Promise.all([
    a.find<ActorRef<Store>>(b, 'store'),
    a.find<ActorRef<Other>>(b, 'other'),
  ]);
  await env.advance(5_000);
  const [store, other] = await found;
  const patient = store.with({ timeoutMs: 600_000 });
  return { env, patient, other: other.with({ timeoutMs: 600_000 }) };
}

/** How long it takes to bring `bytes` there, in values of a mebibyte, in virtual milliseconds. */
async function transferMs(way: Way, bytes: number): Promise<number> {
  const { env, patient } = await across(way);
  const startedAt = env.now();
  let isOver = (): boolean => false;
  let left = bytes / MIB;
  const put = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      await patient.put(new Uint8Array(MIB));
    }
  };
  // Enough of them at a time that nothing but the window limits what is under way.
  void Promise.all(Array.from({ length: 12 }, put)).then(() => (isOver = () => true));
  for (let i = 0; i < 20_000 && !isOver(); i += 1) await env.advance(5);
  return env.now() - startedAt;
}

for (const delayMs of [1, 20, 50]) {
  test(`a way of ${2 * delayMs} ms and 40 MB/s is filled, its first trips aside`, async (t) => {
    const ms = await transferMs({ delayMs, bytesPerSecond: 40_000_000 }, 64 * MIB);

    const leastMs = (64 * MIB) / 40_000;
    t.true(ms < 1.6 * leastMs + 20 * delayMs, `${ms} ms, where ${leastMs} are least`);
  });
}

test('on a narrow way a small call waits for a few milliseconds of large ones, not for all', async (t) => {
  const { env, patient, other } = await across({ delayMs: 1, bytesPerSecond: 20_000_000 });
  const put = async (): Promise<void> => {
    for (;;) await patient.put(new Uint8Array(2 * MIB));
  };
  for (let i = 0; i < 6; i += 1) void put();
  await env.advance(500); // By now the window fits the way.

  const waits: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const startedAt = env.now();
    let isAnswered = (): boolean => false;
    void other.ping().then(() => (isAnswered = () => true));
    while (!isAnswered()) await env.advance(1);
    waits.push(env.now() - startedAt);
  }
  waits.sort((x, y) => x - y);

  // 128 KiB, the least window, take 6.5 ms on this way; it takes 2 ms when nothing else is there.
  t.true((waits[10] ?? Infinity) < 15, `${waits.join(', ')} ms`);
});
