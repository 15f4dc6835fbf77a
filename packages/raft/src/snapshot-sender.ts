import type { NodeId } from './entry.ts';
import type { SnapshotChunk, SnapshotRequest, SnapshotStatus } from './message.ts';
import { send } from './outbox.ts';
import { probe, type Progress, replicate, sendSnapshot } from './progress.ts';
import type { ChunkRequest } from './ready.ts';
import { configurationOf, leadingOf, type State } from './state.ts';

/**
 * A snapshot travels in pieces, a few at a time. The offer asks how much the member has, which is
 * 0 at first and something else after a broken link or a restart: only the rest is sent.
 */
export function beginSnapshot(
  self: State,
  { to, progress, requested }: { to: NodeId; progress: Progress; requested: boolean },
): void {
  if (self.snapshot === undefined) return noteWanted(self, self.log.base.index);
  const isWitness = configurationOf(self).witnesses.includes(to);
  // A witness has nothing that it could restore, so its snapshot is empty.
  const { id } = self.snapshot;
  const snapshot = isWitness ? { ...self.snapshot, id: `${id}/empty`, bytes: 0 } : self.snapshot;
  sendSnapshot(progress, { snapshot, requested, tick: self.tick });
  send(self, { type: 'snapshot-offer', to, snapshot });
}

/** Asked for at each heartbeat until it comes, so what cannot be done now is only noted. */
export function onSnapshotRequest(self: State, { from: to, least }: SnapshotRequest): void {
  const progress = leadingOf(self).progress.get(to);
  if (progress === undefined) return;
  progress.heardTick = self.tick;
  if (progress.state === 'snapshot') return;
  if ((self.snapshot?.index ?? 0) >= least) beginSnapshot(self, { to, progress, requested: true });
  else noteWanted(self, least);
}

function noteWanted({ out }: State, least: number): void {
  out.snapshotWanted = Math.max(out.snapshotWanted, least);
}

export function onSnapshotStatus(self: State, message: SnapshotStatus): void {
  const { id, offset, resend } = message;
  const progress = leadingOf(self).progress.get(message.from);
  const transfer = progress?.transfer;
  if (progress === undefined || transfer === undefined || transfer.snapshot.id !== id) return;
  if (offset > transfer.snapshot.bytes) return;
  progress.heardTick = self.tick;
  // Once in a while: every piece behind a lost one is followed by a call for it.
  const isDue = self.tick - transfer.resentTick >= self.settings.heartbeatTicks;
  if (!transfer.accepted || (resend && isDue)) {
    transfer.sent = offset;
    transfer.resentTick = self.tick;
  }
  if (!transfer.accepted) transfer.acked = offset; // It may have lost what it had.
  transfer.accepted = true;
  transfer.acked = Math.max(transfer.acked, offset);
  transfer.sent = Math.max(transfer.sent, offset);
  transfer.tick = self.tick;
  // Its log matched all the while, so no acknowledgement tells when it has the snapshot; that all
  // of it was received does not either, since what is not written yet may be lost.
  if (transfer.requested && !resend && offset === transfer.snapshot.bytes) replicate(progress);
}

/** Asks the driver to read and send what may be on the way by now. */
export function sendChunks(self: State, to: NodeId, { transfer }: Progress): void {
  if (transfer === undefined || !transfer.accepted) return;
  const { chunkBytes, chunksMax } = self.settings;
  const { snapshot } = transfer;
  while (
    transfer.sent < snapshot.bytes &&
    transfer.sent - transfer.acked < chunkBytes * chunksMax &&
    self.out.chunks.length < self.settings.messagesMax
  ) {
    const bytes = Math.min(chunkBytes, snapshot.bytes - transfer.sent);
    self.out.chunks.push({ to, term: self.term, snapshot, offset: transfer.sent, bytes });
    transfer.sent += bytes;
  }
}

/** Offers again what is not accepted yet, and what has not moved for a while. */
export function reviveSnapshots(self: State): void {
  const { electionTicks, heartbeatTicks } = self.settings;
  for (const [to, { transfer }] of leadingOf(self).progress) {
    if (transfer === undefined) continue;
    const patience = transfer.accepted ? electionTicks : heartbeatTicks;
    if (self.tick - transfer.tick < patience) continue;
    transfer.accepted = false;
    transfer.tick = self.tick;
    send(self, { type: 'snapshot-offer', to, snapshot: transfer.snapshot });
  }
}

/**
 * The snapshot `id` is not on this disk as it was written. Whoever was being sent it is asked anew
 * what he lacks, and is offered another: pinned to this one, he would wait for it for ever.
 */
export function onUnreadable(self: State, id: string): void {
  const { snapshot, restoring, applied } = self;
  const isAwaited = snapshot?.id === id && applied < snapshot.index;
  if (isAwaited || restoring?.id === id) return; // Whoever restores from it finds out, and ends.
  if (snapshot?.id === id) self.snapshot = undefined;
  for (const progress of self.leading?.progress.values() ?? []) {
    if (progress.transfer?.snapshot.id === id) probe(progress, progress.match + 1);
  }
}

/** The message for `request`, once the driver has read the piece. */
export function chunkMessage(
  from: NodeId,
  { to, term, snapshot, offset }: ChunkRequest,
  data: Uint8Array,
): SnapshotChunk {
  return { type: 'snapshot-chunk', from, to, term, id: snapshot.id, offset, data };
}
