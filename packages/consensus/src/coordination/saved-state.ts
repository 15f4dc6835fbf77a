import { BadBytes } from '@troupe/remote';
import { isCount } from '../count.ts';
import type { SavedBarrier } from './barrier-table.ts';
import {
  BARRIER_SIZE_MAX,
  BARRIERS_MAX,
  CLAIMS_MAX,
  HISTORY_EVENTS_MAX,
  KEYS_MAX,
  LEASES_MAX,
  WITHDRAWN_MAX,
} from './bounds.ts';
import type { SavedResource } from './claim-table.ts';
import type { SavedHistory } from './event-history.ts';
import type { SavedStore, StoredItem } from './key-store.ts';
import type { SavedLease } from './lease-table.ts';

/** What a snapshot of the machine holds. */
export interface SavedState {
  readonly leases: readonly SavedLease[];
  readonly claims: readonly SavedResource[];
  readonly barriers: readonly SavedBarrier[];
  readonly store: SavedStore;
}

type Unchecked<T> = { readonly [K in keyof T]?: unknown };

/**
 * The state of a snapshot, which comes from a disk or from another node.
 * @throws {BadBytes} that says which part is none
 */
export function checkedState(state: unknown): SavedState {
  const { leases, claims, barriers, store }: Unchecked<SavedState> =
    typeof state === 'object' && state !== null ? state : {};
  if (!isList(leases, LEASES_MAX, isLease)) refuse('leases');
  if (!isList(claims, CLAIMS_MAX, isResource)) refuse('claims');
  if (!isList(barriers, BARRIERS_MAX, isBarrier)) refuse('barriers');
  if (!isStore(store)) refuse('store');
  return { leases, claims, barriers, store };
}

function refuse(part: keyof SavedState): never {
  throw new BadBytes(`the ${part} in the snapshot of a coordination`);
}

function isList<T>(
  value: unknown,
  lengthMax: number,
  is: (each: unknown) => each is T,
): value is readonly T[] {
  return Array.isArray(value) && value.length <= lengthMax && value.every(is);
}

function fieldsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isLease(value: unknown): value is SavedLease {
  const [id, ttlMs, renewed, withdrawn] = fieldsOf(value);
  return [id, ttlMs, renewed].every(isCount) && isList(withdrawn, WITHDRAWN_MAX, isCount);
}

function isResource(value: unknown): value is SavedResource {
  const [name, size, delay, claims] = fieldsOf(value);
  const isDelay = delay === null || isPair(delay);
  return (
    typeof name === 'string' && isCount(size) && isDelay && isList(claims, CLAIMS_MAX, isClaim)
  );
}

function isClaim(value: unknown): value is SavedResource[3][number] {
  const [lease, ticket, take, delayMs, said, token] = fieldsOf(value);
  const areCounts = [lease, ticket, take, delayMs, token].every(isCount);
  return areCounts && (said === null || said instanceof Uint8Array);
}

function isBarrier(value: unknown): value is SavedBarrier {
  const [name, size, opened, members] = fieldsOf(value);
  const areCounts = isCount(size) && isCount(opened);
  return typeof name === 'string' && areCounts && isList(members, BARRIER_SIZE_MAX, isPair);
}

function isPair(value: unknown): value is readonly [number, number] {
  const [first, second] = fieldsOf(value);
  return isCount(first) && isCount(second);
}

function isStore(value: unknown): value is SavedStore {
  const [revision, items, history] = fieldsOf(value);
  return isCount(revision) && isList(items, KEYS_MAX, isEntry) && isHistory(history);
}

function isEntry(value: unknown): value is SavedStore[1][number] {
  const [key, item] = fieldsOf(value);
  return typeof key === 'string' && isItem(item);
}

function isHistory(value: unknown): value is SavedHistory {
  const [compacted, events] = fieldsOf(value);
  return isCount(compacted) && isList(events, HISTORY_EVENTS_MAX, isEvent);
}

function isEvent(value: unknown): value is SavedHistory[1][number] {
  const [revision, key, item] = fieldsOf(value);
  return isCount(revision) && typeof key === 'string' && (item === null || isItem(item));
}

function isItem(item: unknown): item is StoredItem {
  if (typeof item !== 'object' || item === null) return false;
  const { value, created, revision, version, lease }: Unchecked<StoredItem> = item;
  return value instanceof Uint8Array && [created, revision, version, lease].every(isCount);
}
