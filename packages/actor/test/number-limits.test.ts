import test from 'ava';
import {
  Actor,
  ActorSystem,
  actor,
  after,
  BadOption,
  channel,
  oneForOne,
  rpc,
  ticker,
  topic,
} from '@troupe/actor';

class Sleeper extends Actor {
  @rpc wait(what: 'after' | 'every' | 'receiveTimeout', ms: number): void {
    this[what](ms, () => undefined);
  }
}

const backOffTo = (maxMs: number): unknown => oneForOne({ backOff: { firstMs: 0, maxMs } });
const backOffFrom = (firstMs: number): unknown => oneForOne({ backOff: { firstMs, maxMs: 1_000 } });
const wait = (what: Parameters<Sleeper['wait']>[0]) => async (ms: number) => {
  await using system = new ActorSystem();
  await system.spawn(Sleeper).wait(what, ms);
};

/** Whoever takes a number, by what it is called; then a number that is out of its limits. */
const takers: readonly (readonly [string, (value: number) => unknown, number])[] = [
  ['capacity', (capacity) => channel(capacity), 2 ** 31 + 1],
  ['capacity', (capacity) => topic().subscribe({ capacity }), 0],
  ['subscribersMax', (subscribersMax) => topic({ subscribersMax }), 0],
  ['ms', after, 2 ** 31],
  ['periodMs', ticker, 0],
  ['mailboxCapacity', (mailboxCapacity) => actor({ kind: 'x', mailboxCapacity })(Sleeper), 2 ** 31],
  ['restarts', (restarts) => oneForOne({ restarts }), 1.5],
  ['withinMs', (withinMs) => oneForOne({ withinMs }), 0],
  ['backOff.maxMs', backOffTo, 2 ** 31],
  ['backOff.firstMs', backOffFrom, 1_001],
  ['callTimeoutMs', (callTimeoutMs) => new ActorSystem({ callTimeoutMs }), 0],
  ['timeoutMs', (timeoutMs) => new ActorSystem().stop(timeoutMs), 2 ** 31],
  ['delayMs', wait('after'), 2 ** 31],
  ['periodMs', wait('every'), 2 ** 31],
  ['timeoutMs', wait('receiveTimeout'), 0],
];

const refuses = test.macro({
  title: (_, option: string, __: unknown, limit: number) =>
    `${option} is refused when it is no number, negative, a text, or ${limit}`,
  async exec(t, option: string, take: (value: number) => unknown, limit: number) {
    const text: unknown = '7'; // In JavaScript it compares like a number.

    for (const value of [Number.NaN, -1, text, limit]) {
      const error = await t.throwsAsync(async () => take(value as number), {
        instanceOf: BadOption,
      });

      t.like(error, { option, code: 'ERR_BAD_OPTION' });
      const shown = value === text ? "'7'" : String(value);
      t.regex(
        error?.message ?? '',
        /: give (an integer|milliseconds) (in \d+ … |of at least )\d+$/,
      );
      t.true(error?.message.startsWith(`${option} is ${shown}: `));
    }
  },
});
for (const [option, take, limit] of takers) test(refuses, option, take, limit);

test('a system that was asked to stop in no time goes on', async (t) => {
  await using system = new ActorSystem();

  await t.throwsAsync(system.stop(Number.NaN), { instanceOf: BadOption });

  t.notThrows(() => system.spawn(Sleeper));
});

test('without limit is a number of restarts, and a time to count them in', (t) => {
  t.like(oneForOne({ restarts: Infinity, withinMs: Infinity }), { restarts: Infinity });
});
