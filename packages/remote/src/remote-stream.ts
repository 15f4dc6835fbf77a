import { Cancelled, type Env } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import { STREAM_WINDOW_MAX } from './stream-source.ts';

type Result = IteratorResult<unknown>;

/** How the consumer of a stream reaches its source, on another node. */
export interface StreamWire {
  pull(taken: number, window: number): void;
  halt(): void;
}

/**
 * A stream whose source is another node. It asks for items when somebody first waits for one, and
 * for more ahead the longer it is kept waiting. A source that is lost makes it throw, each time: a
 * stream that was cut off never looks like one that is complete.
 */
export class RemoteStream implements AsyncIterableIterator<unknown> {
  readonly #intake: StreamIntake;

  constructor(intake: StreamIntake, env: Env) {
    this.#intake = intake;
    env.whenCollected?.(this, () => intake.end());
  }

  next(): Promise<Result> {
    return this.#intake.next();
  }

  /** Resolves when the `finally` blocks of the source are done. */
  return(value?: unknown): Promise<Result> {
    return this.#intake.return(value);
  }

  async throw(error?: unknown): Promise<Result> {
    await this.#intake.return(undefined);
    throw error;
  }

  /** When `signal` aborts, the stream throws `Cancelled`, and its source is ended. */
  endOn(signal: AbortSignal): void {
    this.#intake.endOn(signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

interface Waiter {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** What has come of a stream; apart from what the user holds, which may be collected. */
export class StreamIntake {
  readonly #address: string;
  readonly #wire: StreamWire;
  #items: unknown[] = [];
  readonly #waiters: Waiter[] = [];
  #window = 0;
  /** Items that the user has taken and the source has not been told of. */
  #taken = 0;
  /** How the stream has ended; thrown or returned once, when all items were taken. */
  #outcome: { readonly error: unknown } | { readonly value: unknown } | undefined;
  /** Thrown by all further steps: the end of the stream is not known. */
  #failure: Error | undefined;
  /** Those who wait for the source to have ended. */
  #halted: Waiter[] | undefined;
  #forgetSignal: (() => void) | undefined;

  constructor(address: string, wire: StreamWire) {
    this.#address = address;
    this.#wire = wire;
  }

  next(): Promise<Result> {
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      this.#tookOne();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#outcome !== undefined) return this.#takeOutcome(this.#outcome);
    if (this.#halted !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#window = Math.min(STREAM_WINDOW_MAX, Math.max(1, this.#window * 2));
      this.#pull();
    });
  }

  return(value: unknown): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#items = [];
    if (this.#outcome !== undefined) {
      this.#outcome = { value: undefined };
      return Promise.resolve({ done: true, value });
    }
    this.end();
    return new Promise((resolve, reject) => {
      this.#halted?.push({ resolve: () => resolve({ done: true, value }), reject });
    });
  }

  /** Tells the source that nobody wants more, if it does not know. */
  end(): void {
    if (this.#halted !== undefined || this.#isSettled) return;
    this.#halted = [];
    this.#forgetSignal?.();
    for (const { resolve } of this.#waiters.splice(0)) resolve({ done: true, value: undefined });
    this.#wire.halt();
  }

  endOn(signal: AbortSignal): void {
    const onAbort = (): void => {
      if (this.#isSettled) return;
      this.end();
      this.lost(new Cancelled(this.#address, 'unknown', { cause: signal.reason }));
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort);
  }

  /** An item has come. */
  push(value: unknown): void {
    if (this.#halted !== undefined || this.#isSettled) return;
    if (this.#items.length + this.#taken >= this.#window) {
      throw new BadFrame('more items of a stream than were asked for');
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(value);
    else {
      waiter.resolve({ done: false, value });
      this.#tookOne();
    }
  }

  /** The source has come to its end. */
  finish(outcome: { readonly error: unknown } | { readonly value: unknown }): void {
    if (this.#isSettled) return;
    this.#forgetSignal?.();
    if (this.#halted !== undefined) {
      this.#outcome = { value: undefined };
      for (const { resolve, reject } of this.#halted) {
        if ('error' in outcome) reject(outcome.error);
        else resolve({ done: true, value: undefined });
      }
      return;
    }
    this.#outcome = outcome;
    const [first, ...rest] = this.#waiters.splice(0);
    if (first !== undefined) void this.#takeOutcome(outcome).then(first.resolve, first.reject);
    for (const { resolve } of rest) resolve({ done: true, value: undefined });
  }

  /** The source is out of reach. */
  lost(failure: Error): void {
    if (this.#isSettled) return;
    this.#failure = failure;
    this.#forgetSignal?.();
    for (const { reject } of [...this.#waiters.splice(0), ...(this.#halted ?? [])]) reject(failure);
  }

  get #isSettled(): boolean {
    return this.#outcome !== undefined || this.#failure !== undefined;
  }

  #takeOutcome(
    outcome: { readonly error: unknown } | { readonly value: unknown },
  ): Promise<Result> {
    this.#outcome = { value: undefined };
    if ('error' in outcome) return Promise.reject(outcome.error);
    return Promise.resolve({ done: true, value: outcome.value });
  }

  #tookOne(): void {
    this.#taken += 1;
    if (this.#taken * 2 >= this.#window) this.#pull();
  }

  #pull(): void {
    if (this.#halted !== undefined || this.#isSettled) return;
    this.#wire.pull(this.#taken, this.#window);
    this.#taken = 0;
  }
}

/** Takes nothing from `stream` ahead: the window between the two sides does that. */
export function readable(stream: RemoteStream): ReadableStream<unknown> {
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        const result: IteratorResult<unknown> = await stream.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel() {
        await stream.return();
      },
    },
    { highWaterMark: 0 },
  );
}
