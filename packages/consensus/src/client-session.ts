/** A session as its client keeps it: which commands are under way, and which are done. */
export class ClientSession {
  readonly id: number;
  readonly #underWay = new Set<number>();
  #last = 0;
  #acknowledged = 0;

  /** @param id the index at which the group opened it */
  constructor(id: number) {
    this.id = id;
  }

  /** No result up to this sequence is wanted any more. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Commands since the first that is under way, whose results the group keeps. */
  get window(): number {
    return this.#last - this.#acknowledged;
  }

  /** @returns the sequence of the next command */
  begin(): number {
    this.#last += 1;
    this.#underWay.add(this.#last);
    return this.#last;
  }

  /** The client has the result, or wants it no more. */
  end(sequence: number): void {
    this.#underWay.delete(sequence);
    while (this.#acknowledged < this.#last && !this.#underWay.has(this.#acknowledged + 1)) {
      this.#acknowledged += 1;
    }
  }
}
