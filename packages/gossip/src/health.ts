/**
 * What a member thinks of itself: 0 is well, and each step more makes it wait longer before it
 * judges others, since the fault may be its own.
 * @see Lifeguard §IV-A, "local health multiplier"
 */
export class Health {
  readonly #max: number;
  #score = 0;

  /** @param max 0 for a member that never doubts itself */
  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  /** By how many times everything takes longer. */
  get factor(): number {
    return this.#score + 1;
  }

  /** @param by more than 0 when something went wrong, less when it went well */
  change(by: number): void {
    this.#score = Math.min(this.#max, Math.max(0, this.#score + by));
  }
}
