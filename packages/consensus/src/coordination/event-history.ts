import { HISTORY_BYTES_MAX, HISTORY_EVENTS_MAX } from './bounds.ts';
import type { StoredItem } from './key-store.ts';

/** A key has got another value, or is gone. */
export interface StoreEvent {
  /** Index of the entry that did it; all events of one entry share it. */
  readonly revision: number;
  readonly key: string;
  /** undefined when the key was deleted. */
  readonly item: StoredItem | undefined;
}

export type SavedHistory = readonly [
  compacted: number,
  events: readonly (readonly [revision: number, key: string, item: StoredItem | null])[],
];

/** What happened last, so that who was away can be told: bounded, and the same on every node. */
export class EventHistory {
  #events: StoreEvent[] = [];
  /** Events before this place are dropped; the array is shortened now and then. */
  #start = 0;
  #bytes = 0;
  #compacted = 0;

  /** The first revision from which all events are there. */
  get first(): number {
    return this.#compacted + 1;
  }

  add(event: StoreEvent): void {
    this.#events.push(event);
    this.#bytes += bytesOf(event);
    while (this.#size > HISTORY_EVENTS_MAX || this.#bytes > HISTORY_BYTES_MAX) this.#dropOldest();
    if (this.#start > HISTORY_EVENTS_MAX) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Events from `revision` on, oldest first. */
  *from(revision: number): Iterable<StoreEvent> {
    let [low, high] = [this.#start, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as StoreEvent).revision < revision) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#events.length; low += 1) yield this.#events[low] as StoreEvent;
  }

  save(): SavedHistory {
    const events = this.#events.slice(this.#start).map(({ revision, key, item }) => {
      return [revision, key, item ?? null] as const;
    });
    return [this.#compacted, events];
  }

  load([compacted, events]: SavedHistory): void {
    this.#compacted = compacted;
    this.#events = events.map(([revision, key, item]) => {
      return { revision, key, item: item ?? undefined };
    });
    this.#start = 0;
    this.#bytes = this.#events.reduce((sum, event) => sum + bytesOf(event), 0);
  }

  get #size(): number {
    return this.#events.length - this.#start;
  }

  /** A revision goes as a whole, or a watch that resumes there would see half of it. */
  #dropOldest(): void {
    const revision = this.#events[this.#start]?.revision ?? 0;
    this.#compacted = revision;
    while (this.#events[this.#start]?.revision === revision) {
      this.#bytes -= bytesOf(this.#events[this.#start] as StoreEvent);
      this.#start += 1;
    }
  }
}

function bytesOf({ key, item }: StoreEvent): number {
  return key.length + (item?.value.length ?? 0);
}
