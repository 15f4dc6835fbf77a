import test from 'ava';
import { after, channel, select, selectNow, ticker } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('a tick comes whenever the period has passed', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(10, { env });
  const times: number[] = [];
  const loop = (async () => {
    for await (const _ of ticks) times.push(env.now());
  })();

  await env.advance(35);
  ticks.stop();
  await loop;

  t.deepEqual(times, [10, 20, 30]);
  t.is(env.timers, 0);
});

test('ticks do not queue: a slow receiver gets one, and learns how many it stands for', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(10, { env });

  t.is(ticks.tryReceive(), 'empty');
  await env.advance(15);
  t.is(ticks.length, 1);
  await env.advance(20);
  t.deepEqual(ticks.tryReceive(), { value: 3 });
  t.is(ticks.tryReceive(), 'empty');
  await env.advance(5);
  t.deepEqual(selectNow({ ticks }, { env }), { case: 'ticks', ok: true, value: 1 });
});

test('a ticker has a timer only while somebody waits for it', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(60_000, { env });
  t.is(env.timers, 0);

  const lost = select({ ticks, late: after(5) }, { env });
  t.is(env.timers, 2);
  await env.advance(5);
  t.is((await lost).case, 'late');
  t.is(env.timers, 0);

  const controller = new AbortController();
  const aborted = t.throwsAsync(ticks.receive({ signal: controller.signal }));
  t.is(env.timers, 1);
  controller.abort(new Error('enough'));
  await aborted;
  t.is(env.timers, 0);
});

test('two who wait on one ticker get every second tick each', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(10, { env });
  const seen: string[] = [];
  for (const name of ['a', 'b']) {
    void (async () => {
      for await (const _ of ticks) seen.push(`${name}${env.now()}`);
    })();
  }

  await env.advance(40);

  t.deepEqual(seen, ['a10', 'b20', 'a30', 'b40']);
});

test('reset starts over, with another period', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(10, { env });
  await env.advance(9);
  ticks.reset(20);
  const tick = ticks.receive().then(() => env.now());

  await env.advance(30);

  t.is(await tick, 29);
});

test('a ticker that has stopped ends its loops', async (t) => {
  const ticks = ticker(10, { env: virtualEnv() });
  ticks.stop();
  ticks.stop();

  t.deepEqual(await ticks.next(), { ok: false, error: undefined });
});

for (const period of [0, -1, Number.NaN, 2 ** 31]) {
  test(`a period of ${period} ms is refused`, (t) => {
    t.throws(() => ticker(period), { instanceOf: RangeError, message: /periodMs/ });
  });
}

test('ticks are a case beside others', async (t) => {
  const env = virtualEnv();
  const ticks = ticker(10, { env });
  const lines = channel<string>(0, { env });
  const first = select({ ticks, lines }, { env });

  void lines.send('a');

  t.like(await first, { case: 'lines', value: 'a' });
  t.is(env.timers, 0);
});
