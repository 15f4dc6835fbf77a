import test from 'ava';
import { type VirtualEnv, virtualEnv } from '@troupe/actor/testing';
import { type Lane, TransportWire, type TransportWireOptions } from '@troupe/consensus';
import {
  type Connection,
  type ConnectionHandler,
  MemoryNetwork,
  type Transport,
} from '@troupe/remote';
import { Handshake } from '@troupe/remote/handshake';
import { FrameWriter } from '../dist/frame-writer.js';

const env: VirtualEnv = virtualEnv();

/** One end of a wire, and what it has been told. */
interface End {
  readonly wire: TransportWire;
  readonly told: string[];
}

async function open(
  network: MemoryNetwork,
  node: string,
  options: Partial<TransportWireOptions> = {},
): Promise<End> {
  const addressOf = (peer: string): string => `${peer}:1`;
  const transport = network.transport(node);
  const wire = new TransportWire({ listen: `${node}:1`, addressOf, transport, env, ...options });
  const told: string[] = [];
  await wire.open(node, {
    received(from, frame) {
      if (frame.length > 100) throw new Error('too long for this test');
      told.push(`${from} says ${frame.length} bytes`);
    },
    broke: (peer) => void told.push(`${peer} broke`),
    unsent: (peer, lane) => void told.push(`${lane} to ${peer} unsent`),
  });
  return { wire, told };
}

function frame(bytes = 1): Uint8Array {
  const writer = new FrameWriter();
  const data = new Uint8Array(bytes);
  writer.add('g', { type: 'forward', from: 'a', to: 'b', request: 1, commands: [data] });
  return writer.finish();
}

const lanes: readonly Lane[] = ['control', 'bulk'];

test('frames arrive with the name of who has proved to send them', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a', { secret: 'a secret of tests' });
  const b = await open(network, 'b', { secret: 'a secret of tests' });

  for (const lane of lanes) a.wire.send('b', lane, frame());
  await env.advance(10);

  t.deepEqual(b.told, ['a says 7 bytes', 'a says 7 bytes']);
});

test('nodes that are a step apart in changing the secret hear each other', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a', { secret: 'a secret of tests' });
  const b = await open(network, 'b', { secret: ['the next of tests', 'a secret of tests'] });
  const c = await open(network, 'c', { secret: ['a secret of tests', 'the next of tests'] });

  a.wire.send('b', 'control', frame());
  b.wire.send('c', 'control', frame());
  await env.advance(10);

  t.deepEqual([b.told, c.told], [['a says 7 bytes'], ['b says 7 bytes']]);
});

test('a node that does not know the secret is not heard, and learns that nothing has left', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a', { secret: 'another of tests' });
  const b = await open(network, 'b', { secret: 'a secret of tests' });

  a.wire.send('b', 'control', frame());
  await env.advance(10);

  t.deepEqual(b.told, []);
  t.deepEqual(a.told, ['control to b unsent']);
});

test('both ends learn that a line broke, and the next frame makes a new one', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a');
  const b = await open(network, 'b');
  a.wire.send('b', 'bulk', frame());
  await env.advance(10);

  network.cut('a', 'b');
  await env.advance(10);
  network.heal('a', 'b');
  a.wire.send('b', 'bulk', frame());
  await env.advance(1_000);

  t.deepEqual(a.told, ['b broke']);
  t.deepEqual(b.told, ['a says 7 bytes', 'a broke', 'a says 7 bytes']);
});

test('a frame that makes no sense ends its line', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a');
  const b = await open(network, 'b');

  a.wire.send('b', 'bulk', frame(200));
  await env.advance(10);

  t.deepEqual(b.told, ['a broke']);
  t.deepEqual(a.told, ['b broke']);
});

/** Dials b, and has everything to prove who it is. */
async function stranger(
  network: MemoryNetwork,
): Promise<{ readonly connection: Connection; readonly handshake: Handshake }> {
  const connection = await network.transport('x').dial('b:1', { timeoutMs: 1_000 });
  const self = { name: 'x', incarnation: '1', address: '' };
  const handshake = new Handshake('dialler', { self, isLoopback: true }, (bytes) => {
    connection.write(bytes);
  });
  return { connection, handshake };
}

test('who connects and is no line is turned away', async (t) => {
  const network = new MemoryNetwork();
  const b = await open(network, 'b');
  const { connection, handshake } = await stranger(network);
  let isClosed = false;
  connection.start({
    data(chunk) {
      if (handshake.push(chunk) !== undefined) connection.write(Buffer.from('GET / HTTP/1.1'));
    },
    closed: () => void (isClosed = true),
  });

  handshake.begin();
  await env.advance(10);

  t.true(isClosed);
  t.deepEqual(b.told, ['x broke']);
});

test('who says nothing is turned away after a while', async (t) => {
  const network = new MemoryNetwork();
  await open(network, 'b');
  const connection = await network.transport('x').dial('b:1', { timeoutMs: 1_000 });
  let isClosed = false;
  connection.start({ data: () => undefined, closed: () => void (isClosed = true) });

  await env.advance(5_100);

  t.true(isClosed);
});

test('who proves who it is to a wire that has closed is turned away: nobody waits for it', async (t) => {
  const network = new MemoryNetwork();
  const b = await open(network, 'b');
  const { connection, handshake } = await stranger(network);
  let isClosed = false;
  connection.start({
    data: (chunk) => void handshake.push(chunk),
    closed: () => void (isClosed = true),
  });

  handshake.begin();
  const closing = b.wire.close();
  await env.advance(10);
  await closing;

  t.true(isClosed);
});

test('another node at an address is not taken for the one that is looked for', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a', { addressOf: () => 'b:1' });
  const b = await open(network, 'b');

  a.wire.send('c', 'bulk', frame());
  await env.advance(10);

  t.deepEqual(a.told, ['bulk to c unsent']);
  t.false(b.told.some((line) => line.includes('says')));
});

test('a line into silence is made anew, and both ends are told', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a');
  await open(network, 'b');
  for (let i = 0; i < 40; i += 1) {
    a.wire.send('b', 'control', frame());
    await env.advance(100);
  }

  t.deepEqual(a.told, ['b broke']);
});

test('a peer that answers, on whatever line, is not silence', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a');
  const b = await open(network, 'b');
  for (let i = 0; i < 40; i += 1) {
    a.wire.send('b', 'bulk', frame());
    b.wire.send('a', 'control', frame());
    await env.advance(100);
  }

  t.false(a.told.includes('b broke'));
});

test('beyond this machine a wire listens only with a secret, and never with a short one', async (t) => {
  const network = new MemoryNetwork();
  const transport: Transport = { ...network.transport('a'), needsSecret: () => true };

  await t.throwsAsync(open(network, 'a', { transport }), { code: 'ERR_LISTEN_FAILED' });
  await t.throwsAsync(open(network, 'a', { transport, secret: 'fifteen letters' }), {
    code: 'ERR_WEAK_SECRET',
  });
  await t.notThrowsAsync(open(network, 'a', { transport, secret: 'a secret of tests' }));
});

/** A network that does not tell who has dialled when what was dialled ends. */
function deaf(transport: Transport): Transport {
  return {
    ...transport,
    async dial(address, options) {
      const connection = await transport.dial(address, options);
      let told: ConnectionHandler | undefined;
      return {
        remoteAddress: connection.remoteAddress,
        isLoopback: true,
        bufferedBytes: 0,
        start(handler) {
          told = handler;
          connection.start({ data: (chunk) => handler.data(chunk), closed: () => undefined });
        },
        write: (bytes) => connection.write(bytes),
        close: () => connection.close(),
        destroy() {
          connection.destroy();
          told?.closed(undefined);
        },
      };
    },
  };
}

test('a line to an earlier life of a peer is made anew when the later one dials', async (t) => {
  const network = new MemoryNetwork();
  const a = await open(network, 'a', { transport: deaf(network.transport('a')) });
  const earlier = await open(network, 'b');
  a.wire.send('b', 'bulk', frame());
  await env.advance(10);
  await earlier.wire.close();
  const later = await open(network, 'b');

  later.wire.send('a', 'control', frame());
  await env.advance(10);
  a.wire.send('b', 'bulk', frame());
  await env.advance(10);

  t.deepEqual(later.told, ['a says 7 bytes']);
  t.deepEqual(a.told, ['b broke', 'b says 7 bytes']);
});
