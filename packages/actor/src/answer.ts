import { type Caller, OUTSIDE } from './caller.ts';
import { definesMethodsLazily } from './lazy-methods.ts';
import { isRef, recipientOf } from './ref-core.ts';
import type { Waited } from './probe.ts';
import { type AnyRef } from './ref.ts';

/**
 * A call that is under way to another node: calls on its result follow it there, and so do the
 * questions of whoever waits for it.
 */
export interface Pipeline extends Pick<Waited, 'chase' | 'breakWith'> {
  /**
   * @param late makes the same call from here, once the result has come: the way out when the
   *   other side no longer knows what the first call has yielded
   * @returns undefined when the result is here, so that there is nothing to be gained
   */
  pipe(method: string, args: readonly unknown[], late: () => Promise<unknown>): Answer | undefined;
}

/**
 * What a call returns: a promise of the method's result that can be used before it is there. When
 * that is a reference, its methods can be called on the answer; when it is a stream, `for await`
 * takes the answer itself. Its `then` yields ordinary promises.
 */
export class Answer<T = unknown> extends Promise<T> implements AsyncIterable<unknown> {
  readonly #caller: Caller;
  #pipeline: Pipeline | undefined;

  /** @param caller who made the call; calls on its result are made by the same */
  constructor(
    executor: (
      resolve: (value: T | PromiseLike<T>) => void,
      reject: (error: unknown) => void,
    ) => void,
    caller: Caller = OUTSIDE,
  ) {
    super(executor);
    this.#caller = caller;
  }

  static refused(error: unknown): Answer {
    return new Answer((_resolve, reject) => reject(error));
  }

  /** An answer that is the outcome of `promise`. */
  static of(promise: Promise<unknown>, caller: Caller): Answer {
    return new Answer((resolve) => resolve(promise), caller);
  }

  /** From now on calls on the result of `answer` leave by `pipeline`. */
  static pipelines(answer: Answer, pipeline: Pipeline | undefined): void {
    answer.#pipeline = pipeline;
  }

  /** How calls on the result of `answer` leave, if not from here. */
  static pipelineOf(answer: Answer): Pipeline | undefined {
    return answer.#pipeline;
  }

  static callOnResult(answer: Answer, method: string, args: readonly unknown[]): Answer {
    const caller = answer.#caller;
    const late = (): Promise<unknown> =>
      answer.then((value) => {
        if (typeof value === 'object' && value !== null && isRef(value)) {
          return recipientOf(value as AnyRef).ask(method, args, caller);
        }
        throw new TypeError(`the call yields no reference that ${method}() could be called on`);
      });
    const early = answer.#pipeline?.pipe(method, args, late);
    if (early === undefined) return Answer.of(late(), caller);
    // The caller may look only at what is called on it, which fails for the same reason.
    answer.catch(() => {});
    return early;
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return new AnswerIterator(this);
  }
}

// Most answers are only awaited, and no lookup that awaiting makes goes beyond this prototype.
const prototype: object = Answer.prototype;
for (const name of ['constructor', 'then', 'catch', 'finally'] as const) {
  Object.defineProperty(prototype, name, { value: Promise.prototype[name], writable: true });
}

definesMethodsLazily(
  Answer.prototype,
  Object.create(Promise.prototype) as object, // Not the prototype itself: `instanceof` finds it.
  (name) =>
    function ask(this: Answer, ...args) {
      return Answer.callOnResult(this, name, args);
    },
);

/** Iterates the stream that a call yields, from before the call has been answered. */
class AnswerIterator implements AsyncIterator<unknown> {
  readonly #opening: Promise<AsyncIterator<unknown>>;
  #stream: AsyncIterator<unknown> | undefined;

  constructor(answer: Answer) {
    this.#opening = answer.then((value) => (this.#stream = iteratorOf(value)));
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#stream?.next() ?? this.#opening.then((stream) => stream.next());
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    const stream = await this.#opening;
    return stream.return?.(value) ?? { done: true, value };
  }
}

function iteratorOf(value: unknown): AsyncIterator<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    return (value as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  }
  throw new TypeError('the method does not return anything that can be iterated with for await');
}
