/** Everything random in a world comes from here, and so from its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
    for (let i = 0; i < 8; i += 1) this.unit(); // Near seeds are soon far apart.
  }

  /** In [0, 1). */
  unit(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 2 ** 32;
  }

  /** An integer in `from` … `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0];
  }

  /** @returns `undefined` when there is nothing to choose from */
  anyOf<T>(choices: readonly T[]): T | undefined {
    return choices[this.between(0, Math.max(0, choices.length - 1))];
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item): [number, T] => [this.unit(), item])
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  }
}
