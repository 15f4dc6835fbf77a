import assert from 'node:assert/strict';
import { ChannelClosed } from '../errors.ts';
import { selectNow, sending } from '../select.ts';
import {
  assertBlocks,
  assertDone,
  type Carrier,
  type ChannelCase,
  type ChannelEnds,
  receiveCount,
  sendAll,
  upTo,
} from './case.ts';

/** Go takes every capacity below 200, or below 20 when it is short of time. */
const CAPACITIES = upTo(20);

function forEveryCapacity(run: (carrier: Carrier, capacity: number) => Promise<void>) {
  return async (carrier: Carrier): Promise<void> => {
    for (const capacity of CAPACITIES) await run(carrier, capacity);
  };
}

/** The states that a channel without a waiter can be in, seen without waiting. */
async function handshakes<T>(carrier: Carrier, capacity: number, value: T): Promise<void> {
  const c = await carrier.make<T>(capacity);
  assert.equal(selectNow({ c: c.receiver }), undefined, 'received from an empty channel');
  assert.equal(c.receiver.tryReceive(), 'empty');

  const receiving = c.receiver.receive();
  assert.deepEqual(selectNow({ sent: sending(c.sender, value) }), { case: 'sent' });
  assert.equal(await receiving, value);

  const sent = c.sender.send(value);
  if (capacity > 0) await sent;
  assert.deepEqual(selectNow({ c: c.receiver }), { case: 'c', ok: true, value });
  await sent;
}

export const operations: readonly ChannelCase[] = [
  {
    name: 'runtime TestChan: receiving from an empty channel blocks',
    needs: [],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      const first = c.receiver.receive();
      const second = c.receiver.next();
      await assertBlocks(carrier, 'a receive', first);
      await assertBlocks(carrier, 'a second receive', second);

      await c.sender.send(1);
      await c.sender.send(2);

      assert.equal(await first, 1);
      assert.deepEqual(await second, { ok: true, value: 2 });
    }),
  },
  {
    name: 'runtime TestChan: trying to receive from an empty channel does not block',
    needs: [],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      assert.equal(c.receiver.tryReceive(), 'empty');
      assert.equal(selectNow({ c: c.receiver }), undefined);
      assert.deepEqual(c.receiver.receiveBatch(8), []);
    }),
  },
  {
    name: 'runtime TestChan: sending into a full channel blocks, and trying to does not',
    needs: ['exact'],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      await sendAll(c.sender, upTo(capacity));
      const sent = c.sender.send(capacity);
      await assertBlocks(carrier, 'a send', sent);

      assert.equal(c.sender.trySend(-1), 'full');
      assert.equal(selectNow({ sent: sending(c.sender, -1) }), undefined);

      assert.deepEqual(await receiveCount(c.receiver, capacity + 1), upTo(capacity + 1));
      await sent;
    }),
  },
  {
    name: 'runtime TestChan: elements come in order, however they are received',
    needs: [],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      const sending = sendAll(c.sender, [...upTo(100), ...upTo(100)]);
      assert.deepEqual(await receiveCount(c.receiver, 100), upTo(100));
      for (const value of upTo(100)) {
        assert.deepEqual(await c.receiver.next(), { ok: true, value });
      }
      await sending;
    }),
  },
  {
    name: 'runtime TestChan: four senders and four receivers exchange every element once',
    needs: [],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      const [counts] = await Promise.all([
        Promise.all(upTo(4).map(() => receiveCount(c.receiver, 100))),
        ...upTo(4).map(() => sendAll(c.sender, upTo(100))),
      ]);
      const times = new Map<number, number>();
      for (const value of counts.flat()) times.set(value, (times.get(value) ?? 0) + 1);
      assert.equal(times.size, 100);
      assert.ok([...times.values()].every((count) => count === 4));
    }),
  },
  {
    name: 'runtime TestChan, chancap.go: length and capacity tell what is buffered',
    needs: ['exact'],
    run: forEveryCapacity(async (carrier, capacity) => {
      const c = await carrier.make<number>(capacity);
      assert.deepEqual([c.receiver.length, c.receiver.capacity], [0, capacity]);
      for (const i of upTo(capacity)) {
        await c.sender.send(i);
        assert.equal(c.receiver.length, i + 1);
      }
      assert.equal(c.sender.capacity, capacity);
    }),
  },
  {
    name: 'chancap.go: a size that is no size is refused',
    needs: ['exact'],
    async run(carrier) {
      for (const size of [-1, 1.5, Number.NaN, 2 ** 59, 2 ** 63]) {
        await assert.rejects(async () => carrier.make(size), RangeError, `size ${size}`);
      }
    },
  },
  {
    name: 'zerosize.go: elements may be nothing at all',
    needs: [],
    async run(carrier) {
      for (const capacity of [0, 1]) {
        const c = await carrier.make<undefined>(capacity);
        const sent = c.sender.send(undefined);
        assert.deepEqual(await c.receiver.next(), { ok: true, value: undefined });
        await sent;
      }
    },
  },
  {
    name: 'fifo.go: a buffered channel keeps the order',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>(10);
      await sendAll(c.sender, upTo(10));
      assert.deepEqual(await receiveCount(c.receiver, 10), upTo(10));
    },
  },
  {
    name: 'fifo.go: a daisy chain of goroutines takes the elements in sequence',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      const first = await carrier.make<number>();
      let before: ChannelEnds<number> = first;
      const links: Promise<void>[] = [];
      for (const expected of upTo(10)) {
        const [from, out] = [before, await carrier.make<number>()];
        links.push(
          (async () => {
            await from.receiver.receive();
            assert.equal(await c.receiver.receive(), expected);
            await out.sender.send(1);
          })(),
        );
        before = out;
      }
      await first.sender.send(0);
      await sendAll(c.sender, upTo(10));
      assert.equal(await before.receiver.receive(), 1);
      await Promise.all(links);
    },
  },
  {
    name: 'nonblock.go: tries succeed as soon as somebody is there, whatever the elements',
    needs: ['instant'],
    async run(carrier) {
      for (const capacity of [0, 1]) {
        await handshakes(carrier, capacity, 123);
        await handshakes(carrier, capacity, 123_456n);
        await handshakes(carrier, capacity, true);
        await handshakes(carrier, capacity, 'hello');
      }
    },
  },
  {
    name: 'sendstmt.go: a channel travels through a channel',
    needs: [],
    async run(carrier) {
      const outer = await carrier.make<ChannelEnds<number>['sender']>(1);
      const inner = await carrier.make<number>(1);
      await outer.sender.send(inner.sender);
      const received = await outer.receiver.receive();
      await received.send(2);
      assert.equal(await inner.receiver.receive(), 2);
    },
  },
  {
    name: 'runtime TestChanSendInterface: an element that finds no room is not taken',
    needs: ['exact', 'identity'],
    async run(carrier) {
      const c = await carrier.make<object>(1);
      const element = {};
      assert.equal(c.sender.trySend(element), 'sent');
      assert.equal(c.sender.trySend({}), 'full');
      const cases = { one: sending(c.sender, element), other: sending(c.sender, {}) };
      assert.equal(selectNow(cases), undefined);
      assert.equal(await c.receiver.receive(), element);
      assert.equal(c.receiver.tryReceive(), 'empty');
    },
  },
  {
    name: 'select3.go: what can go on at once does not block',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>(1);
      await assertDone(carrier, 'a send into a free buffer', c.sender.send(7));
      await assertDone(carrier, 'a receive of what is buffered', c.receiver.receive());
    },
  },
  {
    name: 'language specification: a send on an unbuffered channel ends with its receive',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      const sent = c.sender.send(1);
      await assertBlocks(carrier, 'a send', sent);
      assert.equal(await c.receiver.receive(), 1);
      await sent;
      c.sender.close();
      await assert.rejects(async () => c.sender.send(2), ChannelClosed);
    },
  },
];
