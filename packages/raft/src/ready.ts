import type { Entry, NodeId } from './entry.ts';
import type { Message, Snapshot } from './message.ts';

/**
 * What a node wants done. The parts may be done at the same time, and in any order, but for what
 * `append` says: its record must be on disk *before* its messages leave. The driver owns what it
 * gets; entries are shared and must not be changed.
 */
export interface Ready {
  /** May leave at once. Losing some does no harm. */
  readonly messages: readonly Message[];
  readonly append: AppendRecord | undefined;
  readonly apply: Apply | undefined;
  /** Answers to `read`, in no particular order. */
  readonly reads: readonly ReadResult[];
  /** Entries to be read from the log on disk, and handed to `fetched`. */
  readonly fetches: readonly Fetch[];
  /** Pieces of snapshots to be read and sent, each as `chunkMessage` makes it. */
  readonly chunks: readonly ChunkRequest[];
  /** Pieces of a snapshot that have arrived, to be written, and told to `stored`. */
  readonly stores: readonly ChunkStore[];
  /**
   * A member needs a snapshot of this index or a later one, and there is none: make one when so
   * much is applied, and `compact`. 0: nobody does.
   */
  readonly snapshotWanted: number;
}

/** The part of the state that must survive, beside the log (Figure 2). */
export interface HardState {
  readonly term: number;
  readonly votedFor: NodeId | undefined;
  /** Saved when something else is: a restart may find less, and catches up. */
  readonly commit: number;
}

/**
 * One record of the one ordered stream that the disk holds: all of it, or nothing, and never a
 * later one without it. Order within: the snapshot replaces the log, entries follow it.
 */
export interface AppendRecord {
  /** Tell `appended(token)` once this record, and with it every earlier one, is on disk. */
  readonly token: number;
  readonly hardState: HardState | undefined;
  /** Complete, and in place of the whole log: the log goes on behind it. */
  readonly snapshot: Snapshot | undefined;
  /** Replace whatever is on disk at or behind the index of the first one. */
  readonly entries: readonly Entry[];
  /** False: nothing is lost if this record is; write it with the next. */
  readonly mustSync: boolean;
  /** Leave once this record is on disk, and not before. */
  readonly messages: readonly Message[];
}

/** Work for the state machine; tell `applied` when it is done. There is one at a time. */
export type Apply =
  | {
      readonly kind: 'entries';
      readonly from: number;
      readonly to: number;
      /** `undefined` when they are no longer in memory: read `from` … `to` from the log on disk. */
      readonly entries: readonly Entry[] | undefined;
    }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot };

export type ReadResult =
  /** The state machine may answer once it has applied `index`. */
  | { readonly context: number; readonly outcome: 'at'; readonly index: number }
  /** This node has lost its leadership first. Nothing was read: ask again. */
  | { readonly context: number; readonly outcome: 'lost' };

/** Read at least one entry, and then no more than `bytesMax` bytes of them. */
export interface Fetch {
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
}

export interface ChunkRequest {
  readonly to: NodeId;
  readonly term: number;
  readonly snapshot: Snapshot;
  readonly offset: number;
  readonly bytes: number;
}

export interface ChunkStore {
  readonly snapshot: Snapshot;
  /** 0: whatever else was on its way is given up. */
  readonly offset: number;
  readonly data: Uint8Array;
}
