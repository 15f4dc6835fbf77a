import { Random } from '@troupe/sim';

/** Chances that come out in every combination, one after the other. */
export class Choices extends Random {
  readonly #path: { taken: number; readonly of: number }[] = [];
  #at = 0;

  constructor() {
    super(0);
  }

  override chance(): boolean {
    return this.#choose(2) === 1;
  }

  override integer(min: number, max: number): number {
    return min + this.#choose(max - min + 1);
  }

  /** Begins again, with the next combination. @returns false when there is none */
  advance(): boolean {
    this.#path.length = this.#at; // What was asked for last time decides how the tree goes on.
    this.#at = 0;
    for (let step = this.#path.pop(); step !== undefined; step = this.#path.pop()) {
      if (step.taken + 1 === step.of) continue;
      this.#path.push({ taken: step.taken + 1, of: step.of });
      return true;
    }
    return false;
  }

  #choose(of: number): number {
    const step = (this.#path[this.#at] ??= { taken: 0, of });
    this.#at += 1;
    if (step.of !== of) throw new Error(`${of} choices where there were ${step.of}`);
    return step.taken;
  }
}
