import type { Env } from '@troupe/actor';
import type { Connection, ConnectionHandler, Transport } from '@troupe/remote';

/** A way between two nodes with a length and a width, in the time of an `Env`. */
export interface Way {
  /** Of each direction, in milliseconds. */
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

/** Bytes that wait for the narrow place from which on a writer is asked to wait. */
const FULL_BYTES = 4 * 1024 * 1024;

/** The same transport, whose connections take as long as `way` says, both ways. */
export function slowTransport(inner: Transport, env: Env, way: () => Way): Transport {
  const slowed = (connection: Connection): Connection => new SlowConnection(connection, env, way);
  return {
    ...inner,
    dial: async (address, options) => slowed(await inner.dial(address, options)),
    listen: (address, accept, refused) =>
      inner.listen(address, (connection) => accept(slowed(connection)), refused),
  };
}

/** Delays what is written by this side. */
class SlowConnection implements Connection {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  readonly #inner: Connection;
  readonly #env: Env;
  readonly #way: () => Way;
  #handler: ConnectionHandler | undefined;
  /** When what was written last will have passed the narrow place. */
  #freeAt = 0;
  #buffered = 0;
  #isFull = false;

  constructor(inner: Connection, env: Env, way: () => Way) {
    this.#inner = inner;
    this.#env = env;
    this.#way = way;
    this.remoteAddress = inner.remoteAddress;
    this.isLoopback = inner.isLoopback;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#inner.start(handler);
  }

  write(bytes: Uint8Array): boolean {
    const { delayMs, bytesPerSecond } = this.#way();
    const now = this.#env.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes.length / bytesPerSecond) * 1_000;
    this.#buffered += bytes.length;
    this.#env.setTimer(this.#freeAt - now, () => {
      this.#buffered -= bytes.length;
      if (!this.#isFull || this.#buffered > FULL_BYTES / 2) return;
      this.#isFull = false;
      this.#handler?.drained?.();
    });
    this.#env.setTimer(this.#freeAt - now + delayMs, () => this.#inner.write(bytes));
    this.#isFull ||= this.#buffered >= FULL_BYTES;
    return !this.#isFull;
  }

  close(): void {
    this.#inner.close();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
