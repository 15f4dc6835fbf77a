import test from 'ava';
import { type Env, processEnv } from '@troupe/actor';
import { freshFiles } from './places.ts';

/** Whether a write waits for the turn of this loop, which only those in place do. */
async function countInPlace(
  t: Parameters<typeof freshFiles>[0],
  writes: readonly { readonly bytes: number; readonly tookMs: number; readonly thenMs: number }[],
): Promise<readonly boolean[]> {
  let [clock, turns, tookMs] = [0, 0, 0];
  const real = processEnv();
  const env: Env = {
    ...real,
    now: () => (clock += tookMs),
    afterIo: (run) => real.afterIo(() => ((turns += 1), run())),
  };
  const files = await freshFiles(t, { inPlace: env });
  const file = await files.open('f', { create: true, writeThrough: true });
  const found: boolean[] = [];
  for (const write of writes) {
    const before = turns;
    tookMs = write.tookMs;
    await file.write(0, new Uint8Array(write.bytes));
    tookMs = 0;
    clock += write.thenMs;
    found.push(turns > before);
  }
  await file.close();
  return found;
}

const onLinux = process.platform === 'linux' ? test : test.skip; // Elsewhere nothing is.

onLinux('a disk that is slow is not waited for in place for a second, a hiccup is', async (t) => {
  const fast = { bytes: 100, tookMs: 0, thenMs: 10 };
  const hiccup = { ...fast, tookMs: 5 };
  const slow = { ...fast, tookMs: 20 };

  const inPlace = await countInPlace(t, [
    fast,
    hiccup,
    fast,
    slow,
    fast,
    { ...fast, thenMs: 1_000 },
    fast,
  ]);

  t.deepEqual(inPlace, [true, true, true, true, false, false, true]);
});

onLinux('what is long is not written in place', async (t) => {
  const inPlace = await countInPlace(t, [
    { bytes: 65_536, tookMs: 0, thenMs: 0 },
    { bytes: 65_537, tookMs: 0, thenMs: 0 },
  ]);

  t.deepEqual(inPlace, [true, false]);
});
