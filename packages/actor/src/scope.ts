import { onAbort } from './abort.ts';
import type { Env } from './env.ts';
import { Goroutine, isCancellation, type Task, type TaskContext } from './go.ts';

/** Where goroutines live that end before their scope does. */
export interface Scope {
  /** Aborted when one of the scope's goroutines fails, when it is cancelled, or from outside. */
  readonly signal: AbortSignal;
  /**
   * Starts a goroutine of this scope. Its failure is the scope's, whether it is awaited or not.
   * @throws {TypeError} when the scope has ended
   */
  go<T>(run: (context: TaskContext) => T | PromiseLike<T>): Task<T>;
  /** Asks all goroutines of the scope to end. */
  cancel(reason?: unknown): void;
}

export interface ScopeOptions {
  /** Cancels the scope when it is aborted: how a scope is nested in another. */
  readonly signal?: AbortSignal;
  /** Default: the process's own. */
  readonly env?: Env;
}

/**
 * Runs `body`, and waits for it and for all goroutines that it starts. When one of them fails, the
 * others are cancelled by their signal and waited for.
 *
 *     const [a, b] = await scope(async (s) => {
 *       const a = s.go(({ signal }) => read(left, signal));
 *       const b = s.go(({ signal }) => read(right, signal));
 *       return [await a, await b];
 *     });
 *
 * @returns what `body` returned
 * @throws the error of the goroutine that failed; {AggregateError} when several did; what the
 * scope was cancelled with, when that is how `body` ended
 */
export async function scope<T>(
  body: (scope: Scope) => T | PromiseLike<T>,
  options: ScopeOptions = {},
): Promise<T> {
  const nursery = new Nursery(options);
  const result = nursery.go(() => body(nursery));
  await nursery.ended;
  nursery.throwIfFailed();
  return await result;
}

class Nursery implements Scope {
  readonly ended: Promise<void>;
  readonly #env: Env | undefined;
  readonly #controller = new AbortController();
  /** In the order in which they came; an error that was passed on counts once. */
  readonly #errors = new Set<unknown>();
  #running = 0;
  #isOver = false;
  readonly #end: () => void;

  constructor({ signal, env }: ScopeOptions) {
    this.#env = env;
    let forget: (() => void) | undefined;
    if (signal?.aborted === true) this.cancel(signal.reason);
    else if (signal !== undefined) forget = onAbort(signal, () => this.cancel(signal.reason));
    let end!: () => void;
    this.ended = new Promise((resolve) => (end = resolve));
    this.#end = () => {
      this.#isOver = true;
      forget?.();
      end();
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  go<T>(run: (context: TaskContext) => T | PromiseLike<T>): Task<T> {
    if (this.#isOver) throw new TypeError('the scope has ended: start goroutines while it runs');
    const env = this.#env === undefined ? {} : { env: this.#env };
    const task = new Goroutine(run, { signal: this.signal, ...env });
    this.#running += 1;
    task.then(
      () => this.#oneEnded(),
      (error: unknown) => {
        if (!task.isCancellation(error)) this.#failed(error);
        this.#oneEnded();
      },
    );
    return task;
  }

  cancel(reason: unknown = new DOMException('the scope was cancelled', 'AbortError')): void {
    this.#controller.abort(reason);
  }

  throwIfFailed(): void {
    const [first] = this.#errors;
    if (this.#errors.size === 1) throw first;
    if (this.#errors.size > 1) {
      throw new AggregateError(this.#errors, `${this.#errors.size} goroutines of the scope failed`);
    }
  }

  #failed(error: unknown): void {
    // A goroutine that passes on why the scope ends is no second failure.
    if (this.signal.aborted && isCancellation(error, this.signal.reason)) return;
    this.#errors.add(error);
    this.cancel(error);
  }

  #oneEnded(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#end();
  }
}
