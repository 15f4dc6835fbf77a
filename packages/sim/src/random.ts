/** What a world draws its chances from; the same seed and the same questions, the same answers. */
export class Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number = 0x9e3779b9 | 0;
  #d = 1;

  /** @param seed a whole number, 0 … 2 ** 53 - 1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`a seed is a whole number from 0 to 2 ** 53 - 1, not ${seed}`);
    }
    this.#seed = seed;
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32);
    for (let i = 0; i < 12; i += 1) this.uint32(); // Or similar seeds would begin alike.
  }

  /**
   * Chances of their own for one purpose, whatever was drawn before: so drawing more or fewer for
   * one leaves all others as they were, and a failing run can be repeated with fewer faults.
   */
  fork(purpose: string): Random {
    let low = 0x811c9dc5 ^ this.#seed;
    let high = 0x01000193 ^ Math.floor(this.#seed / 2 ** 32);
    for (let i = 0; i < purpose.length; i += 1) {
      low = Math.imul(low ^ purpose.charCodeAt(i), 0x01000193);
      high = Math.imul(high ^ low, 0x85ebca6b);
    }
    return new Random((low >>> 0) + (high & 0x1fffff) * 2 ** 32);
  }

  /** sfc32 by Chris Doty-Humphrey, of the PractRand suite: 128 bits of state, no multiplication. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  readonly next = (): number => this.uint32() / 2 ** 32;

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  /** @param probability 0 never, 1 always */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @param mean of an exponential distribution, as of the time to the next of many rare events */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** @param mean of a Pareto distribution of the second kind, whose tail is cut at 500 means */
  pareto(mean: number): number {
    const shape = 1.5;
    return Math.min(1_000, (1 - this.next()) ** (-1 / shape) - 1) * mean * (shape - 1);
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[Math.floor(this.next() * from.length)] as T;
  }

  /** A new array in random order. */
  shuffled<T>(from: Iterable<T>): T[] {
    const items = [...from];
    for (let i = items.length - 1; i > 0; i -= 1) {
      const j = this.integer(0, i);
      const item = items[i] as T;
      items[i] = items[j] as T;
      items[j] = item;
    }
    return items;
  }
}
