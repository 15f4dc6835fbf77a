import { CLOSED, ChannelCore, EMPTY } from './channel-core.ts';
import { type Env, processEnv } from './env.ts';
import { ChannelClosed } from './errors.ts';
import { Waiter } from './wait-list.ts';

export interface WaitOptions {
  /** Aborting it ends the wait at once; an element is never lost by it. */
  readonly signal?: AbortSignal;
}

declare const sends: unique symbol;
declare const receives: unique symbol;

/** The end of a channel that elements go in by. */
export interface Sender<in T> {
  readonly [sends]?: (value: T) => void;
  /** How many elements may wait for a receiver. */
  readonly capacity: number;
  /**
   * Hands `value` over. Done at once, without a promise, when a receiver waits or the buffer has
   * room; otherwise the promise resolves when the value was taken.
   * @throws {ChannelClosed} by the promise: the value was not delivered
   */
  send(value: T, options?: WaitOptions): void | Promise<void>;
  /** Hands `value` over if that can be done now. */
  trySend(value: T): 'sent' | 'full' | 'closed';
  /**
   * Ends the channel: receivers get what is buffered, then the end, or `error` if there is one.
   * Senders that wait are refused.
   * @throws {ChannelClosed} when it is closed already, as in Go
   */
  close(error?: unknown): void;
  /** The same, but @returns false when it is closed already. */
  tryClose(error?: unknown): boolean;
}

export type Received<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** The end of a channel that elements come out by. Breaking out of `for await` leaves it open. */
export interface Receiver<out T> extends AsyncIterable<T> {
  readonly [receives]?: () => T;
  /** Elements that wait in the buffer now. */
  readonly length: number;
  readonly capacity: number;
  /**
   * Takes the next element, waiting for one.
   * @throws {ChannelClosed} when the channel is closed and drained, or the error it was closed with
   */
  receive(options?: WaitOptions): Promise<T>;
  /** The same as a result: closed is no exception, and an element that is a promise stays one. */
  next(options?: WaitOptions): Promise<Received<T>>;
  /** Takes an element if there is one now. */
  tryReceive(): { readonly value: T } | 'empty' | 'closed';
  /** Takes up to `max` elements that are there now, in order. */
  receiveBatch(max: number): T[];
}

/** Both ends. */
export interface Channel<T> extends Sender<T>, Receiver<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
  readonly isClosed: boolean;
}

/** The real clock and event loop of this process, for channels that are made without an `Env`. */
const processDefault = processEnv();

/**
 * A channel as in Go: `send` and `receive` meet (capacity 0) or pass elements through a buffer.
 * @param capacity elements that may wait, 0 … 2 ** 31
 */
export function channel<T>(capacity: number = 0, options: { readonly env?: Env } = {}): Channel<T> {
  return new BothEnds(new ChannelCore<T>(capacity, options.env ?? processDefault));
}

const coreKey = Symbol('core');

class SenderEnd<T> implements Sender<T> {
  readonly [coreKey]: ChannelCore<T>;

  constructor(core: ChannelCore<T>) {
    this[coreKey] = core;
  }

  get capacity(): number {
    return this[coreKey].capacity;
  }

  send(value: T, options?: WaitOptions): void | Promise<void> {
    return send(this[coreKey], value, options);
  }

  trySend(value: T): 'sent' | 'full' | 'closed' {
    const core = this[coreKey];
    if (core.offer(core.admit(value))) return 'sent';
    return core.isClosed ? 'closed' : 'full';
  }

  close(error?: unknown): void {
    if (!this[coreKey].close(error)) throw new ChannelClosed();
  }

  tryClose(error?: unknown): boolean {
    return this[coreKey].close(error);
  }
}

class ReceiverEnd<T> implements Receiver<T> {
  readonly [coreKey]: ChannelCore<T>;

  constructor(core: ChannelCore<T>) {
    this[coreKey] = core;
  }

  get capacity(): number {
    return this[coreKey].capacity;
  }

  get length(): number {
    return this[coreKey].length;
  }

  receive(options?: WaitOptions): Promise<T> {
    return receive(this[coreKey], options);
  }

  next(options?: WaitOptions): Promise<Received<T>> {
    return next(this[coreKey], options);
  }

  tryReceive(): { readonly value: T } | 'empty' | 'closed' {
    const value = this[coreKey].poll();
    if (value === EMPTY) return 'empty';
    return value === CLOSED ? 'closed' : { value };
  }

  receiveBatch(max: number): T[] {
    return receiveBatch(this[coreKey], max);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new ChannelIterator(this[coreKey]);
  }
}

class BothEnds<T> extends ReceiverEnd<T> implements Channel<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;

  constructor(core: ChannelCore<T>) {
    super(core);
    this.sender = new SenderEnd(core);
    this.receiver = new ReceiverEnd(core);
  }

  get isClosed(): boolean {
    return this[coreKey].isClosed;
  }

  send(value: T, options?: WaitOptions): void | Promise<void> {
    return send(this[coreKey], value, options);
  }

  trySend(value: T): 'sent' | 'full' | 'closed' {
    return this.sender.trySend(value);
  }

  close(error?: unknown): void {
    this.sender.close(error);
  }

  tryClose(error?: unknown): boolean {
    return this[coreKey].close(error);
  }
}

/** A promise and its place in a channel's queue; `wrap` and `refuse` make of it what was asked. */
class Parked<T, R> extends Waiter<T> {
  readonly promise: Promise<R>;
  readonly #wrap: (value: T | undefined) => R;
  readonly #refuse: (error: unknown, resolve: (result: R) => void) => boolean;
  #resolve!: (result: R) => void;
  #reject!: (error: unknown) => void;
  #signal: AbortSignal | undefined;

  constructor(
    wrap: (value: T | undefined) => R,
    refuse: (error: unknown, resolve: (result: R) => void) => boolean,
  ) {
    super();
    this.#wrap = wrap;
    this.#refuse = refuse;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  succeed(value: T | undefined): void {
    this.#unlisten();
    this.#resolve(this.#wrap(value));
  }

  fail(error: unknown): void {
    this.#unlisten();
    if (!this.#refuse(error, this.#resolve)) this.#reject(error ?? new ChannelClosed());
  }

  abortBy(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Only a waiter that is still queued can be here: the first of a match and an abort wins. */
  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.list?.remove(this);
    this.#unlisten();
    this.#reject(reason);
  };

  #unlisten(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = undefined;
  }
}

function send<T>(core: ChannelCore<T>, given: T, options?: WaitOptions): void | Promise<void> {
  if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason as Error);
  let value: T;
  try {
    value = core.admit(given);
  } catch (error) {
    return Promise.reject(error);
  }
  if (core.offer(value)) return core.budget.spend() ? afterIo(core, undefined) : undefined;
  if (core.isClosed) return Promise.reject(core.sendError());
  const parked = new Parked<T, void>(nothing, never);
  if (options?.signal !== undefined) parked.abortBy(options.signal);
  core.parkSender(parked, value);
  // A send that nobody awaits must not end the process when the channel is closed.
  parked.promise.catch(nothing);
  return parked.promise;
}

function receive<T>(core: ChannelCore<T>, options?: WaitOptions): Promise<T> {
  if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason as Error);
  const value = core.poll();
  if (value === CLOSED) return Promise.reject(core.endError());
  if (value !== EMPTY) return core.budget.spend() ? afterIo(core, value) : Promise.resolve(value);
  const parked = new Parked<T, T>(same, never);
  if (options?.signal !== undefined) parked.abortBy(options.signal);
  core.parkReceiver(parked);
  return parked.promise;
}

function next<T>(core: ChannelCore<T>, options?: WaitOptions): Promise<Received<T>> {
  if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason as Error);
  const value = core.poll();
  if (value === CLOSED) return Promise.resolve({ ok: false, error: core.closeError });
  if (value !== EMPTY) {
    const received: Received<T> = { ok: true, value };
    return core.budget.spend() ? afterIo(core, received) : Promise.resolve(received);
  }
  const parked = new Parked<T, Received<T>>(
    (element) => ({ ok: true, value: element as T }),
    (error, resolve) => {
      resolve({ ok: false, error });
      return true;
    },
  );
  if (options?.signal !== undefined) parked.abortBy(options.signal);
  core.parkReceiver(parked);
  return parked.promise;
}

function receiveBatch<T>(core: ChannelCore<T>, max: number): T[] {
  const batch: T[] = [];
  while (batch.length < max) {
    const value = core.poll();
    if (value === EMPTY || value === CLOSED) break;
    batch.push(value);
  }
  return batch;
}

/** Written by hand: an async generator takes twice as long a step. */
class ChannelIterator<T> implements AsyncIterableIterator<T> {
  readonly #core: ChannelCore<T>;

  constructor(core: ChannelCore<T>) {
    this.#core = core;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const core = this.#core;
    const value = core.poll();
    if (value === CLOSED) return core.closeError === undefined ? finished : this.#throw();
    if (value !== EMPTY) {
      const result: IteratorResult<T, undefined> = { done: false, value };
      return core.budget.spend() ? afterIo(core, result) : Promise.resolve(result);
    }
    const parked = new Parked<T, IteratorResult<T, undefined>>(
      (element) => ({ done: false, value: element as T }),
      (error, resolve) => {
        if (error === undefined) resolve({ done: true, value: undefined });
        return error === undefined;
      },
    );
    core.parkReceiver(parked);
    return parked.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return finished;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #throw(): Promise<never> {
    return Promise.reject(this.#core.closeError);
  }
}

const finished: Promise<IteratorResult<never, undefined>> = Promise.resolve({
  done: true,
  value: undefined,
});

/** Sockets and timers have their turn before `value` is handed out. */
function afterIo<R, T>(core: ChannelCore<T>, value: R): Promise<R> {
  return new Promise((resolve) => core.env.afterIo(() => resolve(value)));
}

function nothing(): void {}
function never(): boolean {
  return false;
}
function same<T>(value: T | undefined): T {
  return value as T;
}

/** The channel behind an end, and which ends that object is; undefined for anything else. */
export function channelBehind(
  value: object,
): { readonly core: ChannelCore<unknown>; readonly end: 'both' | 'send' | 'receive' } | undefined {
  if (!(coreKey in value)) return undefined;
  const core = value[coreKey] as ChannelCore<unknown>;
  if (value instanceof BothEnds) return { core, end: 'both' };
  return { core, end: value instanceof SenderEnd ? 'send' : 'receive' };
}

/** Sends without an end object; `core.offer` was tried before. */
export async function sendInto<T>(core: ChannelCore<T>, value: T): Promise<void> {
  await send(core, value);
}

export function senderOf<T>(core: ChannelCore<T>): Sender<T> {
  return new SenderEnd(core);
}

export function receiverOf<T>(core: ChannelCore<T>): Receiver<T> {
  return new ReceiverEnd(core);
}
