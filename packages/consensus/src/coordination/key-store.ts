import { Overloaded } from '@troupe/actor';
import { DELETES_MAX, KEYS_MAX, READ_BYTES_MAX, STORE_BYTES_MAX } from './bounds.ts';
import { EventHistory, type SavedHistory, type StoreEvent } from './event-history.ts';
import { Given } from './given.ts';
import { type KeyRange, SortedKeys } from './key-range.ts';

const GIVEN = new Given('kv', 'transact');

/** What a key has. */
export interface StoredItem {
  readonly value: Uint8Array;
  /** Revision that created it, since it was last deleted. */
  readonly created: number;
  /** Revision that last changed it. */
  readonly revision: number;
  /** Counts its changes since it was created, from 1 on. */
  readonly version: number;
  /** The key goes with this lease; 0: with none. */
  readonly lease: number;
}

/** All that is said must be so: nothing said is always so. */
export interface ItemCondition {
  readonly key: string;
  readonly exists?: boolean;
  /** 0: there is no such key. */
  readonly revision?: number;
  readonly created?: number;
  readonly version?: number;
  readonly lease?: number;
  readonly value?: Uint8Array;
}

export type StoreOperation =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      readonly lease: number;
    }
  | { readonly kind: 'delete'; readonly range: KeyRange }
  | { readonly kind: 'get'; readonly key: string };

export type StoreResult =
  | { readonly kind: 'put'; readonly version: number; readonly created: number }
  | { readonly kind: 'delete'; readonly deleted: number }
  | { readonly kind: 'get'; readonly item: StoredItem | undefined };

export type SavedStore = readonly [
  revision: number,
  items: readonly (readonly [key: string, item: StoredItem])[],
  history: SavedHistory,
];

/** Keys and their values, with the revisions of all changes and the latest events. */
export class KeyStore {
  readonly #items = new Map<string, StoredItem>();
  readonly #keys = new SortedKeys();
  readonly #byLease = new Map<number, Set<string>>();
  readonly #history = new EventHistory();
  readonly #changed: () => void;
  #bytes = 0;
  #revision = 0;

  /** @param changed is called after each change */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Of the last change: the index of its entry. */
  get revision(): number {
    return this.#revision;
  }

  /** The first revision whose events, and all later ones, are still there. */
  get firstRevision(): number {
    return this.#history.first;
  }

  get(key: string): StoredItem | undefined {
    return this.#items.get(key);
  }

  /** Keys of `range` behind `after`, in order. */
  *range(range: KeyRange, after?: string): Iterable<readonly [string, StoredItem]> {
    for (const key of this.#keys.in(range, after)) yield [key, this.#items.get(key) as StoredItem];
  }

  eventsFrom(revision: number): Iterable<StoreEvent> {
    return this.#history.from(revision);
  }

  holds(condition: ItemCondition): boolean {
    const { key, exists, revision, created, version, lease, value } = condition;
    const item = this.#items.get(key);
    return (
      (exists === undefined || exists === (item !== undefined)) &&
      (revision === undefined || revision === (item?.revision ?? 0)) &&
      (created === undefined || created === (item?.created ?? 0)) &&
      (version === undefined || version === (item?.version ?? 0)) &&
      (lease === undefined || lease === (item?.lease ?? 0)) &&
      (value === undefined || (item !== undefined && Buffer.compare(item.value, value) === 0))
    );
  }

  /**
   * Does all of `operations`, in order, at the revision `at`.
   * @throws {BadArguments} {Overloaded} and nothing has changed
   */
  execute(operations: readonly StoreOperation[], at: number): readonly StoreResult[] {
    this.#check(operations);
    const before = this.#revision;
    const results = operations.map((operation): StoreResult => {
      switch (operation.kind) {
        case 'put':
          return this.#put(operation, at);
        case 'delete': {
          const keys = [...this.#keys.in(operation.range)];
          for (const key of keys) this.#delete(key, at);
          return { kind: 'delete', deleted: keys.length };
        }
        case 'get':
          return { kind: 'get', item: this.#items.get(operation.key) };
      }
    });
    if (this.#revision !== before) this.#changed();
    return results;
  }

  /** Its keys go with it. */
  dropLease(lease: number, at: number): void {
    const keys = [...(this.#byLease.get(lease) ?? [])].sort(); // The same order on every node.
    for (const key of keys) this.#delete(key, at);
    if (keys.length > 0) this.#changed();
  }

  save(): SavedStore {
    return [this.#revision, [...this.range({ prefix: '' })], this.#history.save()];
  }

  load([revision, items, history]: SavedStore): void {
    this.#revision = revision;
    for (const [key, item] of items) {
      this.#keys.add(key);
      this.#set(key, item);
    }
    this.#history.load(history);
  }

  #put({ key, value, lease }: StoreOperation & { kind: 'put' }, at: number): StoreResult {
    const old = this.#items.get(key);
    const created = old?.created ?? at;
    const version = (old?.version ?? 0) + 1;
    const item: StoredItem = { value, created, revision: at, version, lease };
    if (old === undefined) this.#keys.add(key);
    else this.#unset(key);
    this.#set(key, item);
    this.#revision = at;
    this.#history.add({ revision: at, key, item });
    return { kind: 'put', version, created };
  }

  #delete(key: string, at: number): void {
    this.#unset(key);
    this.#keys.delete(key);
    this.#revision = at;
    this.#history.add({ revision: at, key, item: undefined });
  }

  #set(key: string, item: StoredItem): void {
    this.#items.set(key, item);
    this.#bytes += bytesOf(key, item.value);
    if (item.lease === 0) return;
    const own = this.#byLease.get(item.lease) ?? new Set<string>();
    this.#byLease.set(item.lease, own.add(key));
  }

  #unset(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    this.#items.delete(key);
    this.#bytes -= bytesOf(key, item.value);
    const own = this.#byLease.get(item.lease);
    own?.delete(key);
    if (own?.size === 0) this.#byLease.delete(item.lease);
  }

  #check(operations: readonly StoreOperation[]): void {
    const puts = new Map<string, number>();
    let [added, deletes, read] = [0, 0, 0];
    for (const operation of operations) {
      switch (operation.kind) {
        case 'put': {
          const { key, value } = operation;
          GIVEN.name('key', key);
          GIVEN.value('value', value);
          const old = this.#items.get(key);
          puts.set(key, Math.max(puts.get(key) ?? 0, value.length));
          added += bytesOf(key, value) - (old === undefined ? 0 : bytesOf(key, old.value));
          break;
        }
        case 'delete':
          GIVEN.range('delete', operation.range);
          for (const _ of this.#keys.in(operation.range)) {
            if ((deletes += 1) > DELETES_MAX) {
              GIVEN.refuse(`more than ${DELETES_MAX} keys would be deleted: delete parts of them`);
            }
          }
          break;
        case 'get': {
          GIVEN.name('key', operation.key);
          const stored = this.#items.get(operation.key)?.value.length ?? 0;
          read += Math.max(stored, puts.get(operation.key) ?? 0);
          break;
        }
        default:
          GIVEN.refuse('an operation is neither put, delete nor get');
      }
    }
    if (read > READ_BYTES_MAX) {
      GIVEN.refuse(
        `values of ${read} bytes would be read, over ${READ_BYTES_MAX}: get them singly`,
      );
    }
    const fresh = [...puts.keys()].filter((key) => !this.#items.has(key)).length;
    if (this.#items.size + fresh > KEYS_MAX) throw new Overloaded('the store', 'keys', KEYS_MAX);
    if (this.#bytes + added > STORE_BYTES_MAX && added > 0) {
      throw new Overloaded('the store', 'bytes', STORE_BYTES_MAX);
    }
  }
}

function bytesOf(key: string, value: Uint8Array): number {
  return key.length + value.length;
}
