import { Overloaded } from '@troupe/actor';
import { topics } from './claim-table.ts';
import type { CoordinationMachine } from './coordination-machine.ts';
import { Compacted } from './errors.ts';
import { isInRange, type KeyRange } from './key-range.ts';
import type { StoredItem } from './key-store.ts';
import type { KeyValue } from './key-value.ts';
import type { LocalView } from './local-view.ts';

/** Of one node; each is looked at whenever the store changes. */
const WATCHERS_MAX = 1_024;

export type KeyEvent<V = unknown> =
  | ({ readonly kind: 'put' } & KeyValue<V>)
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number };

/** All that one transaction did to the keys that are watched. */
export interface KeyChange<V = unknown> {
  /** To resume a watch after it: `{ from: revision + 1 }`. */
  readonly revision: number;
  readonly events: readonly KeyEvent<V>[];
}

export interface KeyWatchParts<V> {
  readonly range: KeyRange;
  readonly from: number;
  readonly signal: AbortSignal | undefined;
  readonly view: LocalView;
  readonly keyValue: (key: string, item: StoredItem) => KeyValue<V>;
}

/**
 * A watch of keys. It holds a place in the history and no events, so one that nobody reads costs
 * nothing; one that falls behind further than the history goes ends with `Compacted`.
 */
export class KeyWatch<V = unknown>
  implements AsyncIterableIterator<KeyChange<V>, void, void>, AsyncDisposable
{
  readonly #parts: KeyWatchParts<V>;
  readonly #all: Set<unknown>;
  readonly #controller = new AbortController();
  readonly #end = (): void => this.#controller.abort();
  #next: number;

  /** @throws {Overloaded} when there are as many in `all` as there may be */
  static open<V>(all: Set<unknown>, parts: KeyWatchParts<V>): KeyWatch<V> {
    if (all.size >= WATCHERS_MAX) throw new Overloaded('this node', 'watches', WATCHERS_MAX);
    return new KeyWatch(all, parts);
  }

  private constructor(all: Set<unknown>, parts: KeyWatchParts<V>) {
    this.#parts = parts;
    this.#all = all;
    this.#next = parts.from;
    all.add(this);
    const { signal } = parts;
    signal?.addEventListener('abort', this.#end);
    if (signal?.aborted === true) this.#end();
  }

  /** The first revision that has not been looked at yet: where another watch could go on. */
  get revision(): number {
    return this.#next;
  }

  /** @throws {Compacted} {GroupClosed} and the watch has ended */
  async next(): Promise<IteratorResult<KeyChange<V>, void>> {
    const { signal } = this.#controller;
    try {
      const { view } = this.#parts;
      const value = await view.until(topics.store, (machine) => this.#find(machine), signal);
      return { done: false, value };
    } catch (error) {
      const isEnd = signal.aborted;
      this.#close();
      if (isEnd) return { done: true, value: undefined };
      throw error;
    }
  }

  /** Ends the watch; who waits for the next change is told that there is none. */
  return(): Promise<IteratorResult<KeyChange<V>, void>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #find({ store }: CoordinationMachine): KeyChange<V> | undefined {
    const { range, keyValue } = this.#parts;
    if (this.#next < store.firstRevision) throw new Compacted(this.#next, store.firstRevision);
    let revision = 0;
    const events: KeyEvent<V>[] = [];
    for (const event of store.eventsFrom(this.#next)) {
      const { key, item } = event;
      if (!isInRange(range, key)) continue;
      if (revision !== 0 && event.revision !== revision) break;
      revision = event.revision;
      events.push(
        item === undefined
          ? { kind: 'delete', key, revision }
          : { kind: 'put', ...keyValue(key, item) },
      );
    }
    this.#next = revision === 0 ? Math.max(this.#next, store.revision + 1) : revision + 1;
    return revision === 0 ? undefined : { revision, events };
  }

  #close(): void {
    this.#all.delete(this);
    this.#parts.signal?.removeEventListener('abort', this.#end);
    this.#end();
  }
}
