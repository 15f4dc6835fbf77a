import { OPERATIONS_MAX, TRANSACTION_BYTES_MAX } from './bounds.ts';
import { Given } from './given.ts';
import type { ItemCondition, StoreOperation, StoreResult } from './key-store.ts';

/** The holder with that token is who holds the lock, or the election, now. */
export interface HolderCondition {
  /** For example `lock reindex`. */
  readonly resource: string;
  readonly token: number;
}

export interface Transaction {
  readonly conditions: readonly (ItemCondition | HolderCondition)[];
  readonly operations: readonly StoreOperation[];
  readonly otherwise: readonly StoreOperation[];
}

export interface TransactionAnswer {
  readonly succeeded: boolean;
  /** Of the store after it. */
  readonly revision: number;
  readonly results: readonly StoreResult[];
}

const GIVEN = new Given('the group', 'transact');

/** @throws {BadArguments} when it is more than one transaction may bring */
export function checkSize(
  { conditions, operations, otherwise }: Transaction,
  given: Given = GIVEN,
): void {
  const lists = { conditions, operations, 'operations otherwise': otherwise };
  for (const [what, { length }] of Object.entries(lists)) {
    if (length <= OPERATIONS_MAX) continue;
    given.refuse(`${length} ${what} at once, over ${OPERATIONS_MAX}: make several transactions`);
  }
  let bytes = 0;
  for (const each of [...conditions, ...operations, ...otherwise]) {
    if ('key' in each && typeof each.key === 'string') bytes += Buffer.byteLength(each.key);
    if ('value' in each && each.value instanceof Uint8Array) bytes += each.value.length;
  }
  if (bytes <= TRANSACTION_BYTES_MAX) return;
  given.refuse(
    `keys and values of ${bytes} bytes at once, over ${TRANSACTION_BYTES_MAX}: ` +
      'make several transactions',
  );
}
