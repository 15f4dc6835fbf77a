import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import {
  type Connection,
  type ConnectionHandler,
  ListenFailed,
  networkTransport,
  ThreadHub,
  type Transport,
  workerTransport,
} from '@troupe/remote';
import { Handshake } from '../dist/handshake.js';
import { acceptLink } from '../dist/link.js';
import { startTestNode } from './nodes.js';

const timeoutMs = 5_000;
const MEBIBYTE = 1024 * 1024;

/** The hub's own thread, and a worker's end of it, which a test may use in the same thread. */
function threads(): { readonly main: Transport; readonly worker: Transport } {
  const hub = new ThreadHub();
  const worker = workerTransport(hub.admit('worker'), networkTransport());
  return { main: hub.transport(networkTransport()), worker };
}

async function pair(from: Transport, to: Transport): Promise<[Connection, Connection]> {
  let accept!: (connection: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => (accept = resolve));
  const listener = await to.listen('thread:/place', accept);
  const near = await from.dial('thread:/place', { timeoutMs });
  const far = await accepted;
  await listener.close();
  return [near, far];
}

function hear(connection: Connection, handler: Partial<ConnectionHandler>): Promise<void> {
  return new Promise((resolve) => {
    connection.start({ data: () => undefined, ...handler, closed: () => resolve() });
  });
}

for (const way of ['main to worker', 'worker to main'] as const) {
  test(`${way}: a writer waits while too much is under way, and is told of room`, async (t) => {
    const { main, worker } = threads();
    const [near, far] =
      way === 'main to worker' ? await pair(main, worker) : await pair(worker, main);
    let drained = 0;
    const room = new Promise<void>((resolve) => {
      void hear(near, {
        drained() {
          drained += 1;
          resolve();
        },
      });
    });

    const took = Array.from({ length: 8 }, () => near.write(new Uint8Array(MEBIBYTE / 4)));

    t.deepEqual(took, [true, true, true, false, false, false, false, false]);
    t.is(near.bufferedBytes, 2 * MEBIBYTE);
    let missing = 2 * MEBIBYTE;
    const whole = new Promise<void>((resolve) => {
      void hear(far, {
        data(chunk) {
          missing -= chunk.length;
          if (missing === 0) resolve();
        },
      });
    });
    await room;
    t.true(near.bufferedBytes <= MEBIBYTE / 2);
    await whole;
    t.is(near.bufferedBytes, 0);
    t.is(drained, 1);
    near.destroy();
  });
}

test('bytes that are kept after a write stay as they were', async (t) => {
  const { main, worker } = threads();
  const [near, far] = await pair(main, worker);
  const kept = Uint8Array.of(1, 2, 3);
  const heard = new Promise<Uint8Array>((resolve) => void hear(far, { data: resolve }));

  near.write(kept);

  t.deepEqual([...(await heard)], [1, 2, 3]);
  t.deepEqual([...kept], [1, 2, 3]);
  near.destroy();
});

test('an address is known to all threads, and taken once only', async (t) => {
  const { main, worker } = threads();
  const listener = await worker.listen('127.0.0.1:0', (connection) => connection.destroy());

  const taken = await t.throwsAsync(main.listen(listener.address, () => undefined));
  const near = await main.dial(listener.address, { timeoutMs });
  const outside = await networkTransport().dial(listener.address, { timeoutMs });

  t.true(taken instanceof ListenFailed);
  t.true(near.tellsOfDeath);
  t.is(outside.tellsOfDeath, undefined);
  near.destroy();
  outside.destroy();
  await listener.close();
});

test('nobody else can listen where a thread listens already', async (t) => {
  const { main, worker } = threads();
  const listener = await worker.listen('thread:/a', () => undefined);

  await t.throwsAsync(
    main.listen('thread:/a', () => undefined),
    { instanceOf: ListenFailed },
  );
  await t.throwsAsync(
    worker.listen('thread:/a', () => undefined),
    { instanceOf: ListenFailed },
  );
  await t.throwsAsync(main.dial('thread:/b', { timeoutMs }), { message: /no thread of this node/ });
  await listener.close();

  const again = await main.listen('thread:/a', () => undefined);
  t.is(again.address, 'thread:/a');
});

test('a thread that is busy in the middle of a handshake is waited for, as nobody else is', async (t) => {
  const { main, worker } = threads();
  const env = virtualEnv();
  const [near, far] = await pair(worker, main);
  const self = { name: 'far', incarnation: '1', address: '' };
  const accepting = acceptLink(far, { env, self });

  await env.advance(60_000);
  const options = { self: { ...self, name: 'near' }, isLoopback: true };
  const handshake = new Handshake('dialler', options, (bytes) => void near.write(bytes));
  void hear(near, { data: (chunk) => void handshake.push(chunk) });
  handshake.begin();

  t.is((await accepting).agreement.peer.name, 'near');
  near.destroy();
});

test('a thread that another one has waited for in vain does not tell of a stranger', async (t) => {
  const { main, worker } = threads();
  const env = virtualEnv();
  const listen = 'thread:/place';
  const { endpoint } = await startTestNode(env, { name: 'b', listen, transport: main });
  const near = await worker.dial(listen, { timeoutMs });
  const options = { self: { name: 'a', incarnation: '1', address: '' }, isLoopback: true };
  const handshake = new Handshake('dialler', options, (bytes) => void near.write(bytes));
  const over = hear(near, {});

  handshake.begin();
  handshake.refuse('busy');
  await over;

  t.deepEqual(env.logged, []);
  await endpoint.close();
});
