import { Cancelled, DeadlineExceeded, type Env, type Executed } from '@troupe/actor';
import type { ProposeOptions, ReadOptions, RequestOptions } from './consensus.ts';
import { BadOption, GroupClosed } from './errors.ts';

export const TIMEOUT_MS = 10_000;

const CONSISTENCIES: readonly unknown[] = ['linearizable', 'lease', 'stale'];

/** @throws {BadOption} when one of them makes no sense */
export function checkRequest(options: RequestOptions & ProposeOptions & ReadOptions): void {
  const { timeoutMs = TIMEOUT_MS, signal, consistency, forward } = options;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0)) {
    throw new BadOption('timeoutMs', timeoutMs, 'give milliseconds, more than 0');
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new BadOption('signal', signal, 'give an AbortSignal, as controller.signal is');
  }
  if (forward !== undefined && typeof forward !== 'boolean') {
    throw new BadOption('forward', forward, 'give true or false');
  }
  if (consistency === undefined || CONSISTENCIES.includes(consistency)) return;
  throw new BadOption('consistency', consistency, `give one of ${CONSISTENCIES.join(', ')}`);
}

/** Where a request is made. */
export interface RequestPlace {
  readonly group: string;
  readonly env: Env;
  /** Why there may have been no answer, as far as anybody here knows. */
  readonly why?: () => Error | undefined;
}

/** Something that somebody waits for: settled once, by an answer, time, a signal or the end. */
export class Request<T> {
  readonly promise: Promise<T>;
  /** What an error that ends it now has to say. */
  executed: 'no' | 'unknown' = 'no';
  isSettled = false;
  readonly #at: RequestPlace;
  readonly #timeoutMs: number;
  readonly #deadlineAt: number;
  readonly #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;

  /** @throws {BadOption} when an option makes no sense */
  constructor(at: RequestPlace, options: RequestOptions) {
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    checkRequest(options);
    this.#at = at;
    this.#timeoutMs = timeoutMs;
    this.#deadlineAt = at.env.now() + timeoutMs;
    this.#signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#listen(signal);
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  /** Looked at once a tick, which is as exact as deadlines are. */
  expire(now: number): void {
    if (now < this.#deadlineAt) return;
    const { group, why } = this.#at;
    if (this.isSettled) return;
    const [timeoutMs, cause] = [this.#timeoutMs, why?.()];
    this.reject(deadlineExceeded(group, { timeoutMs, executed: this.executed, cause }));
  }

  close(cause: Error | undefined): void {
    this.reject(new GroupClosed(this.#at.group, this.executed, cause && { cause }));
  }

  /** Most have no signal, and need no function for it. */
  #listen(signal: AbortSignal): void {
    const abort = (): void => {
      const cause: unknown = signal.reason;
      this.reject(new Cancelled(`group ${this.#at.group}`, this.executed, { cause }));
    };
    if (signal.aborted) return abort();
    this.#abort = abort;
    signal.addEventListener('abort', abort);
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort);
    return true;
  }
}

/** What is left of a deadline may be fractions, which say nothing to people. */
export function deadlineExceeded(
  group: string,
  {
    timeoutMs,
    executed,
    cause,
  }: {
    readonly timeoutMs: number;
    readonly executed: Executed;
    readonly cause?: unknown;
  },
): DeadlineExceeded {
  const options = cause === undefined ? undefined : { cause };
  return new DeadlineExceeded(`group ${group}`, Math.ceil(timeoutMs), executed, options);
}
