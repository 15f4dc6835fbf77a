import test from 'ava';
import { Deadlines, type Expiring } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';

function item(onExpire: () => void): Expiring {
  return { wheelNext: undefined, wheelPrevious: undefined, dueTick: -1, expire: onExpire };
}

test('what expires may take out what would expire next, and all others still do', async (t) => {
  const env = virtualEnv();
  const deadlines = new Deadlines(env);
  const expired: string[] = [];
  const last = item(() => expired.push('last'));
  const taken = item(() => expired.push('taken'));
  const first = item(() => {
    expired.push('first');
    deadlines.remove(taken);
  });
  for (const each of [first, taken, last]) deadlines.add(each, 100); // The oldest goes first.

  await env.advance(200);

  t.deepEqual(expired, ['first', 'last']);
  t.is(deadlines.size, 0);
});

for (const timeoutMs of [1, 16, 500, 8_192, 20_000]) {
  test(`a deadline of ${timeoutMs} ms comes never early, and two ticks late at most`, async (t) => {
    const env = virtualEnv();
    const deadlines = new Deadlines(env);
    let at: number | undefined;
    deadlines.add(
      item(() => (at = env.now())),
      timeoutMs,
    );

    await env.advance(timeoutMs + 32);

    t.true(at !== undefined && at >= timeoutMs && at <= timeoutMs + 32, `at ${at}`);
    t.is(env.timers, 0);
  });
}

test('a deadline is not early because the loop stood still before it was set', async (t) => {
  let now = 0;
  const timers: (() => void)[] = [];
  const env = {
    ...virtualEnv(),
    now: () => now,
    setTimer: (_delayMs: number, run: () => void) => {
      timers.push(run);
      return { cancel() {} };
    },
  };
  const tick = (ms: number): void => {
    now += ms;
    timers.shift()?.();
  };
  const deadlines = new Deadlines(env);
  const expired: string[] = [];
  deadlines.add(
    item(() => expired.push('before')),
    100,
  );
  tick(16);
  now += 500; // A method computes, and calls somebody when it is done.
  deadlines.add(
    item(() => expired.push('after')),
    100,
  );

  tick(0);
  t.deepEqual(expired, ['before']);
  for (let ms = 0; ms < 96; ms += 16) tick(16);
  t.deepEqual(expired, ['before']);
  for (let ms = 0; ms < 48; ms += 16) tick(16);
  t.deepEqual(expired, ['before', 'after']);
});

for (const timeoutMs of [1, 16, 50, 10_000]) {
  test(`${timeoutMs} ms that are passed on a hundred times do not become more`, (t) => {
    const deadlines = new Deadlines(virtualEnv());
    let remainingMs = timeoutMs;

    for (let hop = 0; hop < 100; hop += 1) {
      const each = item(() => undefined);
      deadlines.add(each, remainingMs);
      remainingMs = deadlines.remainingMs(each.dueTick);
    }

    t.true(remainingMs <= timeoutMs + 16, `${remainingMs} ms`);
  });
}
