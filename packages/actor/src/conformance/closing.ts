import assert from 'node:assert/strict';
import type { Received } from '../channel.ts';
import { ChannelClosed } from '../errors.ts';
import { select, selectNow, sending } from '../select.ts';
import {
  assertBlocks,
  type Carrier,
  type ChannelCase,
  type ChannelEnds,
  receiveCount,
  sendAll,
  upTo,
} from './case.ts';

/** One channel operation in one of several wordings, as in closedchan.go. */
interface Wording {
  readonly name: string;
  receive(c: ChannelEnds<number>): Promise<Received<number>>;
  /** @returns undefined when it would have to wait */
  tryReceive(c: ChannelEnds<number>): Received<number> | undefined;
  send(c: ChannelEnds<number>): Promise<unknown>;
  /** @throws when the channel is closed */
  trySend(c: ChannelEnds<number>): boolean;
}

const plain: Wording = {
  name: 'operations',
  receive: (c) => c.receiver.next(),
  tryReceive(c) {
    const taken = c.receiver.tryReceive();
    if (taken === 'empty') return undefined;
    return taken === 'closed' ? { ok: false, error: undefined } : { ok: true, value: taken.value };
  },
  send: async (c) => c.sender.send(1),
  trySend(c) {
    const outcome = c.sender.trySend(1);
    if (outcome === 'closed') throw new ChannelClosed();
    return outcome === 'sent';
  },
};

/** @param others cases that never go on */
function bySelect(
  name: string,
  others: () => { readonly dummy: ChannelEnds<number>['receiver'] | false },
): Wording {
  return {
    name,
    async receive(c) {
      const r = await select({ ...others(), c: c.receiver });
      if (r.case !== 'c') throw new assert.AssertionError({ message: 'the dummy went on' });
      return r.ok ? { ok: true, value: r.value } : { ok: false, error: r.error };
    },
    tryReceive(c) {
      const r = selectNow({ ...others(), c: c.receiver });
      if (r?.case !== 'c') return undefined;
      return r.ok ? { ok: true, value: r.value } : { ok: false, error: r.error };
    },
    send: (c) => select({ ...others(), sent: sending(c.sender, 1) }),
    trySend: (c) => selectNow({ ...others(), sent: sending(c.sender, 1) })?.case === 'sent',
  };
}

async function wordings(carrier: Carrier): Promise<readonly Wording[]> {
  const dummy = await carrier.make<number>();
  return [
    plain,
    bySelect('a select', () => ({ dummy: false })),
    bySelect('a select of two', () => ({ dummy: dummy.receiver })),
  ];
}

const THE_END: Received<number> = { ok: false, error: undefined };

/** A closed and drained channel says so for ever, and takes nothing. */
async function assertEnded(c: ChannelEnds<number>, words: Wording): Promise<void> {
  for (const _ of upTo(3)) {
    assert.deepEqual(await words.receive(c), THE_END, words.name);
    assert.deepEqual(words.tryReceive(c), THE_END, words.name);
    await assert.rejects(() => c.receiver.receive(), ChannelClosed);
  }
  assert.throws(() => words.trySend(c), ChannelClosed, words.name);
  assert.deepEqual(await words.receive(c), THE_END, words.name);
  await assert.rejects(() => words.send(c), ChannelClosed, words.name);
  assert.deepEqual(await words.receive(c), THE_END, words.name);
}

export const closing: readonly ChannelCase[] = [
  {
    name: 'closedchan.go: a closed channel is ready for ever, with the end',
    needs: ['instant'],
    async run(carrier) {
      for (const words of await wordings(carrier)) {
        const c = await carrier.make<number>();
        c.sender.close();
        await assertEnded(c, words);
      }
    },
  },
  {
    name: 'closedchan.go: what was sent before the close comes out first',
    needs: ['instant'],
    async run(carrier) {
      for (const words of await wordings(carrier)) {
        for (const how of ['receive', 'tryReceive'] as const) {
          const c = await carrier.make<number>(2);
          await c.sender.send(1);
          c.sender.close();
          assert.deepEqual(await words[how](c), { ok: true, value: 1 }, words.name);
          await assertEnded(c, words);
        }
      }
    },
  },
  {
    name: 'closedchan.go: closing twice is an error',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>();
      c.sender.close();
      assert.throws(() => c.sender.close(), ChannelClosed);
      assert.equal(c.sender.tryClose(), false);
    },
  },
  {
    name: 'runtime TestChan: a closed channel is drained, then ended',
    needs: [],
    async run(carrier) {
      for (const capacity of upTo(20)) {
        const c = await carrier.make<number>(capacity);
        await sendAll(c.sender, upTo(capacity));
        c.sender.close();
        assert.deepEqual(await receiveCount(c.receiver, capacity), upTo(capacity));
        assert.deepEqual(await c.receiver.next(), THE_END);
        await assert.rejects(() => c.receiver.receive(), ChannelClosed);
      }
    },
  },
  {
    name: 'runtime TestChan: a close wakes a receiver that waits',
    needs: [],
    async run(carrier) {
      for (const capacity of upTo(20)) {
        const c = await carrier.make<number>(capacity);
        const waiting = c.receiver.next();
        await assertBlocks(carrier, 'a receive', waiting);
        c.sender.close();
        assert.deepEqual(await waiting, THE_END);
      }
    },
  },
  {
    name: 'closedchan.go, select3.go: a close refuses the senders that wait',
    needs: ['exact'],
    async run(carrier) {
      const c = await carrier.make<number>();
      const refused = [c.sender.send(1), select({ sent: sending(c.sender, 2) })].map((sent) =>
        assert.rejects(async () => sent, ChannelClosed),
      );
      await carrier.settled();
      c.sender.close();
      await Promise.all(refused);
      assert.deepEqual(await c.receiver.next(), THE_END);
    },
  },
  {
    name: 'language specification: a loop over a channel ends with it',
    needs: [],
    async run(carrier) {
      const c = await carrier.make<number>(4);
      const sent = sendAll(c.sender, upTo(100)).then(() => c.sender.close());
      const seen: number[] = [];
      for await (const value of c.receiver) seen.push(value);
      assert.deepEqual(seen, upTo(100));
      await sent;
    },
  },
  {
    name: 'runtime TestNonblockRecvRace: a close takes nothing from who tries to receive',
    needs: ['instant'],
    async run(carrier) {
      for (const _ of upTo(100)) {
        const c = await carrier.make<number>(1);
        await c.sender.send(1);
        const trying = Promise.resolve().then(() => selectNow({ c: c.receiver }));
        c.sender.close();
        await c.receiver.next();
        assert.notEqual(await trying, undefined, 'the channel was not ready');
      }
    },
  },
];
