import type { Snapshot } from './message.ts';

/**
 * What a leader knows of one member.
 *
 *     probe ──── accepted ───▶ replicate     probe: where do the logs agree? one message at a time
 *     replicate ─ rejected, unreachable ─▶ probe     replicate: a pipeline, limited in flight
 *     either ─── needs what is compacted ─▶ snapshot
 *     either ─── asks for it itself ─▶ snapshot
 *     snapshot ─ installed ──▶ replicate
 */
export interface Progress {
  state: 'probe' | 'replicate' | 'snapshot';
  /** The log is known to be the same up to here, and on that member's disk. */
  match: number;
  /** The next entry to send. */
  next: number;
  /** Probing: the question is asked, and not answered. */
  asked: boolean;
  /** Replicating: ask whether what was sent has arrived. */
  verify: boolean;
  /** The last commit index that was sent. */
  sentCommit: number;
  /** Messages with entries that are not acknowledged, oldest first. */
  inflight: Inflight[];
  inflightBytes: number;
  /** So many messages may be on the way, if the settings allow more: few after a rejection. */
  window: number;
  heardTick: number;
  ackedRound: number;
  /** Entries from here on are being read from the disk; 0 when none are. */
  fetching: number;
  transfer: SnapshotTransfer | undefined;
  catchUp: CatchUp | undefined;
}

export interface Inflight {
  readonly last: number;
  readonly bytes: number;
}

/** One snapshot on its way to one member; it is not exchanged for a newer one half-way. */
export interface SnapshotTransfer {
  readonly snapshot: Snapshot;
  /** The member could have the entries, and has asked for this instead. */
  readonly requested: boolean;
  /** The member has said how much it has. */
  accepted: boolean;
  /** Bytes that it has, and bytes that were sent. */
  acked: number;
  sent: number;
  /** When the member last got on. */
  tick: number;
  /** When it was last sent something for the second time. */
  resentTick: number;
}

/** Thesis §4.2.1: a learner is ready when it fetched what one round added within a timeout. */
export interface CatchUp {
  readonly until: number;
  readonly sinceTick: number;
}

export function newProgress(next: number, tick: number): Progress {
  return {
    state: 'probe',
    match: 0,
    next,
    asked: false,
    verify: false,
    sentCommit: 0,
    inflight: [],
    inflightBytes: 0,
    window: Infinity,
    heardTick: tick,
    ackedRound: 0,
    fetching: 0,
    transfer: undefined,
    catchUp: undefined,
  };
}

/** Begins to ask where the logs agree, at `next`. */
export function probe(progress: Progress, next: number): void {
  leaveState(progress, 'probe');
  progress.next = Math.max(next, progress.match + 1);
}

/** The logs agree up to `match`: entries may follow one another without waiting. */
export function replicate(progress: Progress): void {
  leaveState(progress, 'replicate');
  progress.next = progress.match + 1;
}

export function sendSnapshot(
  progress: Progress,
  transfer: Pick<SnapshotTransfer, 'snapshot' | 'requested' | 'tick'>,
): void {
  leaveState(progress, 'snapshot');
  const resentTick = transfer.tick;
  progress.transfer = { ...transfer, accepted: false, acked: 0, sent: 0, resentTick };
}

function leaveState(progress: Progress, to: Progress['state']): void {
  progress.state = to;
  progress.asked = false;
  progress.verify = false;
  progress.inflight = [];
  progress.inflightBytes = 0;
  progress.fetching = 0;
  progress.transfer = undefined;
}

export function addInflight(progress: Progress, inflight: Inflight): void {
  progress.inflight.push(inflight);
  progress.inflightBytes += inflight.bytes;
}

/** Everything up to `match` has arrived. */
export function releaseInflight(progress: Progress, match: number): void {
  let count = 0;
  for (const { last, bytes } of progress.inflight) {
    if (last > match) break;
    progress.inflightBytes -= bytes;
    count += 1;
  }
  if (count > 0) progress.inflight.splice(0, count);
}
