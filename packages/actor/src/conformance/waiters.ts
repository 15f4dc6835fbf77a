import assert from 'node:assert/strict';
import { select, sending } from '../select.ts';
import { type Carrier, type ChannelCase, type ChannelEnds, upTo } from './case.ts';

/** runtime TestSelfSelect: sends its own number or receives the other's, never its own. */
async function exchange(c: ChannelEnds<number>, self: number, capacity: number): Promise<void> {
  for (const i of upTo(1_000)) {
    const send = { sent: sending(c.sender, self) };
    const receive = { received: c.receiver };
    const r = await select(
      self === 0 || i % 2 === 0 ? { ...send, ...receive } : { ...receive, ...send },
    );
    if (r.case === 'received' && r.ok && capacity === 0) assert.notEqual(r.value, self);
  }
}

/** Both go on with `step` until all is at rest, with the garbage collected in between. */
async function collectWhileParked(carrier: Carrier): Promise<void> {
  await carrier.settled();
  carrier.collectGarbage?.();
}

export const waiters: readonly ChannelCase[] = [
  {
    name: 'select2.go: a case that never goes on keeps nothing of the selects that it lost',
    needs: ['exact'],
    async run(carrier) {
      const c = await carrier.make<number>();
      const never = await carrier.make<number>();
      for (const i of upTo(10_000)) {
        const selecting = select({ c: c.receiver, never: never.receiver });
        await c.sender.send(i);
        assert.deepEqual(await selecting, { case: 'c', ok: true, value: i });
      }
      assert.equal(never.sender.trySend(0), 'full', 'somebody still waits there');
    },
  },
  {
    name: 'select6.go: a select that lost wakes those who wait behind it',
    needs: [],
    async run(carrier) {
      const c1 = await carrier.make<boolean>();
      const c2 = await carrier.make<boolean>();
      const before = c1.receiver.receive();
      const selecting = (async () => {
        const r = await select({ c1: c1.receiver, c2: c2.receiver });
        assert.equal(r.case, 'c2');
        return c1.receiver.receive();
      })();
      await carrier.settled();
      await c2.sender.send(true);
      await carrier.settled();
      await c1.sender.send(true);
      await c1.sender.send(true);
      assert.deepEqual(await Promise.all([before, selecting]), [true, true]);
    },
  },
  {
    name: 'runtime TestSelectDuplicateChannel: a channel may stand in a select twice',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      const d = await carrier.make<number>();
      const selecting = select({ c: c.receiver, again: c.receiver, d: d.receiver });
      await carrier.settled();
      const behind = c.receiver.receive();
      await carrier.settled();

      await d.sender.send(7);
      assert.deepEqual(await selecting, { case: 'd', ok: true, value: 7 });
      await c.sender.send(8);
      assert.equal(await behind, 8);
    },
  },
  {
    name: 'runtime TestSelfSelect: a select of both ends meets others, never itself',
    needs: ['exact'],
    async run(carrier) {
      for (const capacity of [0, 10]) {
        const c = await carrier.make<number>(capacity);
        await Promise.all([exchange(c, 0, capacity), exchange(c, 1, capacity)]);
      }
    },
  },
  {
    name: 'runtime TestShrinkStackDuringBlockedSend: senders that wait survive a collection',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      const sender = (async () => {
        for (const i of upTo(10)) await c.sender.send(i);
      })();
      for (const i of upTo(10)) {
        await collectWhileParked(carrier);
        assert.equal(await c.receiver.receive(), i);
      }
      await sender;
    },
  },
  {
    name: 'runtime TestNoShrinkStackWhileParking: so do both sides of many short exchanges',
    needs: [],
    async run(carrier) {
      for (const _ of upTo(10)) {
        const c = await carrier.make<number>();
        const ends = [
          (async () => {
            for (const i of upTo(10)) await c.sender.send(i);
          })(),
          (async () => {
            for (const i of upTo(10)) assert.equal(await c.receiver.receive(), i);
          })(),
        ];
        carrier.collectGarbage?.();
        await Promise.all(ends);
      }
    },
  },
  {
    name: 'runtime TestSelectStackAdjust: so does a select, and only its case gets the element',
    needs: ['identity'],
    async run(carrier) {
      for (const isTwice of [false, true]) {
        const c = await carrier.make<object>();
        const d = await carrier.make<object>();
        const selecting = select({
          c: c.receiver,
          c2: isTwice && c.receiver,
          d: d.receiver,
          d2: isTwice && d.receiver,
        });
        await collectWhileParked(carrier);
        const element = {};
        await d.sender.send(element);
        const r = await selecting;
        assert.ok(r.case === 'd' || r.case === 'd2');
        assert.equal(r.ok && r.value, element);
      }
    },
  },
];
