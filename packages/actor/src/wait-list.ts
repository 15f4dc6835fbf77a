/** A parked operation: a receive, a send, or one case of a select. */
export abstract class Waiter<T> {
  // Declared, and set once: an initializer is a function that runs for every object made.
  declare next: Waiter<T> | undefined;
  declare previous: Waiter<T> | undefined;
  declare list: WaitList<T> | undefined;
  /** What a sender offers. */
  declare value: T | undefined;

  constructor() {
    this.next = this.previous = this.list = this.value = undefined;
  }

  /** The operation is done: a receiver gets `value`, a sender learns that its own was taken. */
  abstract succeed(value: T | undefined): void;
  /** The channel was closed. */
  abstract fail(error: unknown): void;
  /** Called before either: a select takes its other cases out of their lists. */
  claim(): void {}
  /** What its goroutine is said to wait in: all cases of a select are one operation. */
  get operation(): object {
    return this;
  }
}

/** First come, first served, with O(1) removal from the middle: cancelling costs no search. */
export class WaitList<T> {
  #first: Waiter<T> | undefined;
  #last: Waiter<T> | undefined;
  readonly #emptied: (() => void) | undefined;

  /** @param emptied called whenever the last waiter has left */
  constructor(emptied?: () => void) {
    this.#emptied = emptied;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  get first(): Waiter<T> | undefined {
    return this.#first;
  }

  push(waiter: Waiter<T>): void {
    const last = this.#last;
    waiter.list = this;
    waiter.previous = last;
    if (last === undefined) this.#first = waiter;
    else last.next = waiter;
    this.#last = waiter;
  }

  /** Takes the first waiter out; it will be told of its end by the caller. */
  shift(): Waiter<T> | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    this.remove(first);
    first.claim();
    return first;
  }

  /** Harmless when `waiter` is in this list no longer. */
  remove(waiter: Waiter<T>): void {
    if (waiter.list !== this) return;
    const { next, previous } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.next = waiter.previous = waiter.list = undefined;
    if (this.#first === undefined) this.#emptied?.();
  }
}
