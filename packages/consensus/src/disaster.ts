import type { Entry } from '@troupe/raft';
import type { NodeId } from './consensus.ts';
import type { LogStore } from './log-store.ts';

/**
 * Makes `node` the only member of `group`, after a majority of its nodes is lost for good. To be
 * called while no engine runs on `store`, on one surviving node only: the one whose log is the
 * longest (`status().last`). What only the lost nodes had is lost, which may be commands that were
 * acknowledged; what was not agreed on yet becomes so. Give the group new members afterwards, under
 * new names. The other survivors and the lost nodes must never start with their old disks again:
 * they do not know of this, and could elect a leader of their own.
 * @throws {Error} when nothing of the group is saved here
 */
export async function recoverAlone(
  store: LogStore,
  { group, node }: { readonly group: string; readonly node: NodeId },
): Promise<void> {
  const saved = await store.recover(group);
  if (saved === undefined) throw new Error(`nothing of group ${group} is saved on this node`);
  let last = saved.base.index;
  for (const { index } of saved.entries) last = index;
  const term = saved.hardState.term + 1; // Whoever led or stood before is outdated by this.
  const entry: Entry = {
    kind: 'configuration',
    index: last + 1,
    term,
    configuration: { voters: [node], outgoing: [], learners: [], promotable: [], witnesses: [] },
  };
  const hardState = { term, votedFor: undefined, commit: saved.hardState.commit };
  const record = {
    token: 1,
    hardState,
    snapshot: undefined,
    entries: [entry],
    mustSync: true,
    messages: [],
  };
  await new Promise<void>((resolve, reject) => {
    store.append([{ group, record }], (error) => (error ? reject(error) : resolve()));
  });
  await store.healed(group); // Nobody is left who could make good what is lost.
}
