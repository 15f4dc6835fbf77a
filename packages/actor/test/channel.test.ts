import { createServer, connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { channel, ChannelClosed, processEnv } from '@troupe/actor';
import { ChannelCore, receiverOf, senderOf } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';

test('without a buffer, a send completes when its element is received', async (t) => {
  const c = channel<string>();
  const seen: string[] = [];
  const sent = c.send('hello').then(() => seen.push('sent'));
  await null;
  t.deepEqual(seen, []);

  t.is(await c.receive(), 'hello');
  await sent;

  t.deepEqual(seen, ['sent']);
});

test('a buffered send is done at once until the buffer is full', async (t) => {
  const c = channel<number>(2);
  let isDone = false;

  await c.send(1);
  t.is(c.trySend(2), 'sent');
  t.is(c.trySend(3), 'full');
  const third = c.send(3).then(() => (isDone = true));
  await null;
  t.is(c.length, 2);
  t.false(isDone);

  t.is(await c.receive(), 1);
  await third;
  t.is(c.length, 2);
});

test('elements keep their order through buffer and waiting senders', async (t) => {
  const c = channel<number>(2);
  for (let i = 0; i < 10; i += 1) void c.send(i);

  const got: number[] = [];
  for (let i = 0; i < 10; i += 1) got.push(await c.receive());

  t.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('the ring keeps its order while it grows around a moved head', (t) => {
  const c = channel<number>(64);
  const got: unknown[] = [];
  let next = 0;
  for (let round = 1; round <= 20; round += 1) {
    for (let i = 0; i < round; i += 1) c.trySend(next++);
    got.push(...c.receiveBatch(round - 1));
  }
  got.push(...c.receiveBatch(64));

  t.deepEqual(
    got,
    Array.from({ length: next }, (_, i) => i),
  );
});

test('receivers are served in the order they came', async (t) => {
  const c = channel<string>();
  const first = c.receive();
  const second = c.receive();

  void c.send('a');
  void c.send('b');

  t.deepEqual(await Promise.all([first, second]), ['a', 'b']);
});

test('undefined, null and thenables are elements like any other', async (t) => {
  const c = channel<unknown>(3);
  const thenable = { then: () => t.fail('an element was taken for a promise') };
  void c.send(undefined);
  void c.send(null);
  void c.send(thenable);
  c.close();

  const got: unknown[] = [];
  for await (const value of c) got.push(value);

  t.is(got.length, 3);
  t.is(got[2], thenable);
});

test('after a close the buffer is drained, then receivers learn the end', async (t) => {
  const c = channel<number>(2);
  void c.send(1);
  c.close();

  t.is(await c.receive(), 1);
  await t.throwsAsync(c.receive(), { instanceOf: ChannelClosed });
  t.deepEqual(await c.next(), { ok: false, error: undefined });
  t.is(c.tryReceive(), 'closed');
  t.is(c.trySend(2), 'closed');
});

test('closing with an error gives it to receivers, after the drain', async (t) => {
  const c = channel<number>(1);
  void c.send(1);
  c.close(new RangeError('enough'));

  const got: number[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const value of c) got.push(value);
  });

  t.deepEqual(got, [1]);
  t.is(error?.message, 'enough');
});

test('closing twice is an error, unless it is only tried', (t) => {
  const c = channel<number>();
  c.close();

  t.throws(() => c.close(), { instanceOf: ChannelClosed });
  t.false(c.tryClose());
});

test('senders that wait when the channel is closed are refused', async (t) => {
  const c = channel<number>();
  const sent = t.throwsAsync(c.send(1), { instanceOf: ChannelClosed });

  c.close();

  await sent;
  await t.throwsAsync(c.send(2), { instanceOf: ChannelClosed });
});

test('breaking out of a loop leaves the channel open', async (t) => {
  const c = channel<number>(2);
  void c.send(1);
  void c.send(2);

  for await (const value of c) {
    t.is(value, 1);
    break;
  }

  t.is(await c.receive(), 2);
  t.false(c.isClosed);
});

test('an aborted receive leaves the queue, and loses nothing', async (t) => {
  const c = channel<number>();
  const controller = new AbortController();
  const aborted = t.throwsAsync(c.receive({ signal: controller.signal }), {
    message: 'never mind',
  });
  const other = c.receive();

  controller.abort(new Error('never mind'));
  void c.send(1);

  await aborted;
  t.is(await other, 1);
});

test('an aborted send was not delivered', async (t) => {
  const c = channel<number>();
  const controller = new AbortController();
  const sent = t.throwsAsync(c.send(1, { signal: controller.signal }));

  controller.abort(new Error('never mind'));
  void c.send(2);

  await sent;
  t.is(await c.receive(), 2);
});

test('an abort after the match changes nothing', async (t) => {
  const c = channel<number>();
  const controller = new AbortController();
  const received = c.receive({ signal: controller.signal });

  void c.send(1);
  controller.abort();

  t.is(await received, 1);
});

test('a stream through a buffer seldom waits, for an element or for room', async (t) => {
  let waits = 0;
  const core = new ChannelCore<number>(8, processEnv(), { demanded: () => (waits += 1) });
  const [sender, receiver] = [senderOf(core), receiverOf(core)];
  const sending = (async () => {
    for (let i = 0; i < 10_000; i += 1) {
      const length = receiver.length;
      await sender.send(i);
      if (length === 8) waits += 1;
    }
    sender.close();
  })();
  let received = 0;
  for await (const _ of receiver) received += 1;
  await sending;

  t.is(received, 10_000);
  t.true(waits < 500, `${waits} waits`);
});

for (const capacity of [-1, 1.5, Number.NaN, 2 ** 40]) {
  test(`a capacity of ${capacity} is refused`, (t) => {
    t.throws(() => channel(capacity), { instanceOf: RangeError });
  });
}

test('goroutines that exchange without end do not keep timers from firing', async (t) => {
  const env = processEnv();
  const c = channel<number>(1, { env });
  let exchanged = 0;
  const reader = (async () => {
    for await (const _ of c) exchanged += 1;
  })();
  const writer = (async () => {
    while (!c.isClosed) await c.send(1);
  })().catch((error: unknown) => t.true(error instanceof ChannelClosed));

  await new Promise<void>((resolve) => void env.setTimer(5, resolve));
  c.close();

  await Promise.all([reader, writer]);
  t.true(exchanged > 100);
});

test('goroutines that exchange without end do not keep sockets from being served', async (t) => {
  const [ping, pong] = [channel<number>(), channel<number>()];
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let exchanged = 0;
  const players = [
    (async () => {
      for await (const n of ping) await pong.send(n);
      pong.close();
    })(),
    (async () => {
      for (; !ping.isClosed; exchanged += 1) {
        await ping.send(exchanged);
        await pong.next();
      }
    })(),
  ];

  socket.write('hello');
  const [echo] = (await once(socket, 'data')) as [Buffer];
  ping.close();
  await Promise.all(players);
  socket.destroy();
  server.close();

  t.is(echo.toString(), 'hello');
  t.true(exchanged > 100, `${exchanged} exchanges`);
});

test('a channel of a virtual Env lets others have their turn through it', async (t) => {
  const env = virtualEnv();
  const c = channel<number>(1_000_000, { env });
  for (let i = 0; i < 100_000; i += 1) c.trySend(i);
  c.close();
  let sum = 0;
  const read = (async () => {
    for await (const value of c) sum += value;
  })();

  await env.settled();
  await read;

  t.is(sum, 4_999_950_000);
});
