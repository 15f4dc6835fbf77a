import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { Revival } from '../dist/revival.js';

interface Tried {
  /** When each attempt began. */
  readonly at: number[];
  expiredAt: number;
}

/** Attempts that all fail, from the loss of a connection to the end of the window. */
async function triesOf(seed: number, yields: boolean, windowMs = 10_000): Promise<Tried> {
  const env = virtualEnv(seed);
  const tried: Tried = { at: [], expiredAt: 0 };
  const revival = new Revival({
    env,
    windowMs,
    dial: () => {
      tried.at.push(env.now());
      return Promise.reject(new Error('nobody listens'));
    },
    expired: () => {
      tried.expiredAt = env.now();
      revival.stop();
    },
  });
  revival.begin(yields);
  await env.advance(windowMs + 5_000);
  return tried;
}

function pausesOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
}

test('the side that had dialled tries at once, then with pauses that double up to a second', async (t) => {
  const { at, expiredAt } = await triesOf(1, false);

  t.is(at[0], 0);
  for (const [i, pause] of pausesOf(at).entries()) {
    const middle = Math.min(25 * 2 ** (i + 1), 1_000);
    t.true(pause >= middle / 2 && pause < middle * 1.5, `pause ${i}: ${pause} ms`);
  }
  t.is(expiredAt, 10_000);
  t.true((at.at(-1) ?? Infinity) <= 10_000);
});

test('pauses are left to chance by half, so that many nodes do not come back at one moment', async (t) => {
  const all = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => triesOf(seed, false)));

  for (const pause of [0, 3, 6]) {
    t.is(new Set(all.map(({ at }) => pausesOf(at)[pause])).size, all.length);
  }
});

test('the side that was dialled leaves it to the other one for 200 ms', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { at } = await triesOf(seed, true);

    t.true((at[0] ?? 0) >= 200 && (at[0] ?? 0) < 250, `${at[0]} ms`);
  }
});

test('a connection that works begins the pauses and the window anew', async (t) => {
  const env = virtualEnv();
  const at: number[] = [];
  let expired = 0;
  const revival = new Revival({
    env,
    windowMs: 1_000,
    dial: async () => void at.push(env.now()),
    expired: () => (expired += 1),
  });
  revival.begin(false);
  await env.advance(900);

  revival.connected();
  revival.proved();
  await env.advance(900);
  t.is(env.timers, 0);
  const before = at.length;
  revival.begin(false);
  await env.settled();

  t.is(at.length, before + 1);
  t.is(expired, 0);
  await env.advance(1_000);
  t.is(expired, 1);
});
