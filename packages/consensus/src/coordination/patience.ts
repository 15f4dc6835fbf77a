import { Cancelled, DeadlineExceeded, type Env } from '@troupe/actor';

export interface WaitLimits {
  /** Milliseconds to wait at most, over 0 and up to 2 ** 31 - 1. Default: without limit. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What tells how much time is left, and what to say when none is. */
export interface PatienceParts {
  readonly env: Env;
  /** Why the group may not answer; undefined while it should. */
  readonly why: () => Error | undefined;
}

/** How long somebody waits for something, over all that has to be done for it. */
export class Patience implements Disposable {
  /** What it came to last, for whoever asks why the time was not enough. */
  last: Error | undefined;
  readonly #what: string;
  readonly #why: () => Error | undefined;
  readonly #timeoutMs: number;
  readonly #given: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #end: () => void;

  constructor(
    what: string,
    { env, why }: PatienceParts,
    { timeoutMs = Infinity, signal }: WaitLimits,
  ) {
    this.#what = what;
    this.#why = why;
    this.#timeoutMs = timeoutMs;
    this.#given = signal;
    const abort = (): void => this.#controller.abort();
    const timer = timeoutMs === Infinity ? undefined : env.setTimer(timeoutMs, abort);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    this.#end = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', abort);
    };
  }

  /** Aborted when there is no patience left. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What to tell who waited, once no patience is left: nothing was had, or it is given back. */
  get error(): Cancelled | DeadlineExceeded | undefined {
    if (!this.signal.aborted) return undefined;
    if (this.#given?.aborted === true) {
      return new Cancelled(this.#what, 'no', { cause: this.#given.reason });
    }
    const cause = this.#why() ?? this.last;
    return new DeadlineExceeded(this.#what, this.#timeoutMs, 'no', cause && { cause });
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
