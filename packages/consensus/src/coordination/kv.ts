import type { ReadOptions, RequestOptions } from '../consensus.ts';
import { LeaseExpired } from './errors.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import type { HolderCondition, Transaction } from './coordination-machine.ts';
import { checkRange, type KeyRange } from './key-range.ts';
import {
  checkName,
  checkValue,
  type ItemCondition,
  type StoredItem,
  type StoreOperation,
  type StoreResult,
} from './key-store.ts';
import { lockResource } from './locks.ts';
import { ValueCodec } from './values.ts';
import { KeyWatch } from './key-watch.ts';

export interface KeyValue {
  readonly key: string;
  readonly value: unknown;
  /** Revision that last changed it. */
  readonly revision: number;
  /** Revision that created it. */
  readonly created: number;
  /** Counts its changes since then, from 1 on. */
  readonly version: number;
  /** The lease, or session, that it goes with. */
  readonly lease: number | undefined;
}

/** Something with the id of a lease: a `Lease`, or a `Session`. */
export interface LeaseLike {
  readonly id: number;
}

/**
 * What must be so. Of a key, all that is said: `{ key: 'x', revision: 0 }` says that it is not
 * there. Of a lock, that whoever holds it has this token: so a holder that has lost it changes
 * nothing.
 */
export type KeyCondition =
  | (Omit<ItemCondition, 'value' | 'lease'> & {
      /** Equal as it is written: `1` and `'1'` differ, and so do objects with other orders. */
      readonly value?: unknown;
      readonly lease?: LeaseLike;
    })
  | { readonly lock: string; readonly token: number };

export type KeyOperation =
  | { readonly put: string; readonly value: unknown; readonly lease?: LeaseLike }
  | { readonly delete: string | KeyRange }
  | { readonly get: string };

export interface KeyTransaction {
  /** Default: none, which is fulfilled. */
  readonly if?: readonly KeyCondition[];
  /** Done, all at one revision, when all of `if` is so. */
  readonly do?: readonly KeyOperation[];
  /** Done otherwise. */
  readonly else?: readonly KeyOperation[];
}

/** Of a put: what it made. Of a delete: how many. Of a get: what there was. */
export type KeyResult =
  | { readonly version: number; readonly created: number }
  | { readonly deleted: number }
  | { readonly found: KeyValue | undefined };

export interface KeyTransacted {
  /** Whether all of `if` was so. */
  readonly succeeded: boolean;
  /** Of the store afterwards. */
  readonly revision: number;
  readonly results: readonly KeyResult[];
}

export interface KeyRangeOptions extends ReadOptions {
  /** Default: 1,000; 10,000, or 4 MiB of values, are as many as there ever are on one page. */
  readonly limit?: number;
  /** Only keys behind this one: the last of the page before. */
  readonly after?: string;
}

export interface KeyWatchOptions {
  /** The first revision whose events are wanted. Default: the next. */
  readonly from?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

const PAGE = 1_000;

/**
 * A small store of keys, for what a cluster must agree on: not a database. Reads are linearizable
 * unless they say otherwise; each change has a revision, and watches tell of all of them in order.
 * Errors are those of a replica's calls, and:
 *
 * - `Overloaded`, executed: no, when the store has as many keys, or bytes, as it may
 * - `LeaseExpired`, executed: no, when a put names a lease that is over
 * - `RangeError`, when a key, a value or a transaction is larger than allowed; nothing has changed
 */
export class KeyValueStore {
  readonly #parts: CoordinationParts;
  readonly #values = new ValueCodec();
  readonly #watchers = new Set<KeyWatch>();

  constructor(parts: CoordinationParts) {
    this.#parts = parts;
  }

  async get(key: string, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    checkName('key', key);
    return this.#keyValue(key, await this.#parts.replica.with(options).item(key));
  }

  /** A page of keys in order, and whether there are more. */
  async range(
    range: KeyRange,
    { limit = PAGE, after, ...options }: KeyRangeOptions = {},
  ): Promise<{
    readonly entries: readonly KeyValue[];
    readonly more: boolean;
    readonly revision: number;
  }> {
    checkRange(range);
    if (!(Number.isSafeInteger(limit) && limit > 0)) {
      throw new RangeError(`limit is ${limit}: give an integer of at least 1`);
    }
    const { items, ...page } = await this.#parts.replica.with(options).page(range, limit, after);
    const entries = items.map(([key, item]) => this.#keyValue(key, item) as KeyValue);
    return { entries, ...page };
  }

  /** @returns what the key has now */
  async put(
    key: string,
    value: unknown,
    { lease, ...options }: RequestOptions & { readonly lease?: LeaseLike } = {},
  ): Promise<{ readonly revision: number; readonly version: number; readonly created: number }> {
    const put = lease === undefined ? { put: key, value } : { put: key, value, lease };
    const { revision, results } = await this.transact({ do: [put] }, options);
    const [made] = results;
    if (made === undefined || !('version' in made)) throw new Error('BUG: a put made nothing');
    return { revision, ...made };
  }

  /** Deletes one key, or all of a range, 1,024 at most. @returns how many there were */
  async delete(range: string | KeyRange, options: RequestOptions = {}): Promise<number> {
    const { results } = await this.transact({ do: [{ delete: range }] }, options);
    const [made] = results;
    return made !== undefined && 'deleted' in made ? made.deleted : 0;
  }

  /**
   * Puts `value` if the key was last changed at `revision`; 0: if it is not there.
   * @returns its new revision, or undefined when it is another
   */
  async compareAndSet(
    key: string,
    { revision, value }: { readonly revision: number; readonly value: unknown },
    options: RequestOptions = {},
  ): Promise<number | undefined> {
    const transaction = { if: [{ key, revision }], do: [{ put: key, value }] };
    const { succeeded, revision: now } = await this.transact(transaction, options);
    return succeeded ? now : undefined;
  }

  /**
   * Looks, and does one thing or the other, in one step.
   * @example `await kv.transact({ if: [{ lock: 'x', token }], do: [{ put: 'k', value: 1 }] })`
   */
  async transact(
    transaction: KeyTransaction,
    options: RequestOptions = {},
  ): Promise<KeyTransacted> {
    const encoded: Transaction = {
      conditions: (transaction.if ?? []).map((condition) => this.#condition(condition)),
      operations: (transaction.do ?? []).map((operation) => this.#operation(operation)),
      otherwise: (transaction.else ?? []).map((operation) => this.#operation(operation)),
    };
    const keys = [...encoded.operations, ...encoded.otherwise].map((operation) => {
      return operation.kind === 'get' ? operation.key : '';
    });
    const { succeeded, revision, results } = await this.#parts.replica
      .with(options)
      .transact(encoded);
    const offset = succeeded ? 0 : encoded.operations.length;
    return {
      succeeded,
      revision,
      results: results.map((result, at) => this.#result(keys[offset + at] ?? '', result)),
    };
  }

  /**
   * All changes of the keys in `range`, a revision at a time, in order and without gaps, from now
   * or from an earlier revision on. It goes on over changes of leader.
   * @throws {Compacted} by the watch itself: so far back, or so slow, that events are dropped
   * @throws {Overloaded} executed: no; this node has as many watches as it may
   */
  async watch(range: KeyRange, { from, signal }: KeyWatchOptions = {}): Promise<KeyWatch> {
    checkRange(range);
    const next = from ?? (await this.#parts.replica.revision()) + 1;
    return KeyWatch.open(this.#watchers, {
      range,
      from: next,
      signal,
      view: this.#parts.view,
      keyValue: (key, item) => this.#keyValue(key, item) as KeyValue,
    });
  }

  /**
   * A time to live for keys: put them with `{ lease }`, and they go when it has not been renewed
   * for `ttlMs`. A `Session` is a lease that renews itself.
   */
  async lease(ttlMs: number, options: RequestOptions = {}): Promise<Lease> {
    const { replica } = this.#parts;
    const id = await replica.with(options).openLease(ttlMs);
    return {
      id,
      ttlMs,
      async renew(more = {}) {
        if (!(await replica.with(more).renewLease(id))) throw new LeaseExpired(id);
      },
      async revoke(more = {}) {
        await replica.with(more).closeLease(id);
      },
    };
  }

  #condition(condition: KeyCondition): ItemCondition | HolderCondition {
    if ('lock' in condition) {
      return { resource: lockResource(condition.lock), token: condition.token };
    }
    const { value, lease, ...rest } = condition;
    checkName('key', rest.key);
    return {
      ...rest,
      ...('value' in condition ? { value: this.#values.encode(value) } : {}),
      ...(lease === undefined ? {} : { lease: lease.id }),
    };
  }

  #operation(operation: KeyOperation): StoreOperation {
    if ('put' in operation) {
      const { put: key, lease } = operation;
      checkName('key', key);
      const value = this.#values.encode(operation.value);
      checkValue(value);
      return { kind: 'put', key, value, lease: lease?.id ?? 0 };
    }
    if ('get' in operation) {
      checkName('key', operation.get);
      return { kind: 'get', key: operation.get };
    }
    const range =
      typeof operation.delete === 'string' ? { key: operation.delete } : operation.delete;
    checkRange(range);
    return { kind: 'delete', range };
  }

  #result(key: string, result: StoreResult): KeyResult {
    switch (result.kind) {
      case 'put':
        return { version: result.version, created: result.created };
      case 'delete':
        return { deleted: result.deleted };
      case 'get':
        return { found: this.#keyValue(key, result.item) };
    }
  }

  #keyValue(key: string, item: StoredItem | undefined): KeyValue | undefined {
    if (item === undefined) return undefined;
    const { value, lease, ...rest } = item;
    return {
      key,
      value: this.#values.decode(value),
      ...rest,
      lease: lease === 0 ? undefined : lease,
    };
  }
}

/** Time to live that is renewed by hand. */
export interface Lease extends LeaseLike {
  readonly ttlMs: number;
  /** @throws {LeaseExpired} executed: no */
  renew(options?: RequestOptions): Promise<void>;
  /** Ends it, and its keys with it. */
  revoke(options?: RequestOptions): Promise<void>;
}
