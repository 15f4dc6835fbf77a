import { onAbort } from './abort.ts';
import { type Env, processDefault } from './env.ts';
import { guardedLog } from './guarded-log.ts';
import { ioBudgetOf } from './io-budget.ts';

export interface TaskContext {
  /** Aborted when the task is cancelled; pass it on to whatever waits. */
  readonly signal: AbortSignal;
}

export interface GoOptions {
  /** Cancels the task when it is aborted. */
  readonly signal?: AbortSignal;
  /** Owns a failure that nobody awaits. Default: logged as an error. */
  readonly onFailure?: (error: unknown) => void;
  /** Default: the process's own. */
  readonly env?: Env;
}

/** A goroutine, as whoever started it sees it. Awaiting it takes over its failure. */
export interface Task<T> extends PromiseLike<T> {
  /** Asks the task to end, by its signal. It ends when its function returns. */
  cancel(reason?: unknown): void;
}

/**
 * Starts `run` as a goroutine: it goes on by itself, and other goroutines and actors have their
 * turns whenever it waits. It begins after the caller's present turn.
 */
export function go<T>(
  run: (context: TaskContext) => T | PromiseLike<T>,
  options: GoOptions = {},
): Task<T> {
  return new Goroutine(run, options);
}

export class Goroutine<T> implements Task<T> {
  readonly #options: GoOptions;
  readonly #promise: Promise<T>;
  #controller: AbortController | undefined;
  #cancelled: { readonly reason: unknown } | undefined;
  #isAwaited = false;

  constructor(run: (context: TaskContext) => T | PromiseLike<T>, options: GoOptions) {
    this.#options = options;
    const { signal, env = processDefault } = options;
    let ended: (() => void) | undefined;
    if (signal?.aborted === true) this.cancel(signal.reason);
    else if (signal !== undefined) ended = onAbort(signal, () => this.cancel(signal.reason));
    const budget = ioBudgetOf(env);
    const begun = budget.spend() ? new Promise<void>((begin) => env.afterIo(begin)) : started;
    this.#promise = begun.then(() => run(this.#context()));
    this.#promise.then(ended, (error: unknown) => {
      ended?.();
      this.#failed(error);
    });
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a task is awaited like a promise
  then<R1 = T, R2 = never>(
    onDone?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onFailed?: ((error: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    this.#isAwaited = true;
    return this.#promise.then(onDone, onFailed);
  }

  cancel(reason: unknown = new DOMException('the task was cancelled', 'AbortError')): void {
    this.#cancelled ??= { reason };
    this.#controller?.abort(reason);
  }

  /** Unlike awaiting it, this takes over no failure. */
  whenEnded(run: () => void): void {
    this.#promise.then(run, run);
  }

  /** Whether `error` says no more than that the task ended because it was cancelled. */
  isCancellation(error: unknown): boolean {
    return this.#cancelled !== undefined && isCancellation(error, this.#cancelled.reason);
  }

  /** The signal is made when it is first looked at; most tasks never do. */
  #context(): TaskContext {
    const controller = (): AbortController => this.#ownController();
    return {
      get signal() {
        return controller().signal;
      },
    };
  }

  #ownController(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled.reason);
    }
    return this.#controller;
  }

  #failed(error: unknown): void {
    if (this.#isAwaited || this.isCancellation(error)) return;
    const { onFailure, env = processDefault } = this.#options;
    if (onFailure !== undefined) onFailure(error);
    else guardedLog(env.log).error({ error }, 'a goroutine failed that nobody awaits');
  }
}

/** Ending with the reason of the cancellation is no failure; Node's own APIs wrap it. */
export function isCancellation(error: unknown, reason: unknown): boolean {
  if (error === reason) return true;
  return error instanceof Error && error.name === 'AbortError' && error.cause === reason;
}

const started = Promise.resolve();
