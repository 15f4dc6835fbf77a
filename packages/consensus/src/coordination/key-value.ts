import type { KeyRange } from './key-range.ts';
import type { ItemCondition } from './key-store.ts';

/** What is said of keys when nothing is: texts, with anything as a value. */
export type AnyKeys = Readonly<Record<string, unknown>>;

export type KeyName<Keys> = keyof Keys & string;

/** The values that keys of a range may have. */
export type ValueIn<Keys, R> = R extends { readonly key: infer K extends KeyName<Keys> }
  ? Keys[K]
  : R extends { readonly prefix: infer P extends string }
    ? ValueWith<Keys, P, KeyName<Keys>>
    : Keys[KeyName<Keys>];

/** Each name by itself: those that begin so, and those that are a pattern of which some do. */
type ValueWith<Keys, P extends string, K extends KeyName<Keys>> = K extends unknown
  ? K extends `${P}${string}`
    ? Keys[K]
    : `${P}${string}` extends K
      ? Keys[K]
      : never
  : never;

export interface KeyValue<V = unknown> {
  readonly key: string;
  readonly value: V;
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
export type KeyCondition<Keys = AnyKeys> =
  | {
      readonly [K in KeyName<Keys>]: Omit<ItemCondition, 'key' | 'value' | 'lease'> & {
        readonly key: K;
        /** Equal as it is written: `1` and `'1'` differ, and so do objects with other orders. */
        readonly value?: Keys[K];
        readonly lease?: LeaseLike;
      };
    }[KeyName<Keys>]
  | { readonly lock: string; readonly token: number };

export type KeyOperation<Keys = AnyKeys> =
  | {
      readonly [K in KeyName<Keys>]: {
        readonly put: K;
        readonly value: Keys[K];
        readonly lease?: LeaseLike;
      };
    }[KeyName<Keys>]
  | { readonly delete: KeyName<Keys> | KeyRange }
  | { readonly get: KeyName<Keys> };

export interface KeyTransaction<Keys = AnyKeys> {
  /** Default: none, which is fulfilled. */
  readonly if?: readonly KeyCondition<Keys>[];
  /** Done, all at one revision, when all of `if` is so. */
  readonly do?: readonly KeyOperation<Keys>[];
  /** Done otherwise. */
  readonly else?: readonly KeyOperation<Keys>[];
}

/** Of a put: what it made. Of a delete: how many. Of a get: what there was. */
export type KeyResult<V = unknown> =
  | { readonly version: number; readonly created: number }
  | { readonly deleted: number }
  | { readonly found: KeyValue<V> | undefined };

export interface KeyTransacted<V = unknown> {
  /** Whether all of `if` was so. */
  readonly succeeded: boolean;
  /** Of the store afterwards. */
  readonly revision: number;
  readonly results: readonly KeyResult<V>[];
}

/** Keys of a range, in order. */
export interface KeyPage<V = unknown> {
  readonly entries: readonly KeyValue<V>[];
  /** There are keys behind these: ask again, `after` the last of them. */
  readonly more: boolean;
  /** Of the store: a watch from the one after it misses nothing. */
  readonly revision: number;
}
