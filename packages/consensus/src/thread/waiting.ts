import { Cancelled, type Env } from '@troupe/actor';
import type { RequestOptions } from '../consensus.ts';
import { GroupClosed } from '../errors.ts';
import { checkRequest, deadlineExceeded, TIMEOUT_MS } from '../request.ts';

/** How long the thread may take to say what became of something that is over. */
const GRACE_MS = 1_000;

export interface WaitingParts {
  readonly group: string;
  readonly env: Env;
  /** What is known of a request of which nothing was heard any more. */
  readonly executed: 'no' | 'unknown';
  /** Whoever waits for that number does so no more. */
  readonly cancel: (id: number) => void;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  readonly options: RequestOptions;
  readonly abort: (() => void) | undefined;
  /** Until then the thread decides: only it knows what has left. */
  giveUpAtMs: number;
}

/**
 * Those who wait on the main loop for what the thread does. It is the thread that looks at
 * deadlines and hears of signals; a state machine that does not come back is noticed here.
 */
export class Waiting<T> {
  readonly #parts: WaitingParts;
  readonly #waiters = new Map<number, Waiter<T>>();
  #lastId = 0;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * @returns the number of the request: one more than that of the one before
   * @throws {BadOption} when the deadline is none
   * @throws {Cancelled} executed: no
   */
  add(options: RequestOptions): { readonly id: number; readonly promise: Promise<T> } {
    const { group, env, cancel } = this.#parts;
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    checkRequest(options);
    if (signal?.aborted === true) {
      throw new Cancelled(`group ${group}`, 'no', { cause: signal.reason as unknown });
    }
    const id = (this.#lastId += 1);
    const giveUpAtMs = env.now() + timeoutMs + GRACE_MS;
    const promise = new Promise<T>((resolve, reject) => {
      const abort = signal && ((): void => this.#aborted(id, cancel));
      this.#waiters.set(id, { resolve, reject, options, abort, giveUpAtMs });
      if (abort !== undefined) signal?.addEventListener('abort', abort);
    });
    return { id, promise };
  }

  resolve(id: number, value: T): void {
    this.#take(id)?.resolve(value);
  }

  reject(id: number, error: Error): void {
    const waiter = this.#take(id);
    if (waiter === undefined) return;
    const isOwn = error instanceof Cancelled; // The reason has not gone to the thread.
    waiter.reject(isOwn ? this.#cancelled(waiter, noOrUnknown(error.executed)) : error);
  }

  /** Some time has passed. */
  look(nowMs: number): void {
    for (const [id, waiter] of this.#waiters) {
      if (nowMs < waiter.giveUpAtMs) continue;
      this.#take(id);
      const { group, executed } = this.#parts;
      const { timeoutMs = TIMEOUT_MS, signal } = waiter.options;
      if (signal?.aborted === true) waiter.reject(this.#cancelled(waiter, executed));
      else waiter.reject(deadlineExceeded(group, { timeoutMs, executed }));
    }
  }

  /** Nothing will be heard any more. */
  close(cause: Error | undefined): void {
    const { group, executed } = this.#parts;
    for (const id of this.#waiters.keys()) {
      this.#take(id)?.reject(new GroupClosed(group, executed, cause && { cause }));
    }
  }

  #aborted(id: number, cancel: (id: number) => void): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    waiter.giveUpAtMs = this.#parts.env.now() + GRACE_MS;
    cancel(id);
  }

  #take(id: number): Waiter<T> | undefined {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return undefined;
    this.#waiters.delete(id);
    const { abort, options } = waiter;
    if (abort !== undefined) options.signal?.removeEventListener('abort', abort);
    return waiter;
  }

  #cancelled({ options }: Waiter<T>, executed: 'no' | 'unknown'): Cancelled {
    const cause: unknown = options.signal?.reason;
    return new Cancelled(`group ${this.#parts.group}`, executed, { cause });
  }
}

function noOrUnknown(executed: string): 'no' | 'unknown' {
  return executed === 'no' ? 'no' : 'unknown';
}
