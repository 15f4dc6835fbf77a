import { initialConfiguration, isMember } from './configuration.ts';
import type { ConfigurationEntry, NodeId } from './entry.ts';
import type { Durable } from './options.ts';
import { nextEra } from './era.ts';
import type { AppendRecord } from './ready.ts';

/**
 * What to save, while the node `id` is stopped, to make it the only member of its group after a
 * majority of disks is lost for good. Choose the survivor whose last position is the latest. What
 * only the others had is lost, and may have been acknowledged; what it has is committed by this.
 * It starts afterwards as any node does, not as `damaged`; give the group new members then, under
 * new names. No other disk of the group may ever be used again: it could elect another leader.
 * @throws {RangeError} when this node could not lead by what it has
 */
export function recoveryRecord(id: NodeId, durable: Durable): AppendRecord {
  const { hardState, snapshot, base, entries } = durable;
  let configuration = snapshot?.configuration;
  let index = Math.max(base.index, snapshot?.index ?? 0);
  for (const entry of entries) {
    index = entry.index;
    if (entry.kind === 'configuration') configuration = entry.configuration;
  }
  if (
    configuration === undefined ||
    !isMember(configuration, id) ||
    configuration.witnesses.includes(id)
  ) {
    throw new RangeError(`'${id}' does not have the whole log: choose a member that has`);
  }
  const term = nextEra(hardState.term); // Whoever leads or stands without it is outdated for ever.
  const alone: ConfigurationEntry = {
    kind: 'configuration',
    index: index + 1,
    term,
    configuration: initialConfiguration([id]),
  };
  return {
    token: 0,
    hardState: { term, votedFor: undefined, commit: hardState.commit },
    snapshot: undefined,
    entries: [alone],
    mustSync: true,
    messages: [],
  };
}
