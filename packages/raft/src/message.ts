import type { Configuration } from './configuration.ts';
import type { Entry, NodeId, Position } from './entry.ts';

/**
 * What nodes say to each other. Any message may be lost, doubled, late or out of order. `term` is
 * the sender's, but for a pre-vote and its grant, where it is the term that would be.
 *
 *     candidate  ── pre-vote ──▶ voter     leader ── append ──────────▶ follower
 *                ◀─ pre-vote-reply ──             ◀─ append-reply, append-rejected ─
 *                ── vote ──────▶                  ── heartbeat ───────▶
 *                ◀─ vote-reply ──                 ◀─ heartbeat-reply ──
 *
 *     follower ── read ──────▶ leader      leader ── snapshot-offer ──▶ follower
 *              ◀─ read-reply ──                   ◀─ snapshot-status ──
 *              ── snapshot-request ─▶             ── snapshot-chunk ──▶
 *     leader ─── timeout-now ──▶ heir
 *     anybody ── stale-term ───▶ whoever still lives in an earlier term
 */
export type Message =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | AppendRejected
  | Heartbeat
  | HeartbeatReply
  | StaleTerm
  | TimeoutNow
  | Read
  | ReadReply
  | SnapshotOffer
  | SnapshotChunk
  | SnapshotStatus
  | SnapshotRequest;

export type MessageType = Message['type'];

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
}

/** "Would you vote for me in this term?" Asked first, so that a lost node raises no term (§9.6). */
export interface PreVote extends Addressed {
  readonly type: 'pre-vote';
  /** Where the candidate's log ends. */
  readonly last: Position;
}

export interface PreVoteReply extends Addressed {
  readonly type: 'pre-vote-reply';
  readonly granted: boolean;
}

/** RequestVote (§5.2). */
export interface Vote extends Addressed {
  readonly type: 'vote';
  readonly last: Position;
  /** The leader itself has asked for this election, so that it is no disturbance. */
  readonly transfer: boolean;
}

export interface VoteReply extends Addressed {
  readonly type: 'vote-reply';
  readonly granted: boolean;
}

/** AppendEntries (§5.3). Without entries it asks whether `prev` matches, and carries `commit`. */
export interface Append extends Addressed {
  readonly type: 'append';
  readonly prev: Position;
  readonly entries: readonly Entry[];
  readonly commit: number;
}

/** The log is the leader's up to `match`, and on disk. */
export interface AppendReply extends Addressed {
  readonly type: 'append-reply';
  readonly match: number;
}

export interface AppendRejected extends Addressed {
  readonly type: 'append-rejected';
  /** The `prev.index` that did not match. */
  readonly rejected: number;
  /** The last position here that could match: nothing between it and `rejected` can (§5.3). */
  readonly hint: Position;
}

export interface Heartbeat extends Addressed {
  readonly type: 'heartbeat';
  /** Counts the leader's heartbeats within its term, so that an old answer proves nothing new. */
  readonly round: number;
  /** Never beyond what the follower is known to have. */
  readonly commit: number;
  /** Nothing is going on: the follower may stop its clock until it hears something. */
  readonly quiet: boolean;
}

export interface HeartbeatReply extends Addressed {
  readonly type: 'heartbeat-reply';
  readonly round: number;
}

/** Lets a leader or candidate of an earlier term know; else one that cannot win could be stuck. */
export interface StaleTerm extends Addressed {
  readonly type: 'stale-term';
}

/** "Stand for election at once" (§3.10 of the thesis). */
export interface TimeoutNow extends Addressed {
  readonly type: 'timeout-now';
  /** The index that the heir's log must have reached. */
  readonly last: number;
}

export interface Read extends Addressed {
  readonly type: 'read';
  readonly context: number;
}

export interface ReadReply extends Addressed {
  readonly type: 'read-reply';
  readonly context: number;
  readonly index: number;
}

/** What a snapshot is. Its bytes are the driver's, who finds them by `id`. */
export interface Snapshot extends Position {
  /** Never used for other bytes, on any node. */
  readonly id: string;
  readonly bytes: number;
  /** As of `index`. */
  readonly configuration: Configuration;
}

/** "You need this. How much of it do you have?" Begins a transfer, and takes up a broken one. */
export interface SnapshotOffer extends Addressed {
  readonly type: 'snapshot-offer';
  readonly snapshot: Snapshot;
}

export interface SnapshotChunk extends Addressed {
  readonly type: 'snapshot-chunk';
  readonly id: string;
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface SnapshotStatus extends Addressed {
  readonly type: 'snapshot-status';
  readonly id: string;
  /** How many bytes, from the start, are here. */
  readonly offset: number;
  /** Something was missing: go on from `offset`. */
  readonly resend: boolean;
}

/** "My log is good, and what I had made of it is lost: offer me a snapshot." */
export interface SnapshotRequest extends Addressed {
  readonly type: 'snapshot-request';
  /** Its index must be this one or a later one, behind which the log goes on. */
  readonly least: number;
}

/** Whether only who leads the term says so. */
export function isFromLeader({ type }: Message): boolean {
  return (
    type === 'append' ||
    type === 'heartbeat' ||
    type === 'snapshot-offer' ||
    type === 'snapshot-chunk'
  );
}
