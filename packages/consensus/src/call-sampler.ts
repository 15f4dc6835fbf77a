/** A state that takes more than this to write is looked at in snapshots only. */
const SAMPLED_BYTES_MAX = 2 ** 20;

/**
 * Which calls are worth a look at the whole state, which costs as much as a snapshot: the first one
 * of a method, the second, the fourth and so on. What a method does wrong it mostly does at once,
 * and a method that is called a million times is looked at twenty times.
 */
export class CallSampler {
  readonly #calls = new Map<string, number>();
  /** Bytes of the state when it was written last. */
  stateBytes = 0;

  /** Counts a call. @returns whether this is one of them */
  isDue(method: string): boolean {
    const calls = (this.#calls.get(method) ?? 0) + 1;
    this.#calls.set(method, calls);
    return Number.isInteger(Math.log2(calls)) && this.stateBytes <= SAMPLED_BYTES_MAX;
  }
}
