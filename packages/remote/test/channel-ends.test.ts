import test from 'ava';
import {
  Actor,
  type ActorRef,
  type Channel,
  channel,
  ChannelClosed,
  ChannelLost,
  NotSerializable,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { channelBehind, type ChannelCore } from '@troupe/actor/internal';
import * as type from '../dist/frames.js';
import { testNodes, type TestNodeOptions } from './nodes.js';

/** Lays what it is given where the test can take it. */
class Guest extends Actor {
  readonly #got: unknown[];
  constructor(got: unknown[]) {
    super();
    this.#got = got;
  }
  @rpc take(...ends: readonly unknown[]): void {
    this.#got.push(...ends);
  }
}

/** A channel of node a, and its two ends as node b has been given them. */
async function endsOf(capacity: number, options: TestNodeOptions = {}) {
  const nodes = testNodes();
  const [a, b] = [await nodes.node('a', options), await nodes.node('b')];
  const got: unknown[] = [];
  b.serve('guest', b.system.spawn(Guest, got));
  const guest = await a.find<ActorRef<Guest>>(b, 'guest');
  const home: Channel<unknown> = channel<unknown>(capacity, { env: nodes.env });
  await guest.take(home.sender, home.receiver);
  const [sender, receiver] = got as [Sender<unknown>, Receiver<unknown>];
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;
  if (toA === undefined || toB === undefined) throw new TypeError('BUG: two nodes');
  return { ...nodes, a, b, guest, got, home, sender, receiver, toA, toB };
}

/** Has it fetch some elements ahead: it reads `count`, of those that are in the channel. */
async function readAhead(receiver: Receiver<unknown>, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await receiver.receive();
}

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, i) => i);
}

function fill(home: Channel<unknown>, count: number): void {
  for (const i of upTo(count)) home.trySend(i);
}

/** As the garbage collector would, once nothing refers to the end any more. */
function behind(end: object): ChannelCore<unknown> {
  const { core } = channelBehind(end) ?? {};
  if (core === undefined) throw new TypeError('no end of a channel');
  return core;
}

test('an end says whether its channel lives elsewhere', async (t) => {
  const { home, sender, receiver } = await endsOf(1);

  t.deepEqual([home.remote, home.sender.remote, home.receiver.remote], [false, false, false]);
  t.deepEqual([sender.remote, receiver.remote], [true, true]);
});

test('what was fetched ahead goes back, in its order, when the receiver is disposed of', async (t) => {
  const { home, receiver, env } = await endsOf(100);
  fill(home, 100);
  await readAhead(receiver, 20);
  await env.settled();
  t.true(home.length < 80, `${home.length} left at home`);

  receiver[Symbol.dispose]();
  await env.settled();

  t.deepEqual(home.receiveBatch(100), upTo(100).slice(20));
  await t.throwsAsync(receiver.receive(), { instanceOf: ChannelClosed });
  t.false(home.isClosed);
});

test('what nobody wants for a second goes back, and is fetched again when somebody does', async (t) => {
  const { home, receiver, env } = await endsOf(100);
  fill(home, 100);
  await readAhead(receiver, 20);

  await env.advance(2_000);
  t.is(home.length, 80);

  t.is(await receiver.receive(), 20);
  t.deepEqual(home.receiveBatch(3), [21, 22, 23]);
  t.is(await receiver.receive(), 24);
});

test('what goes back goes to those who wait, first come, first served', async (t) => {
  const { home, receiver, env } = await endsOf(8);
  fill(home, 7);
  await readAhead(receiver, 4);
  await env.settled();
  t.is(home.length, 0);
  const waiting = [home.receive(), home.receive()];

  receiver[Symbol.dispose]();

  t.deepEqual(await Promise.all(waiting), [4, 5]);
  t.deepEqual(home.receiveBatch(9), [6]);
});

test('what comes back may be more than the channel holds: senders wait for it to have room', async (t) => {
  const { home, receiver, env } = await endsOf(8);
  fill(home, 7);
  await readAhead(receiver, 4);
  await env.settled();
  fill(home, 8);
  let sent = false;
  void home.send('last').then(() => (sent = true));

  receiver[Symbol.dispose]();
  await env.settled();

  t.is(home.length, 11);
  t.deepEqual(home.receiveBatch(3), [4, 5, 6]);
  await env.settled();
  t.false(sent);
  t.is(await home.receive(), 0);
  await env.settled();
  t.true(sent);
  t.deepEqual(home.receiveBatch(9), [1, 2, 3, 4, 5, 6, 7, 'last']);
});

test('elements that cross the return are neither lost nor doubled', async (t) => {
  const { home, receiver, env } = await endsOf(10_000);
  fill(home, 300);
  await readAhead(receiver, 100);
  const got: unknown[] = [];

  for (let round = 0; round < 20; round += 1) {
    fill(home, 50);
    await env.advance(999); // The second is over somewhere in the middle of what follows.
    for (let i = 0; i < 3; i += 1) await Promise.resolve();
    const next = receiver.receive();
    await env.advance(2);
    got.push(await next);
  }
  receiver[Symbol.dispose]();
  await env.settled();
  got.push(...home.receiveBatch(10_000));

  t.is(got.length, 300 - 100 + 20 * 50);
  t.deepEqual(got.slice(0, 200), upTo(300).slice(100));
});

test('a receiver that is waited on gives nothing back, however long that takes', async (t) => {
  const { home, receiver, env, toA } = await endsOf(4);
  const next = receiver.receive();

  await env.advance(60_000);
  t.is(env.timers, 2); // Of the two nodes, for signs of life.
  home.trySend('at last');

  t.is(await next, 'at last');
  t.is(toA.channels.open, 1);
});

test('a sender that is disposed of delivers what it was given, and leaves the channel open', async (t) => {
  const { home, sender, env, toA, toB } = await endsOf(2);
  const sends = upTo(10).map((i) => sender.send(i, { ack: true }));
  await env.settled();

  sender[Symbol.dispose]();
  const got: unknown[] = [];
  for (let i = 0; i < 10; i += 1) got.push(await home.receive());

  t.deepEqual(got, upTo(10));
  await Promise.all(sends);
  await env.settled();
  t.false(home.isClosed);
  t.is(sender.trySend('more'), 'closed');
  t.deepEqual([toA.channels.open, toB.channels.open], [0, 0]);
});

test('a sender closes after all that it has sent, however long that waits for room', async (t) => {
  const { home, sender, env } = await endsOf(1);
  for (const from of [0, 256]) {
    for (const i of upTo(256)) t.is(sender.trySend(from + i), 'sent');
    await env.settled(); // The first are under way, the others wait for those.
  }
  sender.close(new RangeError('that was all'));
  await env.settled();

  const got: unknown[] = [];
  const reading = t.throwsAsync(
    (async () => {
      for await (const value of home.receiver) got.push(value);
    })(),
  );
  await env.settled();

  t.regex((await reading)?.message ?? '', /that was all/);
  t.deepEqual(got, upTo(512));
});

test('a close does not overtake a large element, of which parts wait yet', async (t) => {
  const { home, sender, env } = await endsOf(1);

  void sender.send(new Uint8Array(8_000_000));
  sender.close();
  await env.settled();

  const [element] = home.receiver.receiveBatch(1) as readonly Uint8Array[];
  t.is(element?.length, 8_000_000);
  await t.throwsAsync(home.receive(), { instanceOf: ChannelClosed });
});

test('ends that nobody refers to are given back, on both nodes', async (t) => {
  const { home, sender, receiver, env, toA, toB } = await endsOf(4);
  await sender.send('one');
  t.is(await receiver.receive(), 'one');
  await env.advance(2_000);
  t.deepEqual([toA.channels.open, toB.channels.open], [2, 2]);

  env.collect(behind(sender));
  env.collect(behind(receiver));
  await env.settled();

  t.deepEqual([toA.channels.open, toB.channels.open], [0, 0]);
  t.false(home.isClosed);
});

test('a channel that no node holds an end of is forgotten after a minute', async (t) => {
  const { a, guest, home, sender, receiver, env } = await endsOf(4);
  await guest.take(home.sender); // The same end once more, which counts once more.

  env.collect(behind(receiver));
  await env.advance(120_000);
  t.is(a.endpoint.table.size, 1);
  env.collect(behind(sender));
  await env.advance(59_000);
  t.is(a.endpoint.table.size, 1);
  await env.advance(2_000);

  t.is(a.endpoint.table.size, 0);
});

test('a node that closes within that minute leaves no timer', async (t) => {
  const { a, b, sender, receiver, env } = await endsOf(4);
  env.collect(behind(sender));
  env.collect(behind(receiver));
  await env.advance(2_000);

  await Promise.all([a.endpoint.close(), b.endpoint.close()]);
  await env.settled();

  t.is(env.timers, 0);
});

test('within that minute a third node may come with an end that it was handed', async (t) => {
  const { a, b, node, home, sender, receiver, env } = await endsOf(4);
  const c = await node('c');
  const got: unknown[] = [];
  c.serve('guest', c.system.spawn(Guest, got));
  const third = await b.find<ActorRef<Guest>>(c, 'guest');
  await third.take(sender);
  env.collect(behind(sender));
  env.collect(behind(receiver));
  await env.advance(50_000);

  const [handed] = got as [Sender<unknown>];
  await handed.send('by way of b', { ack: true });
  await env.advance(600_000);

  t.is(home.length, 1);
  t.is(a.endpoint.table.size, 1);
  handed[Symbol.dispose]();
  await env.advance(61_000);
  t.is(a.endpoint.table.size, 0);
});

test('ends in a call that is not sent are not counted as given', async (t) => {
  const { a, guest, env } = await endsOf(1);
  const other = channel<unknown>(1, { env });

  await t.throwsAsync(guest.take(other.sender, Symbol('no')), { instanceOf: NotSerializable });
  await env.advance(61_000);

  t.is(a.endpoint.table.size, 1);
});

test('a channel is forgotten at once when the session of the last that held it ends', async (t) => {
  const { a, network, env } = await endsOf(1);
  t.is(a.endpoint.table.size, 1);

  network.cut('a', 'b');
  await env.advance(6_000);

  t.is(a.endpoint.table.size, 0);
});

test('an end that was never used is lost with the session that it came by', async (t) => {
  const { network, receiver, env } = await endsOf(1);
  network.cut('a', 'b');
  await env.advance(10_000);
  network.heal('a', 'b');

  await t.throwsAsync(receiver.receive(), { instanceOf: ChannelLost });
});

test('a home that knows of no returns is not told of any', async (t) => {
  const { home, receiver, sender, env, toB } = await endsOf(100, { versions: [1, 1] });
  fill(home, 100);
  await readAhead(receiver, 20);
  await env.advance(5_000);
  await sender.send('x', { ack: true }).catch(() => undefined);

  receiver[Symbol.dispose]();
  sender[Symbol.dispose]();
  await env.settled();

  t.false(home.isClosed);
  t.true(toB.isConnected);
  t.is(toB.channels.open, 1); // Version 1 cannot be told that a sender has gone.
});

/** Speaks for node b, which keeps to no window. */
async function greedy(capacity: number) {
  const nodes = await endsOf(capacity);
  const { a, toA, sender, env } = nodes;
  await sender.send('opens the end');
  await env.settled();
  const say = (...frame: readonly unknown[]): void => {
    toA.send(toA.encode(frame), { key: 'greedy' });
  };
  const isOver = async (): Promise<boolean> => {
    await env.settled();
    return env.logged.some(({ message }) => message === 'a peer broke the protocol');
  };
  return { ...nodes, a, say, isOver };
}

test('a home does not take more bytes than it gave credit for, in elements of any size', async (t) => {
  for (const [elements, bytes] of [
    [40, 10_000],
    [8, 100_000],
  ] as const) {
    const { say, isOver } = await greedy(1);
    for (let i = 0; i < elements; i += 1) say(type.ITEMS, 2, [new Uint8Array(bytes)]);

    t.true(await isOver(), `${elements} elements of ${bytes} bytes`);
  }
});

/** Has b open its receiver too, and one element be asked for that is not there. */
async function waiting() {
  const nodes = await greedy(1);
  const { home, receiver, env, a, toB } = nodes;
  await home.receive();
  void receiver.receive().catch(() => undefined);
  await env.settled();
  const { core } = channelBehind(home.sender) ?? {};
  if (core === undefined) throw new TypeError('no end of a channel');
  const { id, token } = a.endpoint.table.locate(core, 'send', toB);
  const answer = (...frame: readonly unknown[]): void => {
    toB.send(toB.encode(frame), { key: 'greedy' });
  };
  return { ...nodes, answer, id, token };
}

/** What no honest node says, by the numbers of b's ends: 2 and 3 send, 4 and 5 receive. */
const BREACHES: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  'more elements than there is a window for': [[type.ITEMS, 2, new Array(258).fill('x')]],
  'more elements asked for than anybody needs': [[type.CREDIT, 4, 5_000, 0]],
  'elements by an end that receives': [[type.ITEMS, 4, ['x']]],
  'credit for an end that sends': [[type.CREDIT, 2, 1, 0]],
  'more taken than was sent': [[type.CREDIT, 4, 1, 7]],
  'more given back than was sent': [[type.RETURN, 4, 7]],
  'elements given back by an end that sends': [[type.RETURN, 2, 0]],
  'more elements than were asked for': [[type.ITEMS, 5, ['x', 'y']]],
  'elements for an end that sends': [[type.ITEMS, 3, ['x']]],
  'credit for an end that receives': [[type.CREDIT, 5, 1, 0]],
  'credit for more than was sent': [[type.CREDIT, 3, 5, 0]],
  'a window larger than any': [[type.CREDIT, 3, 0, 8_192]],
  'elements given back that nobody gave': [[type.RETURN, 5, 0]],
};

for (const [what, frames] of Object.entries(BREACHES)) {
  test(`${what} breaks the protocol`, async (t) => {
    const { say, answer, isOver } = await waiting();
    t.false(await isOver());

    for (const frame of frames) (Number(frame[1]) % 2 === 0 ? say : answer)(...frame);

    t.true(await isOver());
  });
}

test('an end that is opened a second time breaks the protocol', async (t) => {
  const { say, isOver, id, token } = await waiting();

  say(type.OPEN, 8, id, true, token);
  t.false(await isOver());
  say(type.OPEN, 8, id, true, token);

  t.true(await isOver());
});

test('who does not know the token of a channel has no end of it, to send nor to receive', async (t) => {
  const { say, isOver, home, id } = await waiting();
  const forged = '0'.repeat(32);
  await home.send('for others'); // Has gone to who waits…
  await home.send('for others'); // …and this one stays.

  say(type.OPEN, 8, id, true, forged);
  say(type.ITEMS, 8, ['forged']);
  say(type.OPEN, 10, id, false, forged);
  say(type.CREDIT, 10, 1, 0);
  t.false(await isOver());

  t.is(home.length, 1);
  t.is(await home.receive(), 'for others');
});

test('an element that cannot travel ends the end that asked for it, and no other', async (t) => {
  const { home, sender, receiver, env } = await endsOf(2);
  home.trySend(Symbol('odd'));
  await t.throwsAsync(receiver.receive(), { instanceOf: NotSerializable });

  await sender.send('another');
  await env.settled();

  t.is(await home.receive(), 'another');
});

test('one element may be as large as a frame, whatever the window', async (t) => {
  const { sender, home, env } = await endsOf(1);
  for (const i of upTo(3)) void sender.send([i, new Uint8Array(3_000_000)]);
  await env.settled();

  const got: unknown[] = [];
  for (let i = 0; i < 3; i += 1) got.push(await home.receive());

  t.like(got, [[0], [1], [2]]);
});

for (const sizes of [[1], [10, 20_000], [20_000, 10, 10], [1_000], [15_000, 1, 1, 1]]) {
  test(`elements of ${sizes.join(', ')} bytes from an honest sender are all taken`, async (t) => {
    const { sender, home, env } = await endsOf(2);
    const sends = upTo(1_500).map((i) =>
      sender.send([i, new Uint8Array(sizes[i % sizes.length] ?? 0)]),
    );
    const got: unknown[] = [];
    for (let i = 0; i < 1_500; i += 1) {
      if (i % 7 === 0) await env.settled();
      got.push(((await home.receive()) as [number, Uint8Array])[0]);
    }
    await Promise.all(sends);

    t.deepEqual(got, upTo(1_500));
  });
}

test('ends of a full channel that were let go of count until it has all that they have sent', async (t) => {
  const { home, toB, a, env } = await endsOf(1);
  const { id, token } = a.endpoint.table.locate(behind(home.sender), 'send', toB);
  const say = (...frame: readonly unknown[]): void =>
    toB.channels.receive(new type.FrameReader(frame));
  const before = toB.channels.open;
  const most = 2 * 65_536;
  for (let number = 1; number <= most + 2; number += 1) {
    say(type.OPEN, 2 * number, id, true, token);
    say(type.ITEMS, 2 * number, [number]);
    say(type.END, 2 * number, 3);
  }

  const open = toB.channels.open - before;
  const got = home.receiveBatch(2 * most);
  await env.settled();

  t.is(open, most);
  t.is(got.length, most + 1); // The first one found the channel empty.
  t.is(got.at(-1), most + 1);
  t.is(toB.channels.open, before);
  t.true(toB.hasSession);
});

test('credit is given though 16 MiB wait already, and no session is lost by it', async (t) => {
  const { home, sender, guest, network, toB, toA, env } = await endsOf(1);
  const sends = upTo(3).map((i) => sender.send(i, { ack: true }));
  await env.settled();
  network.cut('a', 'b');
  await env.settled();
  for (let i = 0; i < 17; i += 1) guest.tell.take(new Uint8Array(1024 * 1024));

  const got = [await home.receive(), await home.receive(), await home.receive()];
  network.heal('a', 'b');
  await env.advance(2_000);

  await Promise.all(sends);
  t.deepEqual(got, upTo(3));
  t.deepEqual([toA.channels.open, toB.channels.open], [1, 1]);
});
