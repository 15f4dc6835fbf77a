import { createConnection, type Socket } from 'node:net';
import test from 'ava';
import {
  Actor,
  actor,
  type Log,
  type LogFields,
  processEnv,
  rpc,
  startNode,
  type Node,
} from 'troupe';

@actor({ kind: 'counter' })
class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
}

/** What one row may cost the node it is thrown at, in processor time. */
const CPU_MS_MAX = 100;

/** A log that keeps what it is told. */
class Kept implements Log {
  readonly lines: string[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: LogFields, message: string): void {
    this.lines.push(`${message}: ${JSON.stringify(fields)}`);
  }
  error(fields: LogFields, message: string): void {
    this.lines.push(`${message}: ${String(fields['error'])}`);
  }
}

interface Target {
  readonly node: Node;
  readonly log: Kept;
}

async function target(): Promise<Target> {
  const log = new Kept();
  const env = processEnv({ log });
  const options = { name: 'target', listen: '127.0.0.1:0', actors: [Counter], env };
  return { node: await startNode(options), log };
}

/** A stranger's connection, and all that it was sent before the node hung up. */
class Stranger {
  readonly #socket: Socket;
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(address: string) {
    const port = Number(address.split(':')[1]);
    this.#socket = createConnection({ port, host: '127.0.0.1' });
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    // A reset is as good an answer as any.
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
  }

  write(bytes: Uint8Array | string): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }

  /** The node has hung up. */
  get isClosed(): boolean {
    return this.#socket.closed;
  }

  /** Waits for the next message of the handshake. */
  async message(): Promise<{ readonly type: number; readonly body: unknown }> {
    for (;;) {
      const end = this.#received.length < 7 ? Infinity : 7 + this.#received.readUInt16BE(5);
      if (this.#received.length >= end) {
        const type = this.#received.readUInt8(4);
        const body: unknown = JSON.parse(this.#received.subarray(7, end).toString());
        this.#received = this.#received.subarray(end);
        return { type, body };
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function handshake(type: number, body: unknown, magic = 'TRPE'): Buffer {
  const json = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const head = Buffer.alloc(7);
  head.write(magic);
  head.writeUInt8(type, 4);
  head.writeUInt16BE(json.length, 5);
  return Buffer.concat([head, json]);
}

const HELLO = {
  versions: [1, 1],
  node: { name: 'stranger', incarnation: '1', address: '' },
  nonce: 'x',
};

/** Gets in as a node of this machine may, when no secret is asked for. */
async function enter(stranger: Stranger): Promise<void> {
  stranger.write(handshake(1, HELLO));
  await stranger.message();
  stranger.write(handshake(3, { proof: '' }));
  await stranger.message();
}

function envelope(body: Uint8Array, flags = 0, length = body.length + 1): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, body]);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Thrown at the port as they are. */
const STRANGE: Readonly<Record<string, Uint8Array | string>> = {
  'an HTTP request': 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'a TLS client hello': hex('16 03 01 02 00 01 00 01 fc 03 03'),
  'an SSH banner': 'SSH-2.0-OpenSSH_9.2\r\n',
  'a megabyte of zeros': Buffer.alloc(1024 * 1024),
  'a megabyte that begins well': Buffer.concat([Buffer.from('TRPE'), Buffer.alloc(1024 * 1024)]),
  'a handshake of 65,535 bytes': Buffer.concat([hex('54525045 01 ffff'), Buffer.alloc(65_535)]),
  'a hello that is no JSON': handshake(1, '{"versions":'),
  'a hello that is not an object': handshake(1, '7'),
  'a hello without an identity': handshake(1, { versions: [1, 1], nonce: 'x' }),
  'a hello of deep JSON': handshake(1, `${'['.repeat(1_000)}${']'.repeat(1_000)}`),
  'a hello with a name of 1,000 characters': handshake(1, {
    ...HELLO,
    node: { name: 'x'.repeat(1_000), incarnation: '1', address: '' },
  }),
  'a proof before the hello': handshake(3, { proof: '' }),
  'a welcome before the hello': handshake(4, { proof: '' }),
  'an unknown kind of message': handshake(9, {}),
  'a peer of another protocol version': handshake(1, { ...HELLO, versions: [7, 9] }),
  'versions that are no numbers': handshake(1, { ...HELLO, versions: ['1', {}] }),
};

/** Sent by a node that has been let in. */
const FROM_A_PEER: Readonly<Record<string, Uint8Array>> = {
  'an envelope of four gigabytes': envelope(hex('00'), 0, 0xffff_ffff),
  'an envelope of no bytes': envelope(hex(''), 0, 0),
  'unknown envelope flags': envelope(hex('8102'), 0x40),
  'a frame that is no array': envelope(hex('01')),
  'a frame of an unknown type': envelope(hex('81 18 63')),
  'a call without fields': envelope(hex('81 08')),
  'a call whose target is a map': envelope(hex('86 08 01 a0 6161 80 01')),
  'a call whose arguments are no array': envelope(hex('86 08 01 01 6161 6162 01')),
  'a call of a fractional id': envelope(hex('86 08 f93e00 01 6161 80 01')),
  'arrays nested 100,000 deep': envelope(Buffer.alloc(100_000, 0x81)),
  'an array of four billion elements': envelope(hex('9a ffffffff')),
  'a map of four billion entries': envelope(hex('ba ffffffff')),
  'a string longer than its frame': envelope(hex('7a 00ffffff 61')),
  'a bigint of 200 kilobytes': envelope(
    Buffer.concat([hex('82 08 c2 5a 00030d40'), Buffer.alloc(200_000, 0xff)]),
  ),
  'an indefinite length': envelope(hex('9f 08 ff')),
  'a key __proto__': envelope(hex('82 09 a1 69 5f5f70726f746f5f5f 01')),
  'a regular expression': envelope(hex('82 09 d8 1b 82 66 526567457870 61 78')),
  'a shared reference': envelope(hex('82 09 d8 1c 80')),
  'a forged reference to an actor': envelope(hex('82 09 d9 9c40 82 01 02')),
  'items for a channel of nobody': envelope(hex('83 11 02 81 01')),
  'an end opened on a channel that was never made': envelope(hex('85 10 02 18 63 f5 6178')),
  'a down notice for a monitor of nobody': envelope(hex('83 18 19 01 a0')),
};

/** An honest peer may say these of an end that has just gone: they do not cost the connection. */
const MAY_BE_LATE: ReadonlySet<string> = new Set([
  'items for a channel of nobody',
  'an end opened on a channel that was never made',
]);

/** Runs one row against a node and finds that the next honest caller is served. */
async function throwAt(
  t: { is: (a: unknown, b: unknown) => void; true: (a: boolean, why: string) => void },
  bytes: Uint8Array | string,
  letIn: boolean,
): Promise<{ readonly wasClosed: boolean; readonly logged: readonly string[] }> {
  const { node, log } = await target();
  const stranger = new Stranger(node.address);
  if (letIn) await enter(stranger);

  const before = process.cpuUsage();
  stranger.write(bytes);
  // Whether the row ends the connection or is ignored: the honest caller comes right behind it.
  const client = await startNode({ name: 'client', join: [node.address], actors: [] });
  const sum = await client.entity(Counter, 'one').add(2);
  const { user, system } = process.cpuUsage(before);

  t.is(sum, 2);
  t.true((user + system) / 1_000 < CPU_MS_MAX, `${(user + system) / 1_000} ms of processor time`);
  const wasClosed = stranger.isClosed;
  stranger.end();
  await stranger.closed;
  await client.stop();
  await node.stop();
  return { wasClosed, logged: log.lines };
}

for (const [name, bytes] of Object.entries(STRANGE)) {
  test.serial(`a stranger sends ${name}: it is refused, and the next caller served`, async (t) => {
    const { logged } = await throwAt(t, bytes, false);

    t.is(logged.filter((line) => line.startsWith('a connection was refused')).length, 1);
  });
}

for (const [name, bytes] of Object.entries(FROM_A_PEER)) {
  test.serial(`a peer sends ${name}: nobody else is harmed`, async (t) => {
    const { wasClosed } = await throwAt(t, bytes, true);

    t.is(wasClosed, !MAY_BE_LATE.has(name));
  });
}

test.serial('a peer of another version is told so, in its own language', async (t) => {
  const { node } = await target();
  const stranger = new Stranger(node.address);

  stranger.write(handshake(1, { ...HELLO, versions: [7, 9] }));
  const { type, body } = await stranger.message();
  await stranger.closed;

  t.is(type, 5);
  t.deepEqual(body, { reason: 'version' });
  await node.stop();
});

test.serial('a hundred silent strangers do not keep a caller out', async (t) => {
  const { node } = await target();
  const strangers = Array.from({ length: 100 }, () => new Stranger(node.address));

  const client = await startNode({ name: 'client', join: [node.address], actors: [] });
  t.is(await client.entity(Counter, 'one').add(1), 1);

  for (const stranger of strangers) stranger.end();
  await Promise.all(strangers.map(({ closed }) => closed));
  await client.stop();
  await node.stop();
});
