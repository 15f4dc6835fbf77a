import { type Position, recoveryRecord } from '@troupe/raft';
import type { NodeId } from './consensus.ts';
import { BadOption } from './errors.ts';
import type { LogStore, Recovered } from './log-store.ts';

/** How far a group had come on a node that has stopped. */
export interface SavedGroup {
  /** Epoch of the last entry of the log: of the leader that put it there. 0 while there is none. */
  readonly lastEpoch: number;
  /** Index of the last entry, agreed on or not. */
  readonly last: number;
  /** Up to here it was agreed on, by what this node has saved: it may have known of more. */
  readonly committed: number;
}

/**
 * What is saved in `store`, by the names of the groups. Of the survivors of a group the one to go
 * on with has the greatest `lastEpoch`, and of those with the same one the greatest `last`: it has
 * all that any survivor knows to be agreed on. A longer log of an earlier epoch has not: its end
 * may be what nobody else ever had, in the place of what was acknowledged later.
 */
export async function savedGroups(store: LogStore): Promise<ReadonlyMap<string, SavedGroup>> {
  const found = new Map<string, SavedGroup>();
  for (const group of await store.groups()) {
    const saved = await store.recover(group);
    if (saved === undefined) continue;
    const { index: last, term: lastEpoch } = lastOf(saved);
    found.set(group, { lastEpoch, last, committed: saved.hardState.commit });
  }
  return found;
}

/**
 * Makes `node` the only member of `group`, after a majority of its nodes is lost for good. To be
 * called while no engine runs on `store`, on one surviving node only: the one whose log ends in the
 * latest epoch, and of those the longest (`savedGroups`). What only the lost nodes had is lost,
 * which may be commands that were acknowledged; what was not agreed on yet becomes so. Indexes go
 * on where this log ends, so fencing tokens and revisions that only the lost nodes knew are given
 * once more: resources must forget those that they have seen. Give the group new members
 * afterwards, under new names. The other survivors and the lost nodes must never start with their
 * old disks again: they do not know of this, and while none of them meets this node, a majority of
 * them could go on by itself. It is not changed by that; those that meet it end (`Disqualified`).
 * @throws {BadOption} when nothing of the group is saved here
 * @throws {RangeError} when `node` was no member, or kept no commands
 */
export async function recoverAlone(
  store: LogStore,
  { group, node }: { readonly group: string; readonly node: NodeId },
): Promise<void> {
  const saved = await store.recover(group);
  if (saved === undefined) {
    throw new BadOption('group', group, 'nothing of it is saved here, name one that is');
  }
  const record = recoveryRecord(node, { ...saved, applied: 0 });
  await new Promise<void>((resolve, reject) => {
    store.append([{ group, record }], (error) => (error ? reject(error) : resolve()));
  });
  await store.healed(group); // Nobody is left who could make good what is lost.
}

/** A snapshot from another node may be ahead of the log. */
function lastOf({ base, snapshot, entries }: Recovered): Position {
  let last: Position = base;
  for (const entry of entries) last = entry;
  return snapshot !== undefined && snapshot.index > last.index ? snapshot : last;
}
