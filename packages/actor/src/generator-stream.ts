import type { Cell } from './cell.ts';
import type { Origin } from './context.ts';
import type { Envelope } from './envelope.ts';
import { ActorDown, Cancelled, thrownByMethod } from './errors.ts';
import { withdraw } from './withdrawal.ts';

type Step = () => Promise<IteratorResult<unknown>>;

/**
 * What the caller of a generator method gets. Every step from one `yield` to the next is a turn of
 * the actor, so that a generator may use its fields as any other method does, and other messages
 * have their turns in between. The stream ends with its actor: then it throws `ActorDown`, for a
 * stream that was cut off must not look like one that is complete. One that is dropped before its
 * end is ended when the garbage collector finds out, where the `Env` tells of that.
 */
export class GeneratorStream implements AsyncIterableIterator<unknown> {
  readonly #run: GeneratorRun;

  /** @param opening the call that the stream is the result of */
  constructor(cell: Cell, opening: Envelope, generator: AsyncGenerator) {
    const run = new GeneratorRun(cell, opening, generator);
    this.#run = run;
    const { unfinished } = run;
    cell.system.env.whenCollected?.(this, () => unfinished.run?.abandon());
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#run.step('next', undefined);
  }

  /** Runs the generator's `finally` blocks; resolves when they are done. */
  return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#run.interrupt(new DOMException('the stream was ended by its consumer', 'AbortError'));
    return this.#run.step('return', value);
  }

  throw(error?: unknown): Promise<IteratorResult<unknown>> {
    return this.#run.step('throw', error);
  }

  /** When `signal` aborts, the stream throws `Cancelled`, and the generator is ended. */
  endOn(signal: AbortSignal): void {
    this.#run.endOn(signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A generator at work; apart from the stream, which can be collected while this cannot. */
class GeneratorRun {
  /**
   * What is to be ended when the stream is collected. Nothing once it is over: by then the stack of
   * what it was aborted with may refer to the stream, which would keep that from being collected.
   */
  readonly unfinished: { run: GeneratorRun | undefined } = { run: this };
  readonly #cell: Cell;
  readonly #method: string;
  /** The trace and the values of the call, which every step has. */
  readonly #origin: Origin | undefined;
  readonly #generator: AsyncGenerator;
  /** Behind `ctx.signal`, in all steps. */
  readonly #abort = new AbortController();
  /** The step that was taken last. */
  #turnOfStep: Envelope | undefined;
  /** Those who wait for a step. */
  readonly #waiting = new Set<(error: unknown) => void>();
  readonly #disown: () => void;
  #forgetSignal: (() => void) | undefined;
  #failure: Error | undefined;
  #isOver = false;

  constructor(cell: Cell, { method, context }: Envelope, generator: AsyncGenerator) {
    this.#cell = cell;
    this.#method = method.name;
    this.#origin = context?.origin;
    this.#generator = generator;
    this.#disown = cell.owns(() => this.#actorIsDown());
  }

  step(kind: 'next' | 'return' | 'throw', value: unknown): Promise<IteratorResult<unknown>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isOver) return this.#generator[kind](value); // Nothing of the actor's runs any more.
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#cell.interrupt(this.#method, () =>
        this.#turn(reject, () => this.#generator[kind](value)).then(resolve, reject),
      );
    });
  }

  /** Aborts the signal of the step that runs, if one does, and cancels what that waits for. */
  interrupt(reason: unknown): void {
    if (this.#waiting.size === 0) return;
    this.#abort.abort(reason);
    if (this.#turnOfStep !== undefined) withdraw(this.#cell, this.#turnOfStep, reason);
  }

  endOn(signal: AbortSignal): void {
    const onAbort = (): void => {
      const cause: unknown = signal.reason;
      this.#fail(new Cancelled(this.#cell.address, 'unknown', { cause }), cause);
      this.#cell.interrupt(this.#method, () => this.#close());
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort);
  }

  /** Nobody can ask for a step any more. */
  abandon(): void {
    if (!this.#isOver) this.#cell.interrupt(this.#method, () => this.#close());
  }

  async #turn(waiter: (error: unknown) => void, step: Step): Promise<IteratorResult<unknown>> {
    const turn = this.#cell.current;
    if (turn !== undefined) {
      this.#turnOfStep = turn;
      turn.abort = this.#abort;
      turn.context = this.#origin;
    }
    try {
      const result = await step();
      if (result.done !== true) return result;
      this.#over();
      // Ending because the actor ends is no end of what there is to tell.
      const reason: unknown = this.#abort.signal.reason;
      if (reason instanceof ActorDown) throw (this.#failure = reason);
      return result;
    } catch (error) {
      this.#over();
      throw error === this.#failure ? error : thrownByMethod(error);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  #actorIsDown(): void {
    this.#fail(new ActorDown(this.#cell.address, 'unknown'), undefined);
    void this.#close();
  }

  #fail(failure: Error, reason: unknown): void {
    this.#failure ??= failure;
    this.interrupt(reason);
    for (const reject of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
  }

  /** Errors of `finally` blocks that run where nobody waits are the actor's failures. */
  async #close(): Promise<void> {
    this.#over();
    try {
      await this.#generator.return(undefined);
    } catch (error) {
      const { address, system } = this.#cell;
      system.failed({ address, method: this.#method, error });
    }
  }

  #over(): void {
    this.#isOver = true;
    this.unfinished.run = undefined;
    this.#disown();
    this.#forgetSignal?.();
  }
}

/** Whether `value` is what an `async *` function returns, of whatever realm. */
export function isGenerator(value: unknown): value is AsyncGenerator {
  if (typeof value !== 'object' || value === null) return false;
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'AsyncGenerator';
}
