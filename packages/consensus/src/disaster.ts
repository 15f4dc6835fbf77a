import { recoveryRecord } from '@troupe/raft';
import type { NodeId } from './consensus.ts';
import { BadOption } from './errors.ts';
import type { LogStore } from './log-store.ts';

/**
 * Makes `node` the only member of `group`, after a majority of its nodes is lost for good. To be
 * called while no engine runs on `store`, on one surviving node only: the one whose log is the
 * longest (`status().last`). What only the lost nodes had is lost, which may be commands that were
 * acknowledged; what was not agreed on yet becomes so. Give the group new members afterwards, under
 * new names. The other survivors and the lost nodes must never start with their old disks again:
 * they do not know of this, and while none of them meets this node, a majority of them could go on
 * by itself. It is not changed by that; those that meet it end (`Disqualified`).
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
