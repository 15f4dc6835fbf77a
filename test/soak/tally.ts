/** What listeners have heard, summed up. */
export interface Heard {
  readonly received: number;
  /** Lines that never came. */
  readonly lost: number;
  /** Lines that came after a later one of the same sender, or twice. */
  readonly disordered: number;
}

/**
 * What one listener hears from each sender, whose lines are numbered from 1. It keeps one number
 * a sender, so that a long run measures the framework's memory and not its own.
 */
export class Tally {
  readonly #last = new Map<string, number>();
  readonly #gaps = new Map<string, number>();
  #received = 0;
  #disordered = 0;

  get received(): number {
    return this.#received;
  }

  hear(sender: string, number: number): void {
    const last = this.#last.get(sender) ?? 0;
    this.#received += 1;
    if (number > last) {
      this.#last.set(sender, number);
      this.#miss(sender, number - last - 1);
    } else {
      this.#disordered += 1;
      this.#miss(sender, -1); // It fills a gap, if late; a line that comes twice is no gap.
    }
  }

  /** @param spoken how many lines each sender has said in all */
  sum(spoken: Readonly<Record<string, number>>): Heard {
    let lost = 0;
    for (const [sender, lines] of Object.entries(spoken)) {
      lost += lines - (this.#last.get(sender) ?? 0) + (this.#gaps.get(sender) ?? 0);
    }
    return { received: this.#received, lost, disordered: this.#disordered };
  }

  #miss(sender: string, lines: number): void {
    if (lines === 0) return;
    this.#gaps.set(sender, Math.max(0, (this.#gaps.get(sender) ?? 0) + lines));
  }
}
