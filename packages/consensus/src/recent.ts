import type { Position } from '@troupe/raft';

const ENTRIES_MAX = 65_536;

/** Where something that is applied here stands in the log, and what came of it. */
export interface AppliedEntry<R> {
  readonly entry: Position;
  readonly result: R | undefined;
}

/** What has been applied here of late, for those who learn only now where their command stands. */
export class Recent<R> {
  readonly #entries = new Map<number, AppliedEntry<R>>();
  #last = 0;

  add({ index, term }: Position, result: R | undefined): void {
    // Not the entry: thousands of commands may be of a mebibyte each.
    this.#entries.set(index, { entry: { index, term }, result });
    this.#last = index;
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(index - ENTRIES_MAX);
  }

  /** All up to `index` is applied, and nobody knows any more what it was. */
  skipTo(index: number): void {
    this.#last = Math.max(this.#last, index);
  }

  /** @returns `unknown` when it is applied and forgotten; undefined when it is not applied yet */
  at(index: number): AppliedEntry<R> | 'unknown' | undefined {
    return this.#entries.get(index) ?? (index <= this.#last ? 'unknown' : undefined);
  }

  clear(): void {
    this.#entries.clear();
    this.#last = 0;
  }
}
