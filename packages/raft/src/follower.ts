import { commitTo } from './commit.ts';
import { bytesOf, type Entry } from './entry.ts';
import { assert, Disqualified } from './errors.ts';
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
  const taken = self.full ? beforeCommands(fresh) : fresh;
  const isStuck = taken.length === 0 && fresh.length > 0;
  if (isStuck || !hasRoom(self, taken)) return; // The leader finds out, and sends it again.
  const first = taken[0];
  if (first !== undefined && first.index <= log.last) {
    assert(first.index > self.commit, `${first.index} conflicts, and is committed`);
    removeEntries(self, first.index);
  }
  addEntries(self, taken);
  const match = message.prev.index + message.entries.length - fresh.length + taken.length;
  commitTo(self, Math.min(message.commit, match)); // Beyond `match` this log may be anybody's.
  promise(self, { type: 'append-reply', to: message.from, match });
}

/** What a leader begins with, and members, are few and short: a full disk has room for them. */
function beforeCommands(entries: readonly Entry[]): readonly Entry[] {
  const at = entries.findIndex(({ kind }) => kind === 'command' || kind === 'withheld');
  return at === -1 ? entries : entries.slice(0, at);
}

/** A disk that is slower than the leader must not fill the memory. */
function hasRoom({ disk, settings }: State, entries: readonly Entry[]): boolean {
  const waiting = disk.pending.reduce((sum, { bytes }) => sum + bytes, disk.unsavedBytes);
  if (waiting === 0) return true;
  const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  return waiting + bytes <= settings.unsavedBytesMax;
}

export function onHeartbeat(self: State, { from, round, commit, quiet }: Heartbeat): void {
  heardLeader(self, from);
  refuseIfForgotten(self, commit);
  commitTo(self, commit);
  self.quiet = quiet && self.commit === self.log.last;
  askForSnapshot(self);
  send(self, { type: 'heartbeat-reply', to: from, round });
}

/**
 * A leader tells a follower of what that has acknowledged to it in this term, and nothing else.
 * Who lacks it has had another disk then, and has forgotten its votes too.
 */
function refuseIfForgotten({ id, log }: State, commit: number): void {
  if (commit <= log.last) return;
  const problem = `${id} has acknowledged ${commit}, and its log ends at ${log.last}`;
  throw new Disqualified('forgot', problem);
}
