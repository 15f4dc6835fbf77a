import { advanceCommit } from './commit.ts';
import { onCandidacySaved } from './election.ts';
import { assert } from './errors.ts';
import { bytesOf, type Entry } from './entry.ts';
import { evict, recentFrom, slice, termAt } from './log.ts';
import type { Apply, AppendRecord, HardState } from './ready.ts';
import { installComplete } from './snapshot-receiver.ts';
import type { State } from './state.ts';

/** The next record for the disk, if there is anything to save and the disk keeps up. */
export function takeAppend(self: State): AppendRecord | undefined {
  const { disk, log, settings, tick } = self;
  if (disk.pending.length >= settings.appendsMax) return undefined; // All of it goes into the next.
  const hardState: HardState = { term: self.term, votedFor: self.votedFor, commit: self.commit };
  const isVote =
    hardState.term !== disk.hardState.term || hardState.votedFor !== disk.hardState.votedFor;
  const entries = log.recent.slice(disk.unsavedFrom - recentFrom(log));
  const { installing: snapshot, messages } = disk;
  const isUrgent = isVote || entries.length > 0 || snapshot !== undefined;
  if (!isUrgent && messages.length === 0) return undefined;
  const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  disk.token += 1;
  disk.pending.push({ token: disk.token, last: log.last, bytes, tick, hardState });
  disk.unsavedFrom = log.last + 1;
  disk.unsavedBytes = 0;
  disk.installing = undefined;
  disk.messages = [];
  const isNews = isVote || hardState.commit !== disk.hardState.commit;
  disk.hardState = hardState;
  return {
    token: disk.token,
    hardState: isNews ? hardState : undefined,
    snapshot,
    entries,
    // A message that waits for earlier records waits for them to be synced, which they will be.
    mustSync: isUrgent,
    messages,
  };
}

/** Every record up to `token` is on disk. */
export function onAppended(self: State, token: number): void {
  const { disk, log } = self;
  assert(token <= disk.token, `record ${token} is on disk, and the last was ${disk.token}`);
  const count = disk.pending.filter((pending) => pending.token <= token).length;
  const saved = disk.pending.splice(0, count);
  const last = saved.at(-1);
  if (last === undefined) return; // Told already: completions may come out of order.
  log.durable = Math.max(log.durable, last.last);
  if ((termAt(log, log.durable) ?? 0) >= self.wholeFrom) self.wholeFrom = 0;
  evict(log, Math.min(log.durable, self.commit), self.settings.recentBytesMax);
  const { term, votedFor } = last.hardState;
  if (term === self.term && votedFor === self.id) onCandidacySaved(self);
  if (self.role === 'leader') advanceCommit(self);
}

/**
 * The next work for the state machine. Only what is on this disk is applied: a state that is ahead
 * of its own log could not be explained after a restart.
 */
export function takeApply(self: State): Apply | undefined {
  const { log, snapshot, restoring } = self;
  if (self.bereft || self.applying > self.applied) return undefined;
  if (restoring !== undefined) {
    if (log.durable < restoring.index) return undefined; // It would be compacted, and never saved.
    self.restoring = undefined;
    self.applying = restoring.index;
    return { kind: 'snapshot', snapshot: restoring };
  }
  const to = Math.min(self.commit, log.durable);
  if (self.applied >= to) return undefined;
  if (self.applied < log.base.index) {
    assert(snapshot !== undefined, `the log begins after ${log.base.index}, without a snapshot`);
    self.applying = snapshot.index;
    return { kind: 'snapshot', snapshot };
  }
  const from = self.applied + 1;
  const entries = entriesToApply(self, from, to);
  // What has to be read from the disk is so many entries at most, since nobody knows their sizes.
  const { messageEntriesMax } = self.settings;
  self.applying = entries?.at(-1)?.index ?? Math.min(to, self.applied + messageEntriesMax);
  return { kind: 'entries', from, to: self.applying, entries };
}

function entriesToApply(self: State, from: number, to: number): readonly Entry[] | undefined {
  return slice(self.log, from, {
    to,
    bytesMax: self.settings.applyBytesMax,
    entriesMax: Infinity,
  });
}

export function onApplied(self: State, index: number): void {
  assert(index <= self.applying, `${index} is applied, and was not given to apply`);
  self.applied = Math.max(self.applied, index);
  installComplete(self);
}
