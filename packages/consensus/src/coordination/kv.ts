import type { ReadOptions, RequestOptions } from '../consensus.ts';
import { TTL_MS_MAX, TTL_MS_MIN } from './bounds.ts';
import type { CoordinationParts } from './coordination-parts.ts';
import { LeaseExpired } from './errors.ts';
import { Given } from './given.ts';
import { KeyCodec } from './key-codec.ts';
import type { KeyRange } from './key-range.ts';
import type {
  AnyKeys,
  KeyName,
  KeyPage,
  KeyTransacted,
  KeyTransaction,
  KeyValue,
  LeaseLike,
  ValueIn,
} from './key-value.ts';
import { KeyWatch } from './key-watch.ts';

export interface KeyRangeOptions extends ReadOptions {
  /** Default: 1,000; 10,000, or 4 MiB of values, are as many as there ever are on one page. */
  readonly limit?: number;
  /** Only keys behind this one: the last of the page before. */
  readonly after?: string;
}

export interface KeyPutOptions extends RequestOptions {
  /** The key goes when this ends. */
  readonly lease?: LeaseLike;
}

export interface KeyWatchOptions {
  /** The first revision whose events are wanted. Default: the next. */
  readonly from?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

const PAGE = 1_000;
const AT_LEAST_1 = [1, Number.MAX_SAFE_INTEGER] as const;

/**
 * A small store of keys, for what a cluster must agree on: not a database. Reads are linearizable
 * unless they say otherwise; each change has a revision, and watches tell of all of them in order.
 * Errors are those of a replica's calls, and:
 *
 * - `BadArguments`, executed: no, when a name, a value, or an option cannot be used
 * - `Overloaded`, executed: no, when the store has as many keys, or bytes, as it may
 * - `LeaseExpired`, executed: no, when a put names a lease that is over
 */
export class KeyValueStore<Keys = AnyKeys> {
  readonly #parts: CoordinationParts;
  readonly #codec = new KeyCodec();
  readonly #watchers = new Set<unknown>();

  constructor(parts: CoordinationParts) {
    this.#parts = parts;
  }

  /**
   * The same store, with types: keys, or patterns of keys, and what values they have. It is a word
   * of its user, as a cast is: nothing is looked at when it is read.
   * @example `kv.typed<{ limit: number; [user: `user/${string}`]: User }>()`
   */
  typed<Typed extends object>(): KeyValueStore<Typed> {
    return retyped(this);
  }

  async get<K extends KeyName<Keys>>(
    key: K,
    options: ReadOptions = {},
  ): Promise<KeyValue<Keys[K]> | undefined> {
    const given = new Given('kv', 'get');
    given.name('key', key);
    given.request(options);
    const item = await this.#parts.replica.with(options).item(key);
    return item && (this.#codec.keyValue(key, item) as KeyValue<Keys[K]>); // See `typed`.
  }

  /** A page of keys in order, and whether there are more. */
  async range<const R extends KeyRange>(
    range: R,
    options: KeyRangeOptions = {},
  ): Promise<KeyPage<ValueIn<Keys, R>>> {
    const given = new Given('kv', 'range');
    given.range('range', range);
    given.request(options, ['limit', 'after']);
    const { limit = PAGE, after, ...rest } = options;
    given.integer('limit', limit, AT_LEAST_1);
    if (after !== undefined) given.name('after', after);
    const { items, ...page } = await this.#parts.replica.with(rest).page(range, limit, after);
    const entries = items.map(([key, item]) => this.#codec.keyValue(key, item));
    return { entries: entries as readonly KeyValue<ValueIn<Keys, R>>[], ...page };
  }

  /** @returns what the key has now */
  async put<K extends KeyName<Keys>>(
    key: K,
    value: Keys[K],
    options: KeyPutOptions = {},
  ): Promise<{ readonly revision: number; readonly version: number; readonly created: number }> {
    const given = new Given('kv', 'put');
    given.request(options, ['lease']);
    const { lease, ...rest } = options;
    const put = lease === undefined ? { put: key, value } : { put: key, value, lease };
    const { revision, results } = await this.#transact(given, { do: [put] }, rest);
    const [made] = results;
    if (made === undefined || !('version' in made)) throw new Error('BUG: a put made nothing');
    return { revision, ...made };
  }

  /** Deletes one key, or all of a range, 1,024 at most. @returns how many there were */
  async delete(range: KeyName<Keys> | KeyRange, options: RequestOptions = {}): Promise<number> {
    const given = new Given('kv', 'delete');
    const { results } = await this.#transact(given, { do: [{ delete: range }] }, options);
    const [made] = results;
    return made !== undefined && 'deleted' in made ? made.deleted : 0;
  }

  /**
   * Puts `value` if the key was last changed at `revision`; 0: if it is not there.
   * @returns its new revision, or undefined when it is another
   */
  async compareAndSet<K extends KeyName<Keys>>(
    key: K,
    change: { readonly revision: number; readonly value: Keys[K] },
    options: RequestOptions = {},
  ): Promise<number | undefined> {
    const given = new Given('kv', 'compareAndSet');
    given.object('the change', change, '{ revision, value }');
    const { revision, value } = change;
    const transaction = { if: [{ key, revision }], do: [{ put: key, value }] };
    const { succeeded, revision: now } = await this.#transact(given, transaction, options);
    return succeeded ? now : undefined;
  }

  /**
   * Looks, and does one thing or the other, in one step.
   * @example `await kv.transact({ if: [{ lock: 'x', token }], do: [{ put: 'k', value: 1 }] })`
   */
  async transact(
    transaction: KeyTransaction<Keys>,
    options: RequestOptions = {},
  ): Promise<KeyTransacted<Keys[KeyName<Keys>]>> {
    const given = new Given('kv', 'transact');
    const transacted = await this.#transact(given, transaction as KeyTransaction, options);
    return transacted as KeyTransacted<Keys[KeyName<Keys>]>; // See `typed`.
  }

  /**
   * All changes of the keys in `range`, a revision at a time, in order and without gaps, from now
   * or from an earlier revision on. It goes on over changes of leader.
   * @throws {Compacted} by the watch itself: so far back, or so slow, that events are dropped
   * @throws {Overloaded} executed: no; this node has as many watches as it may
   * @throws {Cancelled} executed: no; `signal` was aborted before it began
   */
  async watch<const R extends KeyRange>(
    range: R,
    options: KeyWatchOptions = {},
  ): Promise<KeyWatch<ValueIn<Keys, R>>> {
    const given = new Given('kv', 'watch');
    given.range('range', range);
    given.object('options', options, '{ from, signal }');
    given.names(options, ['from', 'signal']);
    const { from, signal } = options;
    if (from !== undefined) given.integer('from', from, AT_LEAST_1);
    if (signal !== undefined) given.signal(signal);
    const { replica, view } = this.#parts;
    const calls = signal === undefined ? replica : replica.with({ signal });
    type Value = ValueIn<Keys, R>;
    return KeyWatch.open<Value>(this.#watchers, {
      range,
      from: from ?? (await calls.revision()) + 1,
      signal,
      view,
      keyValue: (key, item) => this.#codec.keyValue(key, item) as KeyValue<Value>, // See `typed`.
    });
  }

  /**
   * A time to live for keys: put them with `{ lease }`, and they go when it has not been renewed
   * for `ttlMs`, of 100 to 86,400,000. A `Session` is a lease that renews itself.
   */
  async lease(ttlMs: number, options: RequestOptions = {}): Promise<Lease> {
    const given = new Given('kv', 'lease');
    given.integer('ttlMs', ttlMs, [TTL_MS_MIN, TTL_MS_MAX]);
    given.request(options);
    const { replica } = this.#parts;
    const id = await replica.with(options).openLease(ttlMs);
    return {
      id,
      ttlMs,
      async renew(more = {}) {
        new Given('lease', 'renew').request(more);
        if (!(await replica.with(more).renewLease(id))) throw new LeaseExpired(id);
      },
      async revoke(more = {}) {
        new Given('lease', 'revoke').request(more);
        await replica.with(more).closeLease(id);
      },
    };
  }

  async #transact(
    given: Given,
    transaction: KeyTransaction,
    options: RequestOptions,
  ): Promise<KeyTransacted> {
    given.request(options);
    const encoded = this.#codec.transaction(given, transaction);
    const calls = this.#parts.replica.with(options);
    const { succeeded, revision, results } = await calls.transact(encoded);
    const done = succeeded ? encoded.operations : encoded.otherwise;
    return {
      succeeded,
      revision,
      results: results.map((result, at) => this.#codec.result(done[at], result)),
    };
  }
}

function retyped<Typed extends object>(store: object): KeyValueStore<Typed> {
  return store as KeyValueStore<Typed>; // As its user says; whoever puts must say the same.
}

/** Time to live that is renewed by hand. */
export interface Lease extends LeaseLike {
  readonly ttlMs: number;
  /** @throws {LeaseExpired} executed: no */
  renew(options?: RequestOptions): Promise<void>;
  /** Ends it, and its keys with it. */
  revoke(options?: RequestOptions): Promise<void>;
}
