import type { Env } from './env.ts';
import { ChannelClosed } from './errors.ts';
import { type IoBudget, ioBudgetOf } from './io-budget.ts';
import { checkInteger, type Limits } from './number-limits.ts';
import { WaitList, type Waiter } from './wait-list.ts';

const CAPACITY: Limits = [0, 2 ** 31];

/** What `poll` yields instead of an element; no element can be equal to one of these. */
export const EMPTY: unique symbol = Symbol('empty');
export const CLOSED: unique symbol = Symbol('closed');

export interface WaitOptions {
  /** Aborting it ends the wait at once; an element is never lost by it. */
  readonly signal?: AbortSignal;
}

export interface SendOptions extends WaitOptions {
  /**
   * Waits until the channel itself has the value, and not only the way to it, so that no more
   * sends resolve than its capacity. Makes a difference for a channel of another node, a round
   * trip. Default: only where the channel has no buffer.
   */
  readonly ack?: boolean;
}

/** How the carrier of a remote end follows what happens at this one. Called synchronously. */
export interface ChannelHooks {
  /** Of the channel that this is an end of. */
  readonly capacity?: number;
  /** Lets go of the channel, which goes on without this end. */
  release?(): void;
  /** Turns an element into what is kept of it; whatever it throws is the sender's. */
  admitted?(value: unknown, options?: SendOptions): unknown;
  /** What a sender waits for besides, once there is room for what was kept of its element. */
  delivery?(kept: unknown): Promise<void> | undefined;
  /** An element can be taken: it was buffered, or its sender waits. */
  offered?(): void;
  /** An element has left the buffer for a receiver. */
  taken?(): void;
  /** A receiver waits. */
  demanded?(): void;
  /** No receiver waits any more. */
  idle?(): void;
  /** Somebody is about to look for an element: the time to put in one that has fallen due. */
  refresh?(): void;
  closed?(): void;
}

/**
 * The rules of Go's channels, and nothing else.
 *
 * Invariants: while the buffer holds an element nobody waits to receive, and while it has room
 * nobody waits to send. Waiters are served first come, first served; nobody overtakes them.
 * @see The Go Programming Language Specification, "Channel types"; runtime/chan.go
 */
export class ChannelCore<T> {
  readonly capacity: number;
  readonly env: Env;
  readonly budget: IoBudget;
  readonly senders: WaitList<T> = new WaitList<T>();
  readonly receivers: WaitList<T>;
  readonly hooks: ChannelHooks | undefined;
  /** Elements from `#head` on; grown to the capacity by need, then used as a ring. */
  readonly #buffer: (T | undefined)[] = [];
  #head = 0;
  #length = 0;
  #isClosed = false;
  /** What receivers get once the buffer is drained; undefined after a plain close. */
  #closeError: unknown;
  /** What senders get. */
  #sendError: unknown;
  readonly #onClose = new Set<() => void>();
  #onDrain: Set<() => void> | undefined;

  constructor(capacity: number, env: Env, hooks?: ChannelHooks) {
    checkInteger('capacity', capacity, CAPACITY);
    this.capacity = capacity;
    this.env = env;
    this.budget = ioBudgetOf(env);
    this.hooks = hooks;
    this.receivers = new WaitList<T>(hooks?.idle === undefined ? undefined : () => hooks.idle?.());
    this.budget.observer?.made(this);
  }

  get length(): number {
    if (this.hooks !== undefined) this.hooks.refresh?.();
    return this.#length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get closeError(): unknown {
    return this.#closeError;
  }

  /** What a receive gets now that the channel is closed and drained. */
  endError(): unknown {
    return this.#closeError ?? new ChannelClosed();
  }

  /** What a send gets now that the channel is closed. */
  sendError(): unknown {
    return this.#sendError ?? new ChannelClosed();
  }

  /** Sockets and timers have their turn before `value` is handed out. */
  afterIo<R>(value: R): Promise<R> {
    return new Promise((resolve) => this.env.afterIo(() => resolve(value)));
  }

  /** Every element passes here once, before it is offered or its sender is parked. */
  admit(value: T, options?: SendOptions): T {
    return this.hooks?.admitted === undefined ? value : (this.hooks.admitted(value, options) as T);
  }

  /** Whether `poll` would yield an element, or the end. */
  canPoll(): boolean {
    if (this.hooks !== undefined) this.hooks.refresh?.();
    return this.#length > 0 || this.senders.first !== undefined || this.#isClosed;
  }

  /** Whether `offer` would take an element, or the channel is closed. */
  canOffer(): boolean {
    return this.receivers.first !== undefined || this.#length < this.capacity || this.#isClosed;
  }

  /** @returns false when the element was not taken and the channel is open: there is no room */
  offer(value: T): boolean {
    if (this.#isClosed) return false;
    const receiver = this.receivers.shift();
    if (receiver !== undefined) {
      this.hooks?.taken?.();
      receiver.succeed(value);
      return true;
    }
    if (this.#length >= this.capacity) return false;
    this.#push(value);
    this.hooks?.offered?.();
    return true;
  }

  /** Elements that had been taken, in order: they come before all others, also beyond capacity. */
  putBack(values: readonly T[]): void {
    let next = 0;
    for (; next < values.length; next += 1) {
      const receiver = this.receivers.shift();
      if (receiver === undefined) break;
      receiver.succeed(values[next]);
    }
    if (next === values.length) return;
    const buffer = this.#buffer;
    const behind = [...buffer.slice(this.#head), ...buffer.slice(0, this.#head)];
    const all = [...values.slice(next), ...behind.slice(0, this.#length)];
    buffer.splice(0, buffer.length, ...all);
    this.#head = 0;
    this.#length = all.length;
  }

  /** Forgets what is buffered. */
  drop(): void {
    while (this.#length > 0) this.#shift();
  }

  /** Offers `value` in the place of whatever is buffered. */
  replace(value: T): void {
    if (this.#length === 0) this.offer(value);
    else this.#buffer[this.#head] = value;
  }

  poll(): T | typeof EMPTY | typeof CLOSED {
    if (this.hooks !== undefined) this.hooks.refresh?.();
    if (this.#length > 0) {
      const value = this.#shift();
      const sender = this.#length < this.capacity ? this.senders.shift() : undefined;
      if (sender !== undefined) {
        this.#push(sender.value as T);
        sender.succeed(undefined);
      }
      this.hooks?.taken?.();
      return value;
    }
    const sender = this.senders.shift();
    if (sender !== undefined) {
      const value = sender.value as T;
      sender.succeed(undefined);
      this.hooks?.taken?.();
      return value;
    }
    return this.#isClosed ? CLOSED : EMPTY;
  }

  parkSender(waiter: Waiter<T>, value: T): void {
    waiter.value = value;
    this.senders.push(waiter);
    if (this.budget.observer !== undefined) this.budget.observer.parked(waiter, this, 'send');
    this.hooks?.offered?.();
  }

  parkReceiver(waiter: Waiter<T>): void {
    this.receivers.push(waiter);
    if (this.budget.observer !== undefined) this.budget.observer.parked(waiter, this, 'receive');
    this.hooks?.demanded?.();
  }

  /**
   * Closes the channel: what is buffered can still be received, what waits to be sent is refused.
   * @param error what receivers get after the drain, instead of an orderly end
   * @returns false when it was closed already
   */
  close(error?: unknown): boolean {
    return this.#end(error, undefined);
  }

  /** Closes it for a reason that senders get too, in place of `ChannelClosed`. */
  fail(error: unknown): void {
    this.#end(error, error);
  }

  /** Calls `run` when the channel is closed, at once if it is. @returns forgets it */
  whenClosed(run: () => void): () => void {
    if (this.#isClosed) run();
    else this.#onClose.add(run);
    return () => this.#onClose.delete(run);
  }

  /**
   * Calls `run` when the channel is closed and its last element has left, at once if it is so; that
   * element is then on its way out of `poll`. @returns forgets it
   */
  whenDrained(run: () => void): () => void {
    if (this.#isClosed && this.#length === 0) run();
    else (this.#onDrain ??= new Set()).add(run);
    return () => this.#onDrain?.delete(run);
  }

  #end(closeError: unknown, sendError: unknown): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#closeError = closeError;
    this.#sendError = sendError;
    for (let waiter = this.receivers.shift(); waiter; waiter = this.receivers.shift()) {
      waiter.fail(closeError);
    }
    for (let waiter = this.senders.shift(); waiter; waiter = this.senders.shift()) {
      waiter.fail(this.sendError());
    }
    this.hooks?.closed?.();
    for (const run of this.#onClose) run();
    this.#onClose.clear();
    if (this.#length === 0) this.#drained();
    return true;
  }

  #drained(): void {
    const waiting = this.#onDrain ?? [];
    this.#onDrain = undefined;
    for (const run of waiting) run();
  }

  #push(value: T): void {
    const buffer = this.#buffer;
    if (this.#length === buffer.length && buffer.length < this.capacity) this.#grow();
    const size = buffer.length;
    const tail = this.#head + this.#length;
    buffer[tail < size ? tail : tail - size] = value;
    this.#length += 1;
  }

  #shift(): T {
    const buffer = this.#buffer;
    const value = buffer[this.#head] as T;
    buffer[this.#head] = undefined; // Or the ring would keep a received element alive.
    const head = this.#head + 1;
    this.#head = head < buffer.length ? head : 0;
    this.#length -= 1;
    if (this.#isClosed && this.#length === 0) this.#drained();
    return value;
  }

  /** Doubles the ring; a channel of a large capacity that stays nearly empty stays small. */
  #grow(): void {
    const buffer = this.#buffer;
    const size = buffer.length;
    const grown = Math.min(this.capacity, Math.max(4, size * 2));
    for (let i = size; i < grown; i += 1) buffer.push(undefined);
    // The part before the head wrapped around the old end; it goes on behind the old end now.
    for (let i = 0; i < this.#head; i += 1) {
      buffer[size + i] = buffer[i];
      buffer[i] = undefined;
    }
  }
}
