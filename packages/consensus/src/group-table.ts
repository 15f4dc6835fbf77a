import { GroupIndex } from './log-index.ts';
import type { Update } from './log-record.ts';
import { segmentOf } from './log-segment.ts';

/** The groups of a log: what is durable of each, by name and by number. */
export class GroupTable {
  readonly #byName = new Map<string, GroupIndex>();
  readonly #byNumber = new Map<number, GroupIndex>();
  #nextNumber = 1;

  get(name: string): GroupIndex | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<GroupIndex> {
    return this.#byNumber.values();
  }

  /** A number that no group has, or has had. */
  newNumber(): number {
    return this.#nextNumber++;
  }

  /**
   * Takes in what a record says.
   * @param origin the place that the offsets of entries are counted from
   * @returns what does not fit together, as a phrase, when something is missing
   */
  apply(update: Update, origin: number): string | undefined {
    if (update.kind === 'name') return this.#name(update.group, update.name);
    const group = this.#byNumber.get(update.group);
    if (group === undefined) return `group ${update.group} has no name`;
    switch (update.kind) {
      case 'hard-state':
        group.hardState = update.hardState;
        return undefined;
      case 'install':
        group.install(update.snapshot);
        return undefined;
      case 'entries':
        if (group.append(update.entries, origin)) return undefined;
        return `entry ${update.entries.first} of group '${group.name}' follows ${group.last.index}`;
      case 'compact':
        group.compact(update.snapshot, update.base);
        return undefined;
      case 'state':
        if (group.hardState === undefined && group.last.index === 0) group.restore(update.state);
        return undefined;
      case 'lose':
        group.lose();
        return undefined;
      case 'heal':
        group.isDamaged = false;
        return undefined;
      case 'forget':
        this.#byNumber.delete(group.number);
        this.#byName.delete(group.name);
        return undefined;
    }
  }

  /** The oldest segment that an entry is still needed of; `current` when there is none older. */
  oldestSegment(current: number): number {
    let oldest = current;
    for (const { oldestPlace } of this) {
      if (oldestPlace !== undefined) oldest = Math.min(oldest, segmentOf(oldestPlace));
    }
    return oldest;
  }

  /** Groups whose entries, or some of them, are in no segment. */
  get incomplete(): readonly string[] {
    return [...this].filter(({ missing }) => missing !== undefined).map(({ name }) => name);
  }

  /** What is missing, as a phrase, when all records have been read. */
  get gap(): string | undefined {
    for (const { name, missing } of this) {
      if (missing !== undefined) return `entry ${missing} of group '${name}' is in no segment`;
    }
    return undefined;
  }

  #name(number: number, name: string): undefined {
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    if (this.#byNumber.has(number)) return;
    const group = new GroupIndex(name, number);
    this.#byNumber.set(number, group);
    this.#byName.set(name, group);
  }
}
