import type { Connection, ConnectionHandler } from './transport.ts';

/** Bytes that wait from which on a writer is asked to wait, and at which it may go on. */
const ENOUGH_BYTES = 1024 * 1024;
const ROOM_BYTES = ENOUGH_BYTES / 2;

/** Closed in order, as the protocol calls it; anything else is an error. */
export const CLOSED_IN_ORDER = 1000;

/** What differs between the sockets of a browser and those of Node.js. */
export interface WebSocketDriver {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  bufferedBytes(): number;
  send(bytes: Uint8Array): void;
  /** Calls `run` once, when less waits than does now. */
  afterSending(run: () => void): void;
  /** What comes from now on may be told. */
  resume(): void;
  close(): void;
  destroy(): void;
}

/** Bytes over a WebSocket: every binary message is a chunk of the stream, wherever it is cut. */
export class WebSocketConnection implements Connection {
  readonly remoteAddress: string;
  readonly isLoopback: boolean;
  readonly #driver: WebSocketDriver;
  #handler: ConnectionHandler | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #error: Error | undefined;
  #isWaiting = false;

  constructor(driver: WebSocketDriver) {
    this.#driver = driver;
    this.remoteAddress = driver.remoteAddress;
    this.isLoopback = driver.isLoopback;
  }

  get bufferedBytes(): number {
    return this.#driver.bufferedBytes();
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#state === 'ended') queueMicrotask(() => handler.closed(this.#error));
    else this.#driver.resume();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    this.#driver.send(bytes);
    if (this.bufferedBytes < ENOUGH_BYTES) return true;
    if (!this.#isWaiting) this.#awaitRoom();
    return false;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#driver.close();
    this.#driver.resume(); // Or the other side's answer would not be read; the rest is ignored.
  }

  destroy(): void {
    if (this.#state === 'ended') return;
    this.#state = 'closing';
    this.#driver.destroy();
  }

  /** A binary message has come. */
  receive(chunk: Uint8Array): void {
    if (this.#state === 'open' && chunk.length > 0) this.#handler?.data(chunk);
  }

  /** The socket has closed, with the code and the reason that its events give. */
  ended(code: number, reason: string): void {
    const isOurs = this.#state === 'closing';
    this.#state = 'ended';
    if (code !== CLOSED_IN_ORDER && !isOurs) {
      const why = reason === '' ? `with code ${code}` : `with code ${code}: ${reason}`;
      this.#error = new Error(`the WebSocket was closed ${why}`);
    }
    this.#handler?.closed(this.#error);
  }

  #awaitRoom(): void {
    this.#isWaiting = true;
    this.#driver.afterSending(() => {
      if (this.#state !== 'open') return;
      if (this.bufferedBytes > ROOM_BYTES) return this.#awaitRoom();
      this.#isWaiting = false;
      this.#handler?.drained?.();
    });
  }
}
