import { Cancelled, DeadlineExceeded, type Env } from '@troupe/actor';
import type { RequestOptions } from './consensus.ts';
import { GroupClosed } from './errors.ts';

const DEADLINE_MS = 10_000;

/** Something that somebody waits for: settled once, by an answer, time, a signal or the end. */
export class Request<T> {
  readonly promise: Promise<T>;
  /** What an error that ends it now has to say. */
  executed: 'no' | 'unknown' = 'no';
  isSettled = false;
  readonly #group: string;
  readonly #deadlineMs: number;
  readonly #deadlineAt: number;
  readonly #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;

  /** @throws {RangeError} when the deadline is none */
  constructor(group: string, env: Env, options: RequestOptions) {
    const { deadlineMs = DEADLINE_MS, signal } = options;
    if (!(deadlineMs > 0)) {
      throw new RangeError(`deadlineMs is ${deadlineMs}: give milliseconds, more than 0`);
    }
    this.#group = group;
    this.#deadlineMs = deadlineMs;
    this.#deadlineAt = env.now() + deadlineMs;
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
    this.reject(new DeadlineExceeded(`group ${this.#group}`, this.#deadlineMs, this.executed));
  }

  close(cause: Error | undefined): void {
    this.reject(new GroupClosed(this.#group, this.executed, cause && { cause }));
  }

  /** Most have no signal, and need no function for it. */
  #listen(signal: AbortSignal): void {
    const abort = (): void => {
      const cause: unknown = signal.reason;
      this.reject(new Cancelled(`group ${this.#group}`, this.executed, { cause }));
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
