import { commitTo } from './commit.ts';
import type { NodeId } from './entry.ts';
import { emptyLog, termAt } from './log.ts';
import type { Snapshot, SnapshotChunk, SnapshotOffer } from './message.ts';
import { promise, send } from './outbox.ts';
import { heardLeader } from './role.ts';
import type { State } from './state.ts';

/** The leader no longer has the entries that this node lacks, and offers what they made. */
export function onSnapshotOffer(self: State, { from, snapshot }: SnapshotOffer): void {
  heardLeader(self, from);
  if (isSuperfluous(self, from, snapshot)) return;
  if (self.incoming?.snapshot.id !== snapshot.id) {
    self.incoming = { snapshot, received: 0, stored: 0 };
  }
  if (self.incoming.stored === snapshot.bytes) return installComplete(self);
  // What was received and is not written yet may be lost; what is written is not asked for again.
  const { id } = snapshot;
  send(self, {
    type: 'snapshot-status',
    to: from,
    id,
    offset: self.incoming.received,
    resend: true,
  });
}

/** Whether this log has, or may have, more than `snapshot`; then the leader is told so. */
function isSuperfluous(self: State, to: NodeId, snapshot: Snapshot): boolean {
  if (!isInLog(self, snapshot) || isWanted(self, snapshot)) return false;
  const { id, index, bytes } = snapshot;
  commitTo(self, index); // The same term at the same index: all before it is the same.
  promise(self, { type: 'append-reply', to, match: Math.max(index, self.commit) });
  // Not before: it may be this very snapshot that is on its way to the disk.
  promise(self, { type: 'snapshot-status', to, id, offset: bytes, resend: false });
  self.incoming = undefined;
  return true;
}

function isInLog({ commit, log }: State, { index, term }: Snapshot): boolean {
  return index <= commit || termAt(log, index) === term;
}

/** Whether the state machine can be restored from it, and then go on with what the log has. */
function isWanted(self: State, { index }: Snapshot): boolean {
  return self.bereft && index >= leastWanted(self);
}

/** Behind it the log has all entries, and all members are known. */
function leastWanted({ log, configurations }: State): number {
  return Math.max(log.base.index, configurations[0]?.index ?? 0);
}

/** Asks the leader for what the state machine has lost, until it comes. */
export function askForSnapshot(self: State): void {
  const { bereft, leader: to } = self;
  if (!bereft || to === undefined || to === self.id) return;
  send(self, { type: 'snapshot-request', to, least: leastWanted(self) });
}

export function onSnapshotChunk(self: State, { from, id, offset, data }: SnapshotChunk): void {
  heardLeader(self, from);
  const { incoming } = self;
  if (incoming === undefined || incoming.snapshot.id !== id) return; // An offer begins it.
  const { snapshot, received, stored } = incoming;
  const { chunkBytes, chunksMax } = self.settings;
  // One always fits when none waits, or a sender of larger pieces would get nowhere.
  const room = received === stored ? Infinity : stored + chunkBytes * chunksMax - received;
  if (offset < received) return; // Twice; it has been, or will be, answered when it is written.
  if (offset === received && data.length <= Math.min(room, snapshot.bytes - received)) {
    incoming.received += data.length;
    self.out.stores.push({ snapshot, offset, data });
  } else {
    send(self, { type: 'snapshot-status', to: from, id, offset: received, resend: true });
  }
}

/** The driver has written the pieces up to `offset`. */
export function onStored(self: State, id: string, offset: number): void {
  const { incoming } = self;
  if (incoming === undefined || incoming.snapshot.id !== id || offset <= incoming.stored) return;
  incoming.stored = Math.min(offset, incoming.received);
  if (incoming.stored === incoming.snapshot.bytes) return installComplete(self);
  const { leader: to } = self;
  if (to === undefined || to === self.id) return;
  send(self, { type: 'snapshot-status', to, id, offset: incoming.stored, resend: false });
}

/**
 * Installs the incoming snapshot if all of it is here, a leader wants it, and the state machine is
 * at rest: what it was given to apply must not vanish from the disk under its hands.
 */
export function installComplete(self: State): void {
  const { incoming, leader } = self;
  if (incoming === undefined || leader === undefined || leader === self.id) return;
  const { snapshot, stored } = incoming;
  if (stored < snapshot.bytes || self.applying > self.applied) return;
  if (isSuperfluous(self, leader, snapshot)) return;
  if (isInLog(self, snapshot)) restore(self, leader, snapshot);
  else install(self, leader, snapshot);
}

/** Gives the state machine `snapshot`; the log, which has more, stays as it is. */
function restore(self: State, leader: NodeId, snapshot: Snapshot): void {
  const { id, index, bytes } = snapshot;
  self.incoming = undefined;
  self.bereft = false;
  self.restoring = snapshot;
  commitTo(self, index);
  promise(self, { type: 'append-reply', to: leader, match: self.commit });
  send(self, { type: 'snapshot-status', to: leader, id, offset: bytes, resend: false });
}

/** Puts `snapshot` in place of the whole log, in which nothing is known to agree with it. */
function install(self: State, leader: NodeId, snapshot: Snapshot): void {
  const { index, term, configuration } = snapshot;
  self.incoming = undefined;
  self.bereft = false;
  self.log = { ...emptyLog({ index, term }), durable: 0 };
  self.snapshot = snapshot;
  self.configurations = [{ index, configuration }];
  self.disk.installing = snapshot;
  self.disk.unsavedFrom = index + 1;
  self.disk.unsavedBytes = 0;
  for (const pending of self.disk.pending) pending.last = 0; // Stands for a log that is gone.
  commitTo(self, index);
  promise(self, { type: 'append-reply', to: leader, match: index });
}
