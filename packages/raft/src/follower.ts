import { commitTo } from './commit.ts';
import { bytesOf, type Entry } from './entry.ts';
import { assert } from './errors.ts';
import { lastWithTermAtMost, termAt } from './log.ts';
import type { Append, Heartbeat } from './message.ts';
import { promise, send } from './outbox.ts';
import { addEntries, removeEntries } from './own-log.ts';
import { heardLeader } from './role.ts';
import { askForSnapshot } from './snapshot-receiver.ts';
import type { State } from './state.ts';

/** Answers AppendEntries (Figure 2). `step` has settled the term. */
export function onAppend(self: State, message: Append): void {
  const { from: to } = message;
  heardLeader(self, to);
  const verified = message.prev.index + message.entries.length;
  if (verified < self.commit) {
    // Old news; and what is committed is the leader's log too.
    promise(self, { type: 'append-reply', to, match: self.commit });
  } else if (message.prev.index < self.commit) {
    takeEntries(self, message, message.entries.slice(self.commit - message.prev.index));
  } else if (termAt(self.log, message.prev.index) === message.prev.term) {
    takeEntries(self, message, message.entries);
  } else {
    const rejected = message.prev.index;
    const hint = lastWithTermAtMost(self.log, rejected, message.prev.term);
    promise(self, { type: 'append-rejected', to, rejected, hint });
  }
}

/** Takes `entries`, whose predecessor is here. */
function takeEntries(self: State, message: Append, entries: readonly Entry[]): void {
  const { log } = self;
  // A message may be old, and what it says all known: only a conflict removes anything.
  const unknown = entries.findIndex(({ index, term }) => termAt(log, index) !== term);
  const fresh = unknown === -1 ? [] : entries.slice(unknown);
  if (!hasRoom(self, fresh)) return; // The leader finds out, and sends it again.
  const first = fresh[0];
  if (first !== undefined && first.index <= log.last) {
    assert(first.index > self.commit, `${first.index} conflicts, and is committed`);
    removeEntries(self, first.index);
  }
  addEntries(self, fresh);
  const match = message.prev.index + message.entries.length;
  commitTo(self, Math.min(message.commit, match)); // Beyond `match` this log may be anybody's.
  promise(self, { type: 'append-reply', to: message.from, match });
}

/** A disk that is slower than the leader must not fill the memory, nor a full one itself. */
function hasRoom({ disk, settings, full }: State, entries: readonly Entry[]): boolean {
  if (full) return entries.length === 0;
  const waiting = disk.pending.reduce((sum, { bytes }) => sum + bytes, disk.unsavedBytes);
  if (waiting === 0) return true;
  const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  return waiting + bytes <= settings.unsavedBytesMax;
}

export function onHeartbeat(self: State, { from, round, commit, quiet }: Heartbeat): void {
  heardLeader(self, from);
  commitTo(self, commit);
  self.quiet = quiet && self.commit === self.log.last;
  askForSnapshot(self);
  send(self, { type: 'heartbeat-reply', to: from, round });
}
