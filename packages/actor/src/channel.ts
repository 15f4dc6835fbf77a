import { endedBy } from './abort.ts';
import { checkedElement, type Schema } from './arguments.ts';
import { CLOSED, ChannelCore, EMPTY, type SendOptions, type WaitOptions } from './channel-core.ts';
import { type Env, processDefault } from './env.ts';
import { ChannelClosed } from './errors.ts';
import { END_OF_LOOP, type Form, NEXT, Parked, RECEIVE, SEND, STEP } from './parked.ts';

declare const sends: unique symbol;
declare const receives: unique symbol;

/**
 * The end of a channel that elements go in by. Disposing of it lets go of a channel that lives on
 * another node, and leaves that open; ends of a channel of this node need no disposing.
 */
export interface Sender<in T> extends Disposable {
  readonly [sends]?: (value: T) => void;
  /** The channel lives on another node: sending may fail with `ChannelLost`. */
  readonly remote: boolean;
  /** How many elements may wait for a receiver. */
  readonly capacity: number;
  /**
   * Hands `value` over. Done at once when a receiver waits or the buffer has room, and the promise
   * is one that has resolved; otherwise it resolves when the value was taken. For a channel of
   * another node with a buffer that is by this node, which takes 512 of them besides the capacity,
   * and up to 8,448 while the channel is faster than the way to it; `ack` says otherwise.
   * @throws {ChannelClosed} by the promise: the value was not delivered
   * @throws {BadArguments} by the promise: the channel's schema refuses the value
   */
  send(value: T, options?: SendOptions): Promise<void>;
  /**
   * Hands `value` over if that can be done now.
   * @throws {BadArguments} when the channel's schema refuses the value
   */
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

/**
 * The end of a channel that elements come out by. Breaking out of `for await` leaves it open.
 * Disposing of it lets go of a channel that lives on another node, to which what was fetched ahead
 * goes back; ends of a channel of this node need no disposing.
 */
export interface Receiver<out T> extends AsyncIterable<T>, Disposable {
  readonly [receives]?: () => T;
  /** The channel lives on another node: receiving may fail with `ChannelLost`. */
  readonly remote: boolean;
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
  /**
   * What `for await` over the receiver itself takes, until the signal is aborted: then the loop
   * ends by throwing the signal's reason, which in a goroutine that was cancelled is no failure.
   */
  values(options?: WaitOptions): AsyncIterableIterator<T>;
}

/** Both ends. */
export interface Channel<T> extends Sender<T>, Receiver<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
  readonly isClosed: boolean;
}

export interface ChannelOptions<T> {
  /** Default: the process's own. */
  readonly env?: Env;
  /**
   * Checks, and may convert, each element before it is taken: a Standard Schema, which must answer
   * at once. What is sent from another node is checked here, where the channel is at home.
   */
  readonly schema?: Schema<T>;
}

/**
 * A channel as in Go: `send` and `receive` meet (capacity 0) or pass elements through a buffer.
 * @param capacity elements that may wait, 0 … 2 ** 31
 */
export function channel<T>(capacity: number = 0, options: ChannelOptions<T> = {}): Channel<T> {
  const { env = processDefault, schema } = options;
  const hooks = schema && { admitted: (value: unknown) => checkedElement(schema, value) };
  return new BothEnds(new ChannelCore<T>(capacity, env, hooks));
}

class SenderEnd<T> implements Sender<T> {
  readonly core: ChannelCore<T>;

  constructor(core: ChannelCore<T>) {
    this.core = core;
  }

  get remote(): boolean {
    return isRemote(this.core);
  }

  get capacity(): number {
    return capacityOf(this.core);
  }

  send(value: T, options?: SendOptions): Promise<void> {
    return send(this.core, value, options);
  }

  trySend(value: T): 'sent' | 'full' | 'closed' {
    const core = this.core;
    if (core.offer(core.admit(value))) return 'sent';
    return core.isClosed ? 'closed' : 'full';
  }

  close(error?: unknown): void {
    if (!this.core.close(error)) throw new ChannelClosed();
  }

  tryClose(error?: unknown): boolean {
    return this.core.close(error);
  }

  [Symbol.dispose](): void {
    this.core.hooks?.release?.();
  }
}

export class ReceiverEnd<T> implements Receiver<T> {
  readonly core: ChannelCore<T>;

  constructor(core: ChannelCore<T>) {
    this.core = core;
  }

  get remote(): boolean {
    return isRemote(this.core);
  }

  get capacity(): number {
    return capacityOf(this.core);
  }

  get length(): number {
    return this.core.length;
  }

  receive(options?: WaitOptions): Promise<T> {
    return receive(this.core, options);
  }

  next(options?: WaitOptions): Promise<Received<T>> {
    return next(this.core, options);
  }

  tryReceive(): { readonly value: T } | 'empty' | 'closed' {
    const value = this.core.poll();
    if (value === EMPTY) return 'empty';
    return value === CLOSED ? 'closed' : { value };
  }

  receiveBatch(max: number): T[] {
    return receiveBatch(this.core, max);
  }

  values(options?: WaitOptions): AsyncIterableIterator<T> {
    return new ChannelIterator(this.core, options?.signal);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new ChannelIterator(this.core, undefined);
  }

  [Symbol.dispose](): void {
    this.core.hooks?.release?.();
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
    return this.core.isClosed;
  }

  send(value: T, options?: SendOptions): Promise<void> {
    return send(this.core, value, options);
  }

  trySend(value: T): 'sent' | 'full' | 'closed' {
    return this.sender.trySend(value);
  }

  close(error?: unknown): void {
    this.sender.close(error);
  }

  tryClose(error?: unknown): boolean {
    return this.core.close(error);
  }
}

function send<T>(core: ChannelCore<T>, given: T, options?: SendOptions): Promise<void> {
  const signal = options?.signal;
  const ended = signal && endedBy(signal);
  if (ended !== undefined) return ended;
  let value: T;
  try {
    value = core.admit(given, options);
  } catch (error) {
    return Promise.reject(error);
  }
  if (options?.ack === true) return sendAndWait(core, value, signal);
  return put(core, value, signal);
}

function put<T>(core: ChannelCore<T>, value: T, signal?: AbortSignal): Promise<void> {
  if (core.offer(value)) return core.budget.spend() ? core.afterIo(undefined) : DONE;
  if (core.isClosed) return Promise.reject(core.sendError());
  const parked = new Parked<T>(SEND, core);
  if (signal !== undefined) parked.abortBy(signal);
  core.parkSender(parked, value);
  return parked.promise as Promise<void>;
}

/** An aborted wait says nothing of the value, which may be on its way. */
async function sendAndWait<T>(core: ChannelCore<T>, value: T, signal?: AbortSignal): Promise<void> {
  const delivery = core.hooks?.delivery?.(value);
  await put(core, value, signal);
  if (delivery === undefined) return;
  if (signal === undefined) return delivery;
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
    delivery.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function receive<T>(core: ChannelCore<T>, options?: WaitOptions): Promise<T> {
  const signal = options?.signal;
  const ended = signal && endedBy(signal);
  if (ended !== undefined) return ended;
  const value = core.poll();
  if (value === EMPTY) return wait(core, RECEIVE, signal) as Promise<T>;
  if (value === CLOSED) return Promise.reject(core.endError());
  return core.budget.spend() ? core.afterIo(value) : Promise.resolve(value);
}

function next<T>(core: ChannelCore<T>, options?: WaitOptions): Promise<Received<T>> {
  const signal = options?.signal;
  const ended = signal && endedBy(signal);
  if (ended !== undefined) return ended;
  const value = core.poll();
  if (value === EMPTY) return wait(core, NEXT, signal) as Promise<Received<T>>;
  if (value === CLOSED) return Promise.resolve({ ok: false, error: core.closeError });
  const received: Received<T> = { ok: true, value };
  return core.budget.spend() ? core.afterIo(received) : Promise.resolve(received);
}

function wait<T>(core: ChannelCore<T>, form: Form, signal?: AbortSignal): Promise<unknown> {
  const parked = new Parked<T>(form, core);
  if (signal !== undefined) parked.abortBy(signal);
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
  readonly #signal: AbortSignal | undefined;

  constructor(core: ChannelCore<T>, signal: AbortSignal | undefined) {
    this.#core = core;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const core = this.#core;
    const signal = this.#signal;
    const ended = signal && endedBy(signal);
    if (ended !== undefined) return ended;
    const value = core.poll();
    if (value === EMPTY) return wait(core, STEP, signal) as Promise<IteratorResult<T, undefined>>;
    if (value === CLOSED) {
      if (core.closeError === undefined) return finished;
      return Promise.reject(core.endError());
    }
    const result: IteratorResult<T, undefined> = { done: false, value };
    return core.budget.spend() ? core.afterIo(result) : Promise.resolve(result);
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return finished;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** One for all sends that are done at once: awaiting it costs less than awaiting no promise. */
const DONE: Promise<void> = Promise.resolve();

const finished: Promise<IteratorResult<never, undefined>> = Promise.resolve(END_OF_LOOP);

/** An end of a channel elsewhere has a buffer of its own, which is not the channel's. */
function capacityOf<T>(core: ChannelCore<T>): number {
  return core.hooks?.capacity ?? core.capacity;
}

function isRemote<T>(core: ChannelCore<T>): boolean {
  return core.hooks?.release !== undefined;
}

/** The channel behind an end, and which ends that object is; undefined for anything else. */
export function channelBehind(
  value: object,
): { readonly core: ChannelCore<unknown>; readonly end: 'both' | 'send' | 'receive' } | undefined {
  if (value instanceof SenderEnd) return { core: value.core, end: 'send' };
  if (!(value instanceof ReceiverEnd)) return undefined;
  return { core: value.core, end: value instanceof BothEnds ? 'both' : 'receive' };
}

/** Sends what was admitted; `core.offer` was tried before. */
export function sendInto<T>(core: ChannelCore<T>, value: T): Promise<void> {
  return put(core, value);
}

export function senderOf<T>(core: ChannelCore<T>): Sender<T> {
  return new SenderEnd(core);
}

export function receiverOf<T>(core: ChannelCore<T>): Receiver<T> {
  return new ReceiverEnd(core);
}
