import assert from 'node:assert/strict';
import type { Sender } from '../channel.ts';
import { ChannelClosed } from '../errors.ts';
import { after, select, selectNow, sending, type Sending } from '../select.ts';
import { assertBlocks, assertDone, type Carrier, type ChannelCase, sendAll, upTo } from './case.ts';

/** What stands for Go's nil channel: a case that is disabled. */
const NIL = false;

/** select.go: sends what `value` yields on whichever of two channels is left, until none is. */
async function sendOnBoth(
  first: Sender<number>,
  second: Sender<number> | undefined,
  value: () => number,
): Promise<number> {
  const left: { a: Sender<number> | undefined; b: Sender<number> | undefined } = {
    a: first,
    b: second,
  };
  // The operand is evaluated although the channel is nil.
  const send = (to: Sender<number> | undefined, element: number): Sending | false =>
    to !== undefined && sending(to, element);
  for (let sent = 0; ; sent += 1) {
    const r = selectNow({ a: send(left.a, value()), b: send(left.b, value()) });
    if (r === undefined) return sent;
    left[r.case] = undefined;
  }
}

export const selects: readonly ChannelCase[] = [
  {
    name: 'select.go: operands are evaluated whether or not their case goes on',
    needs: ['exact'],
    async run(carrier) {
      const a = await carrier.make<number>(1);
      const b = await carrier.make<number>(1);
      let evaluated = 0;
      const value = (): number => {
        evaluated += 1;
        return evaluated;
      };

      assert.equal(await sendOnBoth(a.sender, b.sender, value), 2);
      await Promise.all([a.receiver.receive(), b.receiver.receive()]);
      assert.equal(await sendOnBoth(a.sender, undefined, value), 1);

      assert.equal(evaluated, 10);
    },
  },
  {
    name: 'select3.go: a nil channel is never ready, and alone it blocks',
    needs: [],
    async run(carrier) {
      assert.equal(selectNow({ nil: NIL }), undefined);
      await assertBlocks(carrier, 'a select of nil', select({ nil: NIL }));
      await assertBlocks(carrier, 'a select of nils', select({ receive: NIL, send: NIL }));
    },
  },
  {
    name: 'select3.go: a select without cases blocks',
    needs: [],
    run: (carrier) => assertBlocks(carrier, 'an empty select', select({})),
  },
  {
    name: 'select3.go: a select that has a default does not block',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      assert.equal(selectNow({}), undefined);
      assert.equal(selectNow({ c: c.receiver, nil: NIL }), undefined);
    },
  },
  {
    name: 'select3.go: a select of channels that are not ready blocks',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      await assertBlocks(carrier, 'a select', select({ c: c.receiver }));
    },
  },
  {
    name: 'select3.go: a select with a channel that is ready does not block',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>(1);
      await assertDone(carrier, 'a send case', select({ sent: sending(c.sender, 7) }));
      const received = select({ c: c.receiver });
      await assertDone(carrier, 'a receive case', received);
      assert.deepEqual(await received, { case: 'c', ok: true, value: 7 });
    },
  },
  {
    name: 'select3.go: a closed channel in a select is like one outside',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      c.sender.close();
      assert.deepEqual(await select({ c: c.receiver }), { case: 'c', ok: false, error: undefined });
      await assert.rejects(async () => select({ sent: sending(c.sender, 7) }), ChannelClosed);
    },
  },
  {
    name: 'select3.go: a select does not meet itself',
    needs: ['exact'],
    async run(carrier) {
      const c = await carrier.make<number>();
      const both = select({ sent: sending(c.sender, 1), received: c.receiver });
      await assertBlocks(carrier, 'a select of both ends', both);
      assert.equal(await c.receiver.receive(), 1);
      assert.deepEqual(await both, { case: 'sent' });
    },
  },
  {
    name: 'select4.go: only the case that goes on has effects',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>(1);
      const other = await carrier.make<number>();
      await c.sender.send(42);
      const r = await select({ other: other.receiver, c: c.receiver });
      assert.deepEqual(r, { case: 'c', ok: true, value: 42 });
    },
  },
  {
    name: 'select7.go: every wording of a send meets every wording of a receive',
    needs: ['rendezvous'],
    async run(carrier) {
      const idle = await carrier.make<number>();
      const receives = ['plain', 'one case', 'two cases'] as const;
      for (const receive of receives) {
        for (const send of receives) {
          const c = await carrier.make<number>();
          const { receiver, sender } = c;
          const two = receive === 'two cases' && idle.receiver;
          const received =
            receive === 'plain' ? receiver.receive() : select({ c: receiver, idle: two });
          const busy = await carrier.make<number>();
          const cases = {
            c: sending(sender, 1),
            busy: send === 'two cases' && sending(busy.sender, 1),
          };
          await (send === 'plain' ? sender.send(1) : select(cases));
          assert.notEqual(await received, undefined);
        }
      }
    },
  },
  {
    name: 'select8.go: a break in a case leaves the select, and nothing else',
    needs: ['instant'],
    async run(carrier) {
      const c = await carrier.make<number>();
      const sender = sendAll(c.sender, upTo(3));
      const left: string[] = [];
      for (const _ of [1]) {
        if ((await select({ c: c.receiver })).case === 'c') break;
        left.push('one case');
      }
      for (const _ of [1]) {
        if (selectNow({}) === undefined) break;
        left.push('default alone');
      }
      await carrier.settled();
      for (const _ of [1]) {
        if (selectNow({ c: c.receiver })?.case === 'c') break;
        left.push('one case and default');
      }
      await carrier.settled();
      for (const _ of [1]) {
        if (selectNow({ c: c.receiver, sent: sending(c.sender, 10) })?.case === 'c') break;
        left.push('two cases and default');
      }
      assert.deepEqual(left, []);
      await sender;
    },
  },
  {
    name: 'runtime TestNonblockSelectRace: a select looks at one moment, not at several',
    needs: ['instant'],
    async run(carrier) {
      for (const how of ['send', 'close'] as const) {
        for (const _ of upTo(1_000)) {
          const [c1, c2] = [await carrier.make<number>(1), await carrier.make<number>(1)];
          await c1.sender.send(1);
          const trying = Promise.resolve().then(() =>
            selectNow({ c1: c1.receiver, c2: c2.receiver }),
          );
          if (how === 'send') await c2.sender.send(1);
          else c2.sender.close();
          selectNow({ c1: c1.receiver });
          assert.notEqual(await trying, undefined, 'one of the two was ready all the time');
        }
      }
    },
  },
  {
    name: 'runtime TestSelectFairness: ready cases are drawn evenly, and others never',
    needs: ['instant'],
    async run(carrier) {
      const trials = 10_000;
      const [c1, c2] = [await carrier.make<number>(trials), await carrier.make<number>(trials)];
      const [c3, c4] = [await carrier.make<number>(), await carrier.make<number>()];
      await sendAll(c1.sender, upTo(trials));
      await sendAll(c2.sender, upTo(trials));
      let fromFirst = 0;
      for (const _ of upTo(trials)) {
        const cases = { c3: c3.receiver, c4: c4.receiver, c1: c1.receiver, c2: c2.receiver };
        const { case: name } = await select(cases);
        assert.ok(name === 'c1' || name === 'c2');
        if (name === 'c1') fromFirst += 1;
      }
      // The margin of a fair coin at a confidence of six nines.
      const error = Math.abs(fromFirst / trials - 0.5);
      assert.ok(error < 4.891676 / (2 * Math.sqrt(trials)), `${fromFirst} of ${trials}`);
    },
  },
  {
    name: 'runtime TestPseudoRandomSend: which of two sends goes on cannot be told before',
    needs: [],
    async run(carrier) {
      for (const capacity of [0, 100]) {
        const c = await carrier.make<number>(capacity);
        const receiving = (async () => {
          let ones = 0;
          for (const _ of upTo(100)) ones += await c.receiver.receive();
          return ones;
        })();
        for (const _ of upTo(100)) {
          await select({ one: sending(c.sender, 1), zero: sending(c.sender, 0) });
        }
        const ones = await receiving;
        assert.ok(ones > 10 && ones < 90, `${ones} ones of 100 (capacity ${capacity})`);
      }
    },
  },
  {
    name: 'language specification: a case of time goes on when nothing else does',
    needs: [],
    async run(carrier: Carrier) {
      const c = await carrier.make<number>(1);
      await c.sender.send(1);
      assert.equal((await select({ c: c.receiver, late: after(60_000) })).case, 'c');
      assert.equal((await select({ c: c.receiver, late: after(0) })).case, 'late');
    },
  },
];
