import test from 'ava';
import { ChannelCore } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';
import { type EndWire, HomeSenderEnd } from '../dist/home-end.js';
import { LeavingEnds, Leftovers } from '../dist/leaving-ends.js';

/** A way on which nobody is told anything any more. */
const silent: EndWire = {
  credit() {},
  canReturn: () => true,
  giveBack() {},
  items() {},
  encode() {
    throw new TypeError('BUG: nothing leaves here');
  },
  end() {},
  hasRoom: () => true,
};

/** A full channel of one node, and the ends of it that others open, fill and leave behind. */
function full() {
  const env = virtualEnv();
  const core = new ChannelCore<unknown>(1, env);
  const leftovers = new Leftovers();
  core.offer('the first');
  const opened = (bytes: number, value: unknown = 'x'): HomeSenderEnd => {
    const end = new HomeSenderEnd(core, silent);
    end.items([value, value], bytes);
    return end;
  };
  const lost = (open: readonly HomeSenderEnd[], leaving: readonly HomeSenderEnd[] = []): void => {
    const ends = new LeavingEnds(leftovers);
    for (const end of leaving) {
      end.lost();
      ends.add(end);
    }
    ends.loseAll(open);
  };
  const taken = async (): Promise<number> => {
    let count = 0;
    for (; typeof core.poll() === 'string'; count += 1) await env.settled();
    return count;
  };
  return { env, core, opened, lost, taken };
}

const MIB = 1024 * 1024;

test('what a lost connection has left goes into the channel when that has room', async (t) => {
  const { opened, lost, taken } = full();

  lost([opened(10)], [opened(10)]);

  t.is(await taken(), 5);
});

test('beyond 64 MiB what lost connections have left is dropped, until there is room', async (t) => {
  const { core, opened, lost, taken } = full();
  for (let i = 0; i < 1_000; i += 1) lost([opened(0.5 * MIB)], [opened(0.5 * MIB)]);
  t.is(await taken(), 1 + 2 * 127); // With what they take besides, 128 are too many.
  t.true(core.senders.isEmpty);

  core.offer('another');
  lost([opened(MIB)]);

  t.is(await taken(), 3);
});

test('a close that comes after what is dropped says how much is missing', async (t) => {
  const { core, opened, lost, taken } = full();
  for (let i = 0; i < 63; i += 1) lost([opened(MIB)]);
  const closing = opened(MIB);
  closing.close(undefined);

  lost([], [closing]);

  t.is(await taken(), 1); // The others waited for room, of which a closed channel has none.
  t.true(core.isClosed);
  t.like(core.closeError, { code: 'ERR_CHANNEL_LOST', inDoubt: 2 });
});

test('what is left to a channel that is closed takes no room from others', async (t) => {
  const closed = full();
  for (let i = 0; i < 63; i += 1) closed.lost([closed.opened(MIB)]);

  closed.core.close();
  await closed.env.settled();
  t.is(await closed.taken(), 1);

  const end = closed.opened(MIB);
  t.is(end.heldBytes, 0);
});
