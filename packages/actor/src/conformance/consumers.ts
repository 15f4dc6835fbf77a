import assert from 'node:assert/strict';
import type { Receiver, Sender } from '../channel.ts';
import { select, type SelectCase, sending } from '../select.ts';
import { type ChannelCase, type ChannelEnds, sendAll, upTo } from './case.ts';

/** runtime TestSelectStress: one operation on each channel `count` times, in one select. */
async function selectEach(
  channels: readonly ChannelEnds<number>[],
  count: number,
  caseOf: (c: ChannelEnds<number>) => SelectCase,
): Promise<void> {
  const done = channels.map(() => 0);
  for (const _ of upTo(count * channels.length)) {
    const cases: Record<string, SelectCase> = {};
    for (const [i, c] of channels.entries()) cases[i] = (done[i] ?? 0) < count && caseOf(c);
    const i = Number((await select(cases)).case);
    done[i] = (done[i] ?? 0) + 1;
  }
  assert.deepEqual(
    done,
    channels.map(() => count),
  );
}

async function forward(from: Receiver<number>, to: Sender<number>): Promise<void> {
  for await (const value of from) await to.send(value);
}

export const consumers: readonly ChannelCase[] = [
  {
    name: 'doubleselect.go: two cases of one select never both go on',
    needs: [],
    async run(carrier) {
      const count = 10_000;
      const lanes = [];
      for (const _ of upTo(4)) lanes.push(await carrier.make<number>());
      const merged = await carrier.make<number>();
      const work = [
        (async () => {
          for (const i of upTo(count)) {
            await select(
              Object.fromEntries(lanes.map((lane, at) => [at, sending(lane.sender, i)])),
            );
          }
          for (const lane of lanes) lane.sender.close();
        })(),
        Promise.all(lanes.map((lane) => forward(lane.receiver, merged.sender))).then(() =>
          merged.sender.close(),
        ),
      ];
      const seen = new Set<number>();
      for await (const value of merged.receiver) {
        assert.ok(!seen.has(value), `${value} came twice`);
        seen.add(value);
      }
      assert.equal(seen.size, count);
      await Promise.all(work);
    },
  },
  {
    name: 'runtime TestSelectStress: sends, receives and selects mix without loss or deadlock',
    needs: [],
    async run(carrier) {
      const count = 2_500;
      const channels = [];
      for (const capacity of [0, 0, 2, 3]) channels.push(await carrier.make<number>(capacity));
      await Promise.all([
        ...channels.map((c) => sendAll(c.sender, upTo(count))),
        ...channels.map(async (c) => {
          for (const _ of upTo(count)) await c.receiver.receive();
        }),
        selectEach(channels, count, (c) => sending(c.sender, 0)),
        selectEach(channels, count, (c) => c.receiver),
      ]);
      for (const c of channels) assert.equal(c.receiver.tryReceive(), 'empty');
    },
  },
  {
    name: 'runtime TestMultiConsumer: many workers share a queue, and their results add up',
    needs: [],
    async run(carrier) {
      const primes = [2, 3, 7, 11, 13, 17, 19, 23, 27, 31];
      const [workers, jobs] = [23, 10_000];
      const queue = await carrier.make<number>(workers * 3);
      const results = await carrier.make<number>(workers * 3);
      const working = upTo(workers).map(async (w) => {
        for await (const value of queue.receiver) {
          if (primes[w % primes.length] === value) await Promise.resolve(); // Out of step.
          await results.sender.send(value);
        }
      });
      let expected = 0;
      const feeding = (async () => {
        for (const i of upTo(jobs)) {
          const value = primes[i % primes.length] as number;
          expected += value;
          await queue.sender.send(value);
        }
        queue.sender.close();
        await Promise.all(working);
        results.sender.close();
      })();
      let [count, sum] = [0, 0];
      for await (const value of results.receiver) {
        count += 1;
        sum += value;
      }
      assert.deepEqual([count, sum], [jobs, expected]);
      await feeding;
    },
  },
];
