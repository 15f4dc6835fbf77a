import { assert } from './errors.ts';
import { bytesOf } from './entry.ts';
import { recentFrom, termAt } from './log.ts';
import { onConfigurationCommitted } from './membership.ts';
import { quorumIndex } from './quorum.ts';
import { beginWaitingReads, isSettled } from './reads.ts';
import { configurationOf, leadingOf, type State } from './state.ts';

/** What is committed stays so: the index never goes back. */
export function commitTo(self: State, index: number): void {
  if (index <= self.commit) return;
  assert(index <= self.log.last, `${index} is committed, and the log ends at ${self.log.last}`);
  self.commit = index;
}

/**
 * Commits what a quorum has on disk, this node's own disk being one among them. Only an entry of
 * the leader's own term is committed by counting; those before it go with it (§5.4.2, Figure 8).
 */
export function advanceCommit(self: State): void {
  const leading = leadingOf(self);
  const index = quorumIndex(configurationOf(self), (id) =>
    id === self.id ? self.log.durable : (leading.progress.get(id)?.match ?? 0),
  );
  if (index <= self.commit || termAt(self.log, index) !== self.term) return;
  const before = self.commit;
  const wasSettled = isSettled(self, leading);
  commitTo(self, index);
  for (const entry of self.log.recent.slice(before + 1 - recentFrom(self.log))) {
    if (entry.index > index) break;
    leading.uncommittedBytes -= bytesOf(entry);
  }
  if (!wasSettled) beginWaitingReads(self, leading);
  onConfigurationCommitted(self);
}
