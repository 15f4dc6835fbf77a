import type { MessagePort } from 'node:worker_threads';
import type { Connection, ConnectionHandler } from './transport.ts';

/** Bytes under way from which on a writer is asked to wait, and at which it may go on. */
const ENOUGH_BYTES = 1024 * 1024;
const ROOM_BYTES = ENOUGH_BYTES / 2;

/** What one thread is handed so that it can talk to another. */
export interface ThreadEnd {
  readonly port: MessagePort;
  readonly shared: SharedArrayBuffer;
  readonly side: 0 | 1;
  /** Where the other end is. */
  readonly peer: string;
}

/** Each side counts here what it has written and taken, modulo 2 ** 32, and whether it waits. */
const WRITTEN = 0;
const TAKEN = 2;
const WAITS = 4;
export const SHARED_BYTES: number = 6 * Int32Array.BYTES_PER_ELEMENT;

/** Messages that are no chunks: nothing follows; the other side may write on. */
const END = 0;
const ROOM = 1;

/**
 * A connection between two threads of one process. A port has no measure of what waits in it, so
 * both sides count in memory that they share: what was written less what was taken is under way.
 */
export class ThreadConnection implements Connection {
  readonly remoteAddress: string;
  readonly isLoopback = true;
  readonly tellsOfDeath = true;
  readonly #port: MessagePort;
  readonly #counters: Int32Array;
  readonly #near: number;
  readonly #far: number;
  #handler: ConnectionHandler | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #error: Error | undefined = new Error('the thread at the other end has gone');
  #isListening = false;
  #isTold = false;

  constructor({ port, shared, side, peer }: ThreadEnd) {
    this.#port = port;
    this.#counters = new Int32Array(shared);
    this.#near = side;
    this.#far = 1 - side;
    this.remoteAddress = peer;
    port.once('close', () => this.#ended());
    port.unref(); // Until it is started, as a paused socket.
  }

  get bufferedBytes(): number {
    return this.#underWay(this.#near, this.#far);
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#state !== 'open') return this.#tell();
    this.#listen();
    this.#port.ref();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    const copy = new Uint8Array(bytes); // To be handed over: `bytes` may be part of a larger block.
    Atomics.add(this.#counters, WRITTEN + this.#near, copy.length);
    this.#port.postMessage(copy, [copy.buffer]);
    if (this.bufferedBytes < ENOUGH_BYTES) return true;
    Atomics.store(this.#counters, WAITS + this.#near, 1);
    // The other side may have taken it all before it could see that somebody waits.
    return this.bufferedBytes <= ROOM_BYTES && this.#endsWait(this.#near);
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#port.postMessage(END);
    this.#state = 'closing';
    this.#error = undefined;
    this.#listen(); // For the other side's end.
    this.#port.unref();
    this.#tell();
  }

  destroy(): void {
    if (this.#state === 'open') this.#error = undefined;
    this.#port.close();
    this.#ended();
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    this.#port.on('message', this.#onMessage);
    this.#port.unref();
  }

  readonly #onMessage = (message: unknown): void => {
    if (message instanceof Uint8Array) {
      this.#took(message.length);
      if (this.#state === 'open') this.#handler?.data(message);
    } else if (message === ROOM) {
      if (this.#state === 'open') this.#handler?.drained?.();
    } else {
      this.#error = undefined;
      this.#port.close();
    }
  };

  #took(bytes: number): void {
    Atomics.add(this.#counters, TAKEN + this.#near, bytes);
    if (Atomics.load(this.#counters, WAITS + this.#far) === 0) return;
    if (this.#underWay(this.#far, this.#near) > ROOM_BYTES) return;
    if (this.#endsWait(this.#far)) this.#port.postMessage(ROOM);
  }

  #underWay(from: number, to: number): number {
    const taken = Atomics.load(this.#counters, TAKEN + to);
    return (Atomics.load(this.#counters, WRITTEN + from) - taken) >>> 0;
  }

  /** @returns whether it was this call that ended the wait, and not the other side */
  #endsWait(side: number): boolean {
    return Atomics.compareExchange(this.#counters, WAITS + side, 1, 0) === 1;
  }

  #ended(): void {
    this.#state = 'ended';
    this.#tell();
  }

  #tell(): void {
    const handler = this.#handler;
    if (handler === undefined || this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => handler.closed(this.#error));
  }
}
