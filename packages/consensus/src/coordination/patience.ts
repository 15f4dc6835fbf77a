import { Cancelled, DeadlineExceeded, type Env } from '@troupe/actor';

export interface WaitLimits {
  /** Milliseconds to wait at most, more than 0. Default: without limit. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** How long somebody waits for something, over all that has to be done for it. */
export class Patience implements Disposable {
  readonly #what: string;
  readonly #waitMs: number;
  readonly #given: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #end: () => void;

  /** @throws {RangeError} when `waitMs` is none */
  constructor(what: string, env: Env, { waitMs = Infinity, signal }: WaitLimits) {
    if (!(waitMs > 0)) throw new RangeError(`waitMs is ${waitMs}: give milliseconds, more than 0`);
    this.#what = what;
    this.#waitMs = waitMs;
    this.#given = signal;
    const abort = (): void => this.#controller.abort();
    const timer = waitMs === Infinity ? undefined : env.setTimer(waitMs, abort);
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
    if (this.#given?.aborted !== true) return new DeadlineExceeded(this.#what, this.#waitMs, 'no');
    return new Cancelled(this.#what, 'no', { cause: this.#given.reason });
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
