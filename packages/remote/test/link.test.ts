import test from 'ava';
import type { Env } from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import {
  BadFrame,
  type Connection,
  HandshakeRefused,
  MemoryNetwork,
  type PeerIdentity,
  tcpTransport,
  type Transport,
} from '@troupe/remote';
import { ACK_NOW, Garbled, packEnvelope } from '../dist/envelope.js';
import { FrameMemory } from '../dist/frame-memory.js';
import { type Admission, Handshake } from '../dist/handshake.js';
import { acceptLink, dialLink, type Link, type LinkOptions } from '../dist/link.js';
import { Session, type SessionHandler } from '../dist/session.js';

const TIMEOUT_MS = 5_000;

/** What has crossed a connection from the side that dialled, write by write. */
interface Wire {
  writes: Uint8Array[];
  connection: Connection | undefined;
}

/** Passes everything on, and keeps a copy of each write. */
function recorded(transport: Transport, wire: Wire): Transport {
  return {
    ...transport,
    async dial(address, options) {
      const connection = (wire.connection = await transport.dial(address, options));
      const write = connection.write.bind(connection);
      connection.write = (bytes) => {
        wire.writes.push(Uint8Array.from(bytes));
        return write(bytes);
      };
      return connection;
    },
  };
}

function optionsOf(name: string, env: VirtualEnv): LinkOptions {
  return { env, self: { name, incarnation: '1', address: '' } };
}

/** A node that accepts links, and a way to reach it as a node or as a stranger. */
async function listening(options: Partial<LinkOptions> = {}) {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const accepted: Promise<Link>[] = [];
  const wire: Wire = { writes: [], connection: undefined };
  const { address } = await network.transport('far').listen('far:0', (connection) => {
    const link = acceptLink(connection, { ...optionsOf('far', env), ...options });
    link.catch(() => undefined); // A test that cares awaits it.
    accepted.push(link);
  });
  const transport = recorded(network.transport('near'), wire);
  const timeoutMs = TIMEOUT_MS;
  return {
    env,
    network,
    wire,
    accepted,
    dial: (own: Partial<LinkOptions> = {}) =>
      dialLink({ ...optionsOf('near', env), ...own, transport, address, timeoutMs }),
    stranger: () => transport.dial(address, { timeoutMs }),
  };
}

/** Two links that have shaken hands; the wire is recorded from then on. */
async function linked() {
  const nodes = await listening();
  const near = await nodes.dial();
  const far = await nodes.accepted[0];
  if (far === undefined) throw new TypeError('nobody was accepted');
  nodes.wire.writes = [];
  return { ...nodes, near, far };
}

/** What a link is told: bodies as text, and its end. */
function listen(link: Link): { readonly frames: string[]; readonly ends: Error[] } {
  const heard = { frames: [] as string[], ends: [] as Error[] };
  link.start({
    envelope: ({ body }) => void heard.frames.push(Buffer.from(body).toString()),
    broken: (error) => void heard.ends.push(error),
    readEnded: () => undefined,
    drained: () => undefined,
    closed: (reason) => void heard.ends.push(reason),
  });
  return heard;
}

function frame(text: string, { flags = 0, sequence = 1 } = {}): Uint8Array {
  const head = { flags, sequence, acknowledged: 0 };
  return packEnvelope(head, [Buffer.from(text)], text.length);
}

const HELLO = message(1, {
  versions: [1, 1],
  node: { name: 'stranger', incarnation: '1', address: '' },
  nonce: 'x',
});

/** A message of the handshake, made by hand. */
function message(type: number, body: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(body));
  return Buffer.concat([Buffer.from('TRPE'), Buffer.from([type, 0, json.length]), json]);
}

/** All that a connection is told, as text, and how often of its end. */
function overhear(connection: Connection): { text: string; ends: number } {
  const heard = { text: '', ends: 0 };
  connection.start({
    data: (chunk) => void (heard.text += Buffer.from(chunk).toString('latin1')),
    closed: () => void (heard.ends += 1),
  });
  return heard;
}

/** Resolves with the end of a connection that somebody else starts. */
function ended(connection: Connection): Promise<void> {
  const start = connection.start.bind(connection);
  return new Promise((resolve) => {
    connection.start = (handler) =>
      start({
        ...handler,
        data: (chunk) => handler.data(chunk),
        closed(error) {
          handler.closed(error);
          resolve();
        },
      });
  });
}

test('both ends of a link know the other, and nothing waits for the handshake any more', async (t) => {
  const { near, far, env } = await linked();

  t.like(near.agreement.peer, { name: 'far' });
  t.like(far.agreement.peer, { name: 'near' });
  t.is(env.timers, 0);
});

test('frames that come before a link is started wait for it, in order', async (t) => {
  const { near, far, env } = await linked();
  near.write(frame('first'));
  await env.settled();
  near.write(frame('second'));
  await env.settled();

  const heard = listen(far);

  t.deepEqual(heard.frames, ['first', 'second']);
});

test('a link that has ended before it is started hears what came, and then the end', async (t) => {
  const { near, far, env } = await linked();
  near.write(frame('last words'));
  near.close(new Error('enough'));
  await env.settled();

  const heard = listen(far);

  t.deepEqual(heard.frames, ['last words']);
  t.is(heard.ends.length, 1);
});

test('closing lets leave what was sent, and each side is told once, in its own words', async (t) => {
  const { near, far, env } = await linked();
  const [ours, theirs] = [listen(near), listen(far)];

  near.write(frame('bye'));
  near.close(new Error('enough'));
  near.close(new Error('more than enough'));
  await env.settled();
  near.write(frame('too late'));
  await env.settled();

  t.deepEqual(theirs.frames, ['bye']);
  t.deepEqual(
    ours.ends.map(({ message }) => message),
    ['enough'],
  );
  t.deepEqual(
    theirs.ends.map(({ message }) => message),
    ['the peer closed the connection'],
  );
});

test('bytes that are no envelope end the link at once, with what was wrong', async (t) => {
  const { near, far, env, wire } = await linked();
  const [ours, theirs] = [listen(near), listen(far)];

  wire.connection?.write(new Uint8Array(21).fill(0xff));
  await env.settled();

  t.is(ours.ends.length, 1);
  t.is(theirs.ends.length, 1);
  t.true(theirs.ends[0] instanceof Garbled);
});

test('an envelope that the protocol does not allow is told as such', async (t) => {
  const { far, env, wire } = await linked();
  const heard = listen(far);

  wire.connection?.write(packEnvelope({ flags: 64, sequence: 1, acknowledged: 0 }, [], 0));
  await env.settled();

  t.true(heard.ends[0] instanceof BadFrame);
});

test('nodes of different versions are refused on both sides', async (t) => {
  const { dial, accepted } = await listening({ versions: [1, 1] });

  const ours = await t.throwsAsync(dial({ versions: [2, 3] }), { instanceOf: HandshakeRefused });
  const theirs = await t.throwsAsync(accepted[0] ?? Promise.resolve(), {
    instanceOf: HandshakeRefused,
  });

  t.is(ours?.reason, 'version');
  t.is(theirs?.reason, 'version');
});

/** What a stranger does, a step a second. */
const slow: Readonly<Record<string, (connection: Connection) => Generator>> = {
  *'says nothing'() {},
  *'sends its hello byte by byte'(connection) {
    for (const byte of HELLO) yield connection.write(Uint8Array.of(byte));
  },
  *'says who it is, and does not prove it'(connection) {
    yield connection.write(HELLO);
  },
};

for (const [what, steps] of Object.entries(slow)) {
  test(`a stranger that ${what} is turned away after five seconds, and told`, async (t) => {
    const { stranger, accepted, env } = await listening();
    const connection = await stranger();
    const heard = overhear(connection);
    const speech = steps(connection);
    await env.settled();

    for (let second = 0; second < 5; second += 1) {
      t.is(heard.ends, 0);
      speech.next();
      await env.advance(1_000);
    }

    const error = await t.throwsAsync(accepted[0] ?? Promise.resolve());
    t.like(error, { code: 'ERR_HANDSHAKE_REFUSED', reason: 'busy' });
    t.regex(heard.text, /"reason":"busy"/);
    t.is(heard.ends, 1);
    t.is(env.timers, 0);
  });
}

test('a node that dials one that never answers gives up after five seconds', async (t) => {
  const { env, network } = await listening();
  const { address } = await network.transport('mute').listen('mute:0', () => undefined);
  const transport = network.transport('near');
  const options = { ...optionsOf('near', env), transport, address, timeoutMs: TIMEOUT_MS };

  const dialling = t.throwsAsync(dialLink(options), { instanceOf: HandshakeRefused });
  await env.advance(TIMEOUT_MS);

  t.is((await dialling)?.reason, 'busy');
});

test('while a process stands still itself, it holds nobody else to be late', async (t) => {
  const { env, network } = await listening();
  let lostMs = 0;
  const held: VirtualEnv = { ...env, now: () => env.now() + lostMs };
  const atDoor: Connection[] = [];
  const { address } = await network.transport('far').listen('far:0', (connection) => {
    atDoor.push(connection);
  });
  const transport = network.transport('near');
  const dialling = dialLink({
    ...optionsOf('near', held),
    transport,
    address,
    timeoutMs: TIMEOUT_MS,
  });

  for (let second = 0; second < 20; second += 1) {
    await env.advance(500);
    lostMs += 3_000;
    await env.advance(500);
  }
  for (const connection of atDoor) await acceptLink(connection, optionsOf('far', env));

  t.is((await dialling).agreement.peer.name, 'far');
});

test('who proves itself when it has been refused is not let in after all', async (t) => {
  const env = virtualEnv();
  const admitted: string[] = [];
  let refused: Promise<unknown> | undefined;
  let gone: Promise<void> | undefined;
  const tcp = tcpTransport();
  const listener = await tcp.listen('127.0.0.1:0', (connection) => {
    gone = ended(connection);
    const admit = ({ name }: PeerIdentity): Admission => {
      admitted.push(name);
      return { session: 'x', received: 0 };
    };
    refused = t.throwsAsync(acceptLink(connection, { ...optionsOf('far', env), admit }));
  });
  const connection = await tcp.dial(listener.address, { timeoutMs: TIMEOUT_MS });
  const said: Uint8Array[] = [];
  const options = { ...optionsOf('near', env), isLoopback: true };
  const handshake = new Handshake('dialler', options, (bytes) => said.push(bytes));
  handshake.begin();
  const challenged = new Promise<void>((resolve) => {
    connection.start({
      data(chunk) {
        if (said.length === 1) handshake.push(chunk);
        resolve();
      },
      closed: () => undefined,
    });
  });
  connection.write(said[0] ?? Buffer.of());
  await challenged;

  const proving = refused?.then(() => {
    connection.write(said[1] ?? Buffer.of());
    connection.close();
  });
  await env.advance(TIMEOUT_MS);
  await proving;
  await gone;

  t.deepEqual(admitted, []);
  await listener.close();
});

test('a stranger that hangs up in the middle of the handshake is not waited for', async (t) => {
  const { stranger, accepted, env } = await listening();
  const connection = await stranger();
  connection.write(HELLO);
  await env.settled();

  connection.destroy();
  await env.settled();

  await t.throwsAsync(accepted[0] ?? Promise.resolve());
  t.is(env.timers, 0);
});

/**
 * A session over a link whose other side says nothing by itself.
 * @param more what its `Env` has besides
 * @param told who is told what of it
 */
async function spoken(more: Partial<Env> = {}, told: Partial<SessionHandler> = {}) {
  const { env, wire, near, far } = await linked();
  listen(far);
  const nothing = (): void => undefined;
  const session = new Session(
    { ...env, ...more },
    {
      memory: new FrameMemory(env),
      frames: nothing,
      linkFrame: nothing,
      arrived: nothing,
      drained: nothing,
      proved: nothing,
      detached: nothing,
      broken: nothing,
      ...told,
    },
  );
  session.attach(near, 0);
  wire.writes = [];
  return { env, wire, session, far };
}

test('the first few frames of a turn leave before it is over, and then each batch of 128', async (t) => {
  const { env, wire, session } = await spoken();
  const left: number[] = [];

  for (let sent = 1; sent <= 134; sent += 1) {
    session.send(Uint8Array.of(sent), { key: 0 });
    left.push(wire.writes.length);
  }
  await env.settled();

  t.deepEqual([left[2], left[3], left[130], left[131], left[133]], [0, 1, 1, 2, 2]);
  t.is(wire.writes.length, 3);
});

test('16 MiB leave without a word that they have arrived, and the rest waits', async (t) => {
  const { env, wire, session } = await spoken();
  const frameBytes = 32 * 1024;

  for (let i = 0; i < 600; i += 1) {
    session.send(new Uint8Array(frameBytes), { key: 0 });
    await env.settled();
  }

  const left = wire.writes.reduce((sum, { length }) => sum + length, 0);
  t.true(left >= 16 * 1024 * 1024 && left <= 16.1 * 1024 * 1024, `${left} bytes have left`);
  t.true(session.queuedBytes >= (600 - 513) * frameBytes);
});

test('a connection that is full is written to no more', async (t) => {
  const { env, wire, session } = await spoken();
  let writes = 0;
  if (wire.connection !== undefined) wire.connection.write = () => (writes += 1) === 0;

  for (let i = 0; i < 10; i += 1) {
    session.send(new Uint8Array(1_000), { key: 0 });
    await env.settled();
  }
  session.sendOnLink(Uint8Array.of(1)); // A sign of life would only wait there.

  t.is(writes, 1);
  t.true(session.queuedBytes >= 9_000);
});

for (const [sequences, taken] of [
  [[2], 0],
  [[0], 0],
  [[1, 1], 1],
  [[1, 3], 1],
  [[1, 2, 1], 2],
] as const) {
  test(`of envelopes ${sequences.join(', ')} the last breaks the session, unheard`, async (t) => {
    const broken: string[] = [];
    const heard: string[] = [];
    const { env, far } = await spoken(undefined, {
      frames: (bytes) => void heard.push(Buffer.from(bytes).toString()),
      broken: ({ message }) => void broken.push(message),
    });

    for (const sequence of sequences) far.write(frame(`${sequence}`, { sequence }));
    await env.settled();

    t.deepEqual(heard, sequences.slice(0, taken).map(String));
    t.is(broken.length, 1);
    t.regex(broken[0] ?? '', new RegExp(`envelope ${sequences.at(-1)} after ${taken}`));
  });
}

const LARGE_BYTES = 64 * 1024;
/** A receipt by itself is a head and nothing else. */
const HEAD_BYTES = 21;

const receipt = test.macro({
  title: (_, frames: number, writes: readonly string[]) =>
    `beside ${frames} large frames that leave, what is due to be acknowledged is: ${writes.join()}`,
  async exec(t, frames: number, writes: readonly string[]) {
    const afterPromises = (run: () => void): void => void Promise.resolve().then(run);
    const { env, wire, session, far } = await spoken({ afterPromises });

    for (let key = 0; key < frames; key += 1) session.send(new Uint8Array(LARGE_BYTES), { key });
    far.write(frame('x'.repeat(LARGE_BYTES)));
    await env.settled();

    const kinds = wire.writes.map(({ length, 11: acknowledged = 0 }) => {
      const kind = length === HEAD_BYTES ? 'receipt' : 'frame';
      return acknowledged === 0 ? kind : `${kind} that acknowledges`;
    });
    t.deepEqual(kinds, writes);
  },
});
test(receipt, 0, ['receipt that acknowledges']);
test(receipt, 2, ['frame', 'frame', 'receipt that acknowledges']);
test(receipt, 3, ['frame', 'frame', 'frame that acknowledges']);

for (const [flags, receipts] of [
  [ACK_NOW, 1],
  [0, 0],
] as const) {
  test(`a small envelope with flags ${flags} has ${receipts} receipts of its own`, async (t) => {
    const afterPromises = (run: () => void): void => void Promise.resolve().then(run);
    const { env, wire, far } = await spoken({ afterPromises });

    far.write(frame('timed', { flags }));
    await env.settled();

    t.deepEqual(
      wire.writes.map(({ length }) => length),
      new Array(receipts).fill(HEAD_BYTES),
    );
  });
}
