import { createHmac } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { CborCodec } from '@troupe/remote';

/** A stranger's connection, and all that it was sent before the node hung up. */
export class Stranger {
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
    this.#socket.once('close', () => this.#wake());
  }

  write(bytes: Uint8Array | string): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  end(): Promise<void> {
    this.#socket.destroy();
    return this.closed;
  }

  /** Gets in as a node of this machine may, when no secret is asked for. */
  async enter(): Promise<void> {
    const hello = handshake(1, HELLO);
    this.write(hello);
    const { bytes: challenge } = await this.message();
    const said = createHmac('sha256', '').update('open dialler').update(hello).update(challenge);
    const state = { session: '', received: 0 };
    this.write(handshake(3, { ...state, proof: said.update(':0').digest('base64') }));
    await this.message();
  }

  /** Waits for the next message of the handshake. */
  async message(): Promise<{
    readonly type: number;
    readonly body: unknown;
    readonly bytes: Buffer;
  }> {
    for (;;) {
      const end = this.#received.length < 7 ? Infinity : 7 + this.#received.readUInt16BE(5);
      if (this.#received.length >= end) {
        const type = this.#received.readUInt8(4);
        const bytes = this.#received.subarray(0, end);
        const body: unknown = JSON.parse(bytes.subarray(7).toString());
        this.#received = this.#received.subarray(end);
        return { type, body, bytes };
      }
      await this.#more();
    }
  }

  /** Waits for bytes that hold `text`. */
  async hears(text: string | Buffer): Promise<void> {
    while (!this.#received.includes(text)) await this.#more();
  }

  async #more(): Promise<void> {
    if (this.#socket.closed) throw new Error('the node has hung up');
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

export const HELLO = {
  versions: [1, 1],
  node: { name: 'stranger', incarnation: '1', address: '' },
  nonce: 'x',
};

export function handshake(type: number, body: unknown, magic = 'TRPE'): Buffer {
  const json = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const head = Buffer.alloc(7);
  head.write(magic);
  head.writeUInt8(type, 4);
  head.writeUInt16BE(json.length, 5);
  return Buffer.concat([head, json]);
}

/** The first envelope of a session, with sums that are right, whatever else it claims. */
export function envelope(body: Uint8Array, flags = 0, length: number = body.length): Buffer {
  const head = Buffer.alloc(21);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(flags === LINK ? 0 : 1, 4);
  head.writeUInt32BE(crc32(body), 12);
  head.writeUInt8(flags, 16);
  head.writeUInt32BE(crc32(head.subarray(0, 17)), 17);
  return Buffer.concat([head, body]);
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

const codec = new CborCodec();

/** Of envelopes about the connection and not the session. */
const LINK = 1;

/** One frame in an envelope, as an honest encoder writes it. */
export function frame(...fields: readonly unknown[]): Buffer {
  const bytes = codec.encode(fields, { dehydrate: () => undefined, hydrate: () => undefined });
  return envelope(bytes, fields[0] === 2 ? LINK : 0);
}

/** An argument that is well-formed and ours to refuse: `[8, 1, target, 'add', [value], 1000]`. */
export function callWith(value: Uint8Array): Buffer {
  const call = hex('86 08 01 83 67 636f756e746572 63 6f6e65 00 63 616464 81');
  return envelope(Buffer.concat([call, value, hex('19 03e8')]));
}
