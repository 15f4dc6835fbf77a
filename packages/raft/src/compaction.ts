import { assert } from './errors.ts';
import { compactTo, termAt } from './log.ts';
import type { Snapshot } from './message.ts';
import { configurationAt, type State } from './state.ts';

/** Describes a snapshot of the state machine as it is at `index`, for the driver to save. */
export function snapshotAt(
  self: State,
  { id, index, bytes }: { readonly id: string; readonly index: number; readonly bytes: number },
): Snapshot {
  if (index > self.applied) {
    throw new RangeError(`a snapshot of ${index}: only ${self.applied} is applied`);
  }
  const term = termAt(self.log, index);
  if (term === undefined) {
    throw new RangeError(`a snapshot of ${index}: the log begins at ${self.log.base.index + 1}`);
  }
  return { id, index, term, bytes, configuration: configurationAt(self, index) };
}

/**
 * `snapshot` is complete and on disk. Forgets the log before it, but for the last `keepEntries`,
 * with which those who are a little behind can still be served, and for what follows a snapshot
 * that is just being sent: its receiver would have to begin all over again. The same snapshot again
 * takes what was kept behind it.
 * @returns the first index that is still needed
 */
export function compact(self: State, snapshot: Snapshot, keepEntries: number): number {
  const { log } = self;
  const isNewer = snapshot.index > (self.snapshot?.index ?? 0);
  if (!isNewer && snapshot.id !== self.snapshot?.id) return log.base.index + 1;
  assert(snapshot.index <= self.applied, `${snapshot.index} is not applied`);
  self.snapshot = snapshot;
  const sent = [...(self.leading?.progress.values() ?? [])].map(
    ({ transfer }) => transfer?.snapshot.index ?? Infinity,
  );
  const to = Math.min(snapshot.index - keepEntries, ...sent);
  if (to > log.base.index) compactTo(log, to);
  // Those of what is kept, too: where the snapshot is lost, that is applied once more.
  const first = self.configurations.findLastIndex(({ index }) => index <= log.base.index);
  self.configurations.splice(0, Math.max(0, first));
  return log.base.index + 1;
}

/** The snapshots that must not be deleted: the latest, and those on their way, in or out. */
export function snapshotsInUse(self: State): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const snapshot of [self.snapshot, self.incoming?.snapshot, self.restoring]) {
    if (snapshot !== undefined) ids.add(snapshot.id);
  }
  for (const { transfer } of self.leading?.progress.values() ?? []) {
    if (transfer !== undefined) ids.add(transfer.snapshot.id);
  }
  return ids;
}
