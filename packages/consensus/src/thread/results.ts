import type { Command } from '../state-machine.ts';

/** As many as may be asked for: a node that passed commands on learns late where they stand. */
const RESULTS_MAX = 65_536;

interface Batch<R> {
  readonly first: number;
  readonly last: number;
  /** Of the commands, which are not kept: thousands of them may be of a mebibyte each. */
  readonly indexes: Float64Array;
  readonly results: readonly R[];
}

/** What became of the commands that were applied last, while somebody waits for some of them. */
export class Results<R> {
  #batches: Batch<R>[] = [];
  #size = 0;

  add(commands: readonly Command[], results: readonly R[]): void {
    const [first, last] = [commands[0]?.index ?? 0, commands.at(-1)?.index ?? 0];
    const indexes = Float64Array.from(commands, ({ index }) => index);
    this.#batches.push({ first, last, indexes, results });
    this.#size += commands.length;
    while (this.#size - (this.#batches[0]?.results.length ?? 0) >= RESULTS_MAX) {
      this.#size -= this.#batches.shift()?.results.length ?? 0;
    }
  }

  /** @returns the result of the command at `index` in an object; undefined when it is forgotten */
  at(index: number): { readonly result: R } | undefined {
    // Mostly it is one of the last batch.
    const batch = this.#batches.findLast(({ first, last }) => first <= index && index <= last);
    if (batch === undefined) return undefined;
    const { first, indexes, results } = batch;
    // Entries that are no commands leave gaps, so it may stand further in front.
    let at = Math.min(index - first, indexes.length - 1);
    while ((indexes[at] ?? 0) > index) at -= 1;
    // There is a result for each, so that `undefined` is one of R.
    return indexes[at] === index ? { result: results[at] as R } : undefined;
  }

  clear(): void {
    this.#batches = [];
    this.#size = 0;
  }
}
