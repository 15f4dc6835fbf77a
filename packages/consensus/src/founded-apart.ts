import type { Message, Raft } from '@troupe/raft';
import type { NodeId } from './consensus.ts';

const FROM_LEADER = new Set<Message['type']>([
  'append',
  'heartbeat',
  'snapshot-offer',
  'snapshot-chunk',
]);

/**
 * Whether `message` is of another group that has the same name, as far as one node can tell: where
 * it is the only voter nobody leads without its vote, so whoever does in a term that it leads
 * itself, or has never lived in, was elected elsewhere. To be asked before the core has taken the
 * message.
 */
export function isOfAnotherGroup(raft: Raft, node: NodeId, { type, term }: Message): boolean {
  const isUnheardOf = term > raft.term || (term === raft.term && raft.leader === node);
  if (!isUnheardOf || !FROM_LEADER.has(type)) return false;
  const { voters, outgoing } = raft.configuration;
  const isAlone = voters.length === 1 && voters[0] === node && outgoing.length === 0;
  // Who knows nothing yet loses nothing, and who has lost entries does not know whose vote counts.
  return isAlone && raft.term > 0 && !raft.damaged;
}
