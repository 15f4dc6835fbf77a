import test from 'ava';
import {
  Actor,
  type ActorRef,
  BadArguments,
  type Channel,
  channel,
  ChannelClosed,
  ChannelLost,
  type Env,
  NotSerializable,
  Overloaded,
  type Receiver,
  rpc,
  type Schema,
  select,
  type Sender,
  sending,
} from '@troupe/actor';
import { testNodes } from './nodes.js';

const upperCase: Schema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'string'
        ? { value: value.toUpperCase() }
        : { issues: [{ message: 'no text' }] },
  },
};

/** Makes channels on its node and hands out their ends. */
class Home extends Actor {
  readonly #channels = new Map<string, Channel<unknown>>();
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc make(name: string, capacity: number): void {
    this.#channels.set(name, channel<unknown>(capacity, { env: this.#env }));
  }
  @rpc makeChecked(name: string, capacity: number): void {
    const options = { env: this.#env, schema: upperCase };
    this.#channels.set(name, channel<unknown>(capacity, options));
  }
  @rpc sender(name: string): Sender<unknown> {
    return this.#find(name).sender;
  }
  @rpc receiver(name: string): Receiver<unknown> {
    return this.#find(name).receiver;
  }
  @rpc send(name: string, ...values: readonly unknown[]): void {
    for (const value of values) this.#find(name).trySend(value);
  }
  @rpc take(name: string): unknown {
    return this.#find(name).tryReceive();
  }
  @rpc async takeSoon(name: string): Promise<unknown> {
    return this.#find(name).receive();
  }
  @rpc length(name: string): number {
    return this.#find(name).length;
  }
  @rpc takeAndClose(name: string): unknown {
    const taken = this.take(name);
    this.close(name);
    return taken;
  }
  @rpc close(name: string, error?: Error): void {
    this.#find(name).close(error);
  }
  @rpc isSame(name: string, sender: Sender<unknown>): boolean {
    sender.trySend('it is me');
    const taken = this.#find(name).tryReceive();
    return typeof taken === 'object' && taken.value === 'it is me';
  }
  #find(name: string): Channel<unknown> {
    const found = this.#channels.get(name);
    if (found === undefined) throw new TypeError(`no channel ${name}`);
    return found;
  }
}

/** A channel `c` that lives on node b, and node a, which uses it from afar. */
async function remoteChannel(capacity: number) {
  const nodes = testNodes();
  const a = await nodes.node('a');
  const b = await nodes.node('b');
  b.serve('home', b.system.spawn(Home, b.system.env));
  const home = await a.find<ActorRef<Home>>(b, 'home');
  await home.make('c', capacity);
  return { ...nodes, a, b, home };
}

test('a remote sender fills the channel at its home, in order', async (t) => {
  const { home, env } = await remoteChannel(4);
  const sender = await home.sender('c');
  t.is(sender.capacity, 4);

  for (let i = 0; i < 4; i += 1) t.is(sender.trySend(i), 'sent');
  await env.settled();

  t.is(await home.length('c'), 4);
  for (let i = 0; i < 4; i += 1) t.deepEqual(await home.take('c'), { value: i });
});

test('a sender elsewhere waits when its window and the channel are full, and goes on when not', async (t) => {
  const { home, env } = await remoteChannel(1);
  const sender = await home.sender('c');
  let sent = 0;
  const sending_ = (async () => {
    for (let i = 0; i < 2_000; i += 1) {
      await sender.send(i);
      sent += 1;
    }
  })();
  await env.settled();
  t.true(sent < 600, `${sent} sent into a channel of capacity 1`);

  for (let i = 0; i < 2_000; i += 1) t.is(await home.takeSoon('c'), i);

  await sending_;
  t.is(sent, 2_000);
});

for (const [how, besides, options] of [
  ['has 512 besides, of each node that sends', 512, undefined],
  ['and no more, acknowledged by { ack: true }', 0, { ack: true }],
] as const) {
  for (const capacity of [1, 100, 1_000]) {
    const title = `before any is received, a channel of ${capacity} takes so many elements, ${how}`;
    test(title, async (t) => {
      const { a, b, home, node, env } = await remoteChannel(capacity);
      const c = await node('c');
      let sent = 0;
      for (const from of [a, c]) {
        const sender = await (await from.find<ActorRef<Home>>(b, 'home')).sender('c');
        for (let i = 0; i < 2_000; i += 1) {
          void sender.send(i, options).then(() => (sent += 1));
        }
      }

      await env.settled();

      t.is(sent, capacity + 2 * besides);
      t.is(await home.length('c'), capacity);
    });
  }
}

test('a send into a channel without a buffer resolves when a receiver has the element', async (t) => {
  const { home, env } = await remoteChannel(0);
  const sender = await home.sender('c');
  let delivered = false;
  const send = sender.send('hello').then(() => (delivered = true));
  await env.settled();
  t.false(delivered);

  t.is(await home.takeSoon('c'), 'hello');
  await send;

  t.true(delivered);
});

test('a remote receiver gets what is sent at home, in order, and the close after it', async (t) => {
  const { home } = await remoteChannel(1_000);
  const receiver = await home.receiver('c');
  await home.send('c', ...Array.from({ length: 500 }, (_, i) => i));
  await home.close('c');

  const got: unknown[] = [];
  for await (const value of receiver) got.push(value);

  t.deepEqual(
    got,
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('a single receive takes one element and leaves the others to other receivers', async (t) => {
  const { home } = await remoteChannel(10);
  const receiver = await home.receiver('c');
  await home.send('c', 1, 2, 3);

  t.is(await receiver.receive(), 1);

  t.is(await home.length('c'), 2);
});

test('closing travels both ways, with its error', async (t) => {
  const { home } = await remoteChannel(2);
  const sender = await home.sender('c');
  const receiver = await home.receiver('c');

  void sender.send('last');
  sender.close(new RangeError('enough'));

  t.is(await receiver.receive(), 'last');
  const error = await t.throwsAsync(receiver.receive());
  t.regex(error?.message ?? '', /enough/);
});

test('a sender learns that the channel was closed at its home', async (t) => {
  const { home, env } = await remoteChannel(2);
  const sender = await home.sender('c');
  void sender.send('opens the end');
  await env.settled();

  await home.close('c');
  await env.settled();

  t.is(sender.trySend('too late'), 'closed');
  await t.throwsAsync(sender.send('too late'), { instanceOf: ChannelClosed });
});

test('when the home is lost, receivers throw after what has arrived; it never looks like a close', async (t) => {
  const { home, network, env } = await remoteChannel(10);
  const receiver = await home.receiver('c');
  await home.send('c', 1);
  t.is(await receiver.receive(), 1);
  const waiting = t.throwsAsync(receiver.receive(), { instanceOf: ChannelLost });
  await env.settled();

  network.cut('a', 'b');
  await env.advance(6_000);

  await waiting;
});

test('when the home is lost, senders learn how many elements are in doubt', async (t) => {
  const { home, network, env } = await remoteChannel(0);
  const sender = await home.sender('c');
  const first = t.throwsAsync(sender.send(1), { instanceOf: ChannelLost });
  const second = t.throwsAsync(sender.send(2), { instanceOf: ChannelLost });
  await env.settled();

  network.cut('a', 'b');
  await env.advance(6_000);

  t.is((await first)?.inDoubt, 2);
  await second;
  const later = await t.throwsAsync(sender.send(3), { instanceOf: ChannelLost });
  t.is(later?.inDoubt, 2);
});

test('an element that cannot travel is refused when it is sent, and the others go on', async (t) => {
  const { home, env } = await remoteChannel(4);
  const sender = await home.sender('c');

  await t.throwsAsync(sender.send(Symbol('mine')), { instanceOf: NotSerializable });
  t.is(sender.trySend('fine'), 'sent');
  await env.settled();

  t.deepEqual(await home.take('c'), { value: 'fine' });
});

test('an end that comes home is the channel itself', async (t) => {
  const { home } = await remoteChannel(4);
  const sender = await home.sender('c');

  t.true(await home.isSame('c', sender));
});

/** Uses what it is given, wherever that lives. */
class Guest extends Actor {
  readonly #receivers: Receiver<unknown>[] = [];
  @rpc send(sender: Sender<unknown>, value: unknown): string {
    return sender.trySend(value);
  }
  @rpc sendAll(senders: readonly Sender<unknown>[]): void {
    for (const sender of senders) sender.trySend('hello');
  }
  @rpc async receive(receiver: Receiver<unknown>): Promise<unknown> {
    return receiver.receive();
  }
  @rpc keep(receiver: Receiver<unknown>): void {
    this.#receivers.push(receiver);
  }
  @rpc async next(): Promise<unknown> {
    return this.#receivers[0]?.receive();
  }
}

/** Channels of node a, and on b a guest who may be given their ends. */
async function guestOf() {
  const nodes = testNodes();
  const a = await nodes.node('a');
  const b = await nodes.node('b');
  b.serve('guest', b.system.spawn(Guest));
  const guest = await a.find<ActorRef<Guest>>(b, 'guest');
  const make = (capacity: number) => channel<unknown>(capacity, { env: nodes.env });
  return { ...nodes, a, b, guest, make };
}

test('an end that arrives again and again is one end, and keeps its order', async (t) => {
  const { a, b, guest, make } = await guestOf();
  const [sent, received] = [make(100), make(100)];
  for (let i = 0; i < 100; i += 1) received.trySend(i);

  for (let i = 0; i < 100; i += 1) {
    await guest.send(sent.sender, i);
    t.is(await guest.receive(received.receiver), i);
  }

  for (let i = 0; i < 100; i += 1) t.is(await sent.receive(), i);
  t.is((await a.endpoint.connect('b:1')).channels.open, 2);
  t.is((await b.endpoint.connect('a:1')).channels.open, 2);
});

test('an end that was closed is not taken for the one that arrives after it', async (t) => {
  const { a, guest, make, network, env } = await guestOf();
  const { sender, receiver } = make(2);
  await guest.send(sender, 1);
  await env.settled();
  network.cut('a', 'b');
  await env.advance(10_000);
  network.heal('a', 'b');

  t.is(await guest.send(sender, 2), 'sent');

  t.deepEqual([await receiver.receive(), await receiver.receive()], [1, 2]);
  t.is((await a.endpoint.connect('b:1')).channels.open, 1);
});

test('who would open more ends than there may be is refused before anything is taken', async (t) => {
  const { guest, make, env } = await guestOf();
  const channels = Array.from({ length: 65_536 }, () => make(1));
  for (let i = 0; i < channels.length; i += 4_096) {
    await guest.sendAll(channels.slice(i, i + 4_096).map(({ sender }) => sender));
    await env.settled();
  }
  t.true(channels.every(({ receiver }) => receiver.length === 1));
  const one = make(1);

  await t.throwsAsync(guest.send(one.sender, 'more'), {
    instanceOf: Overloaded,
    message: 'a is overloaded: ends of its channels that are open here reached its limit of 65536',
  });
  await t.throwsAsync(guest.receive(one.receiver), { instanceOf: Overloaded });
  channels[0]?.close();
  await env.settled();

  t.is(await guest.send(one.sender, 'more'), 'sent');
  t.is(await one.receive(), 'more');
});

test('a channel that is closed with elements unread is forgotten when nobody can fetch them', async (t) => {
  const { a, guest, make, env } = await guestOf();
  const both = make(4);
  const { sender } = both;
  await guest.send(sender, 1);
  await guest.send(sender, 2);
  await env.settled();
  t.is(a.endpoint.table.size, 1);

  both.close();

  t.is(a.endpoint.table.size, 0);
});

test('what is unread at the close can be fetched from elsewhere, and then it is forgotten', async (t) => {
  const { a, guest, make, env } = await guestOf();
  const both = make(4);
  const { sender, receiver } = both;
  await guest.keep(receiver);
  for (let i = 1; i <= 2; i += 1) await guest.send(sender, i);
  await env.settled();
  both.close();
  t.is(a.endpoint.table.size, 1);

  t.deepEqual([await guest.next(), await guest.next()], [1, 2]);
  await t.throwsAsync(guest.next(), { instanceOf: ChannelClosed });

  t.is(a.endpoint.table.size, 0);
  t.is((await a.endpoint.connect('b:1')).channels.open, 0);
});

test('it is forgotten as well when it is read at home', async (t) => {
  const { a, guest, make, env } = await guestOf();
  const both = make(4);
  const { sender, receiver } = both;
  await guest.keep(receiver);
  for (let i = 1; i <= 3; i += 1) sender.trySend(i);
  t.is(await guest.next(), 1);
  both.close();

  t.deepEqual(receiver.receiveBatch(4), [2, 3]);
  await env.settled();

  t.is(a.endpoint.table.size, 0);
  t.is((await a.endpoint.connect('b:1')).channels.open, 0);
});

test('an end to receive by that is given away after the close brings the rest', async (t) => {
  const { guest, make, env } = await guestOf();
  const both = make(4);
  const { sender, receiver } = both;
  await guest.send(sender, 1);
  await guest.send(sender, 2);
  await env.settled();
  both.close();

  t.is(await guest.receive(receiver), 1);
  t.is(await guest.receive(receiver), 2);
});

test('an end handed to a third node connects to the home directly', async (t) => {
  const { home, node, a, b, network, env } = await remoteChannel(4);
  const c = await node('c');
  c.serve('home', c.system.spawn(Home, c.system.env));
  const elsewhere = await a.find<ActorRef<Home>>(c, 'home');
  await elsewhere.make('ends', 1);
  const ends = await elsewhere.sender('ends');
  await ends.send(await home.sender('c'));
  const onC = await c.find<ActorRef<Home>>(c, 'home').catch(() => undefined);
  t.is(onC, undefined); // A node needs no connection to itself.
  await env.settled();
  network.cut('a', 'b');
  await env.advance(6_000);

  t.true(b.endpoint.table.size <= 1);
});

test('select mixes local and remote ends', async (t) => {
  const { home, env } = await remoteChannel(1);
  const remote = await home.receiver('c');
  const local = channel<string>(1, { env });

  const first = select({ remote, local }, { env });
  await home.send('c', 'from afar');
  const got = await first;
  t.like(got, { case: 'remote', ok: true, value: 'from afar' });

  const out = await home.sender('c');
  const sent = await select({ out: sending(out, 'into the distance'), local }, { env });
  t.is(sent.case, 'out');
  await env.settled();
  t.deepEqual(await home.take('c'), { value: 'into the distance' });
});

test('with { ack: true } a send resolves when the channel has the element, not when it has left', async (t) => {
  const { home, env } = await remoteChannel(1);
  const sender = await home.sender('c');
  await sender.send('first', { ack: true });
  t.is(await home.length('c'), 1);
  let delivered = false;
  const second = Promise.resolve(sender.send('second', { ack: true })).then(
    () => (delivered = true),
  );
  await env.settled();
  t.false(delivered);

  t.is(await home.takeSoon('c'), 'first');
  await second;

  t.is(await home.length('c'), 1);
});

test('who waits for an acknowledgement learns of a loss, and one that gives up is let go', async (t) => {
  const { home, network, env } = await remoteChannel(1);
  const sender = await home.sender('c');
  const giveUp = new AbortController();
  await sender.send('fills the channel', { ack: true });
  const lost = t.throwsAsync(Promise.resolve(sender.send('second', { ack: true })), {
    instanceOf: ChannelLost,
  });
  const impatient = sender.send('third', { ack: true, signal: giveUp.signal });
  await env.settled();

  giveUp.abort(new RangeError('enough'));
  await t.throwsAsync(Promise.resolve(impatient), { instanceOf: RangeError });
  network.cut('a', 'b');
  await env.advance(6_000);

  t.is((await lost)?.inDoubt, 2);
});

test('with { ack: true } a close at home refuses what the channel had not taken', async (t) => {
  const { home, env } = await remoteChannel(1);
  const sender = await home.sender('c');
  await sender.send('first', { ack: true });
  const refused = t.throwsAsync(Promise.resolve(sender.send('second', { ack: true })), {
    instanceOf: ChannelClosed,
  });
  await env.settled();

  await home.close('c');

  t.is((await refused)?.code, 'ERR_CHANNEL_CLOSED');
});

test('with { ack: true } a close at home refuses nothing that the channel took at that moment', async (t) => {
  const { home, env } = await remoteChannel(1);
  const sender = await home.sender('c');
  const outcomes = [1, 2, 3].map((value) =>
    sender.send(value, { ack: true }).then(
      () => value,
      (error: Error) => error.name,
    ),
  );
  await env.settled();

  t.deepEqual(await home.takeAndClose('c'), { value: 1 });

  t.deepEqual(await Promise.all(outcomes), [1, 2, 'ChannelClosed']);
  t.deepEqual(await home.take('c'), { value: 2 });
});

test('the window grows while the channel takes elements faster than they come', async (t) => {
  const { home, network, env } = await remoteChannel(100_000);
  const sender = await home.sender('c');
  const sent = (async () => {
    for (let i = 0; i < 20_000; i += 1) await sender.send(i);
  })();
  await env.settled();
  await sent;
  t.is(await home.length('c'), 20_000);

  network.freeze('a', 'b');
  let accepted = 0;
  while (sender.trySend('more') === 'sent') {
    accepted += 1;
    if (accepted % 256 === 0) await env.settled();
  }

  t.true(accepted > 4_096, `${accepted} elements accepted without an answer`);
  t.true(accepted <= 8_192 + 256, `${accepted} elements accepted without an answer`);
});

test('a slow connection makes a channel wait, and loses nothing of it', async (t) => {
  const { home, network, env } = await remoteChannel(100);
  const receiver = await home.receiver('c');
  for (let i = 0; i < 100; i += 1) await home.send('c', [i, new Uint8Array(500_000)]);
  const got: unknown[] = [];
  const reading = (async () => {
    for (let i = 0; i < 100; i += 1) got.push(((await receiver.receive()) as unknown[])[0]);
  })();
  await env.settled();
  for (let i = 0; i < 5; i += 1) {
    network.cut('a', 'b');
    await env.advance(500);
    network.heal('a', 'b');
    await env.advance(500);
  }

  await reading;

  t.deepEqual(
    got,
    Array.from({ length: 100 }, (_, i) => i),
  );
});

for (const capacity of [0, 1, 8]) {
  test(`a home of capacity ${capacity} checks what is sent elsewhere, once`, async (t) => {
    const { home } = await remoteChannel(0);
    await home.makeChecked('checked', capacity);
    const sender = await home.sender('checked');

    const sends = ['a', 'b', 'c'].map((text) => sender.send(text, { ack: true }));
    const got = [];
    for (let i = 0; i < 3; i += 1) got.push(await home.takeSoon('checked'));
    await Promise.all(sends);

    t.deepEqual(got, ['A', 'B', 'C']);
  });

  test(`what a home of capacity ${capacity} refuses ends that end, with the reason`, async (t) => {
    const { home } = await remoteChannel(0);
    await home.makeChecked('checked', capacity);
    const sender = await home.sender('checked');

    const taken = home.takeSoon('checked');
    const sends = ['a', 1, 'b'].map((value) => sender.send(value, { ack: true }));
    const outcomes = await Promise.allSettled(sends);
    t.is(await taken, 'A');
    const later = await t.throwsAsync(sender.send('c'), { instanceOf: BadArguments });
    const sentByOther = (await home.sender('checked')).send('d');

    t.is(await home.takeSoon('checked'), 'D');
    await sentByOther;
    t.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    t.like(later, { message: 'channel.send: element: no text', executed: 'no' });
  });
}
