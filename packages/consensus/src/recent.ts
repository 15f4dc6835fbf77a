import type { Entry } from '@troupe/raft';

const ENTRIES_MAX = 65_536;

/** An entry that is applied here, and what came of it. */
export interface AppliedEntry<R> {
  readonly entry: Entry;
  readonly result: R | undefined;
}

/** What has been applied here of late, for those who learn only now where their command stands. */
export class Recent<R> {
  readonly #entries = new Map<number, AppliedEntry<R>>();
  #last = 0;

  add(entry: Entry, result: R | undefined): void {
    this.#entries.set(entry.index, { entry, result });
    this.#last = entry.index;
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(entry.index - ENTRIES_MAX);
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
