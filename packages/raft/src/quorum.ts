import type { Configuration } from './configuration.ts';
import type { NodeId } from './entry.ts';

/** Arithmetic of majorities. While a change is joint, both halves must agree, each by itself. */

/** Whether those for whom `has` is true are a quorum. Nobody is no quorum. */
export function isQuorum(
  { voters, outgoing }: Configuration,
  has: (id: NodeId) => boolean,
): boolean {
  return isMajority(voters, has) && (outgoing.length === 0 || isMajority(outgoing, has));
}

function isMajority(voters: readonly NodeId[], has: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const id of voters) if (has(id)) count += 1;
  return 2 * count > voters.length;
}

/** The largest index that a quorum has reached. */
export function quorumIndex(
  { voters, outgoing }: Configuration,
  matchOf: (id: NodeId) => number,
): number {
  const incoming = majorityIndex(voters, matchOf);
  return outgoing.length === 0 ? incoming : Math.min(incoming, majorityIndex(outgoing, matchOf));
}

function majorityIndex(voters: readonly NodeId[], matchOf: (id: NodeId) => number): number {
  if (voters.length === 0) return 0;
  const sorted = voters.map(matchOf).sort((a, b) => b - a);
  return sorted[voters.length >> 1] ?? 0; // As many are at or before it as make a majority.
}

/** How an election stands. It is lost once those who have not refused are no quorum any more. */
export function outcomeOf(
  configuration: Configuration,
  votes: ReadonlyMap<NodeId, boolean>,
): 'won' | 'lost' | 'open' {
  if (isQuorum(configuration, (id) => votes.get(id) === true)) return 'won';
  return isQuorum(configuration, (id) => votes.get(id) !== false) ? 'open' : 'lost';
}
