import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { after, channel, processEnv, select, selectNow, ticker, watch } from '@troupe/actor';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const env = processEnv();

/** What a few maps and code caches may grow by; a million leaked waiters would be a hundred MB. */
const SLACK_BYTES = 2 * 2 ** 20;

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await new Promise<void>((resolve) => env.afterIo(resolve));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

/** @param work is done once before the heap is looked at, for all that is only made once */
const leavesNothing = test.macro({
  title: (name = '') => `${name} leave the heap as it was`,
  async exec(t, work: (count: number) => Promise<void>, count: number) {
    await work(Math.min(count, 10_000));
    const before = await heapBytes();

    await work(count);

    const grown = (await heapBytes()) - before;
    t.true(grown < SLACK_BYTES, `${grown} bytes after ${count}`);
  },
});

const never = channel<number>();
const quiet = watch(0);
await quiet.subscribe().receive();

test.serial(
  'a million selects that went on elsewhere',
  leavesNothing,
  async (count) => {
    const c = channel<number>(1);
    for (let i = 0; i < count; i += 1) {
      const selecting = select({ c, never });
      c.trySend(i);
      await selecting;
    }
  },
  1_000_000,
);

test.serial(
  'a million receives that were aborted',
  leavesNothing,
  async (count) => {
    for (let i = 0; i < count; i += 1_000) {
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = Array.from({ length: 1_000 }, () => never.receive({ signal }).catch(() => 0));
      controller.abort();
      await Promise.all(aborted);
    }
  },
  1_000_000,
);

test.serial(
  'selects that lost their timers, tickers and signals',
  leavesNothing,
  async (count) => {
    const c = channel<number>(1);
    const stop = new AbortController().signal;
    for (let i = 0; i < count; i += 1) {
      const selecting = select({ c, stop, late: after(2 ** 30), tick: ticker(2 ** 30) });
      c.trySend(i);
      await selecting;
    }
  },
  100_000,
);

test.serial(
  'goroutines that wait for a channel that nobody else knows',
  leavesNothing,
  async (count) => {
    for (let i = 0; i < count; i += 1) {
      void channel<number>().receive();
      void channel<number>().send(i);
      void select({ one: channel<number>(), other: channel<number>() });
    }
  },
  300_000,
);

test.serial(
  'subscribers of a watch, and tickers, that nobody waits on',
  leavesNothing,
  async (count) => {
    for (let i = 0; i < count; i += 1) {
      selectNow({ changes: quiet.subscribe(), ticks: ticker(1_000) });
    }
  },
  300_000,
);
