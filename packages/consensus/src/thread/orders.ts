import type {
  Capabilities,
  ChangeOptions,
  ConsensusEvent,
  GroupStatus,
  MemberChange,
  Members,
  NodeId,
  ReadOptions,
  SnapshotInfo,
} from '../consensus.ts';
import type { EngineStatus } from '../engine.ts';
import type { GroupOptions } from '../group-options.ts';
import type { GroupSettings } from '../group-settings.ts';

/** One opening of one group, by a number that no other has; groups may be opened again. */
export type GroupNumber = number;

/** What of a group's options is data. */
export type OpeningOptions = Omit<GroupOptions<never>, 'machine'>;

/** An error as `errorToWire` describes it. */
export type ToldError = readonly unknown[];

export type ToldEvent =
  | Exclude<ConsensusEvent, { readonly kind: 'fatal' }>
  | { readonly kind: 'fatal'; readonly error: ToldError };

/** What a group is asked for that takes time; proposals and reads have orders of their own. */
export type Ask =
  | {
      readonly kind: 'change';
      readonly changes: readonly MemberChange[];
      readonly expected: ChangeOptions['expected'];
    }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  | { readonly kind: 'snapshot' };

/** What comes of it, by its kind. */
export interface Answers {
  readonly change: Members;
  readonly transfer: void;
  readonly snapshot: SnapshotInfo;
}

/** What the main loop tells the thread. `at`: the group that it is about. */
export type Order =
  | {
      readonly kind: 'open';
      readonly at: GroupNumber;
      readonly options: OpeningOptions;
      readonly machine: { readonly name: string | undefined; readonly version: number };
    }
  /** Commands as `packProposals` puts them together; numbered from `first` on. */
  | {
      readonly kind: 'propose';
      readonly at: GroupNumber;
      readonly first: number;
      readonly commands: Uint8Array;
      /** The numbers of those that may be given up. */
      readonly cancellable: readonly number[];
    }
  /** Any number of reads that want the same: one answer does for all. */
  | {
      readonly kind: 'read';
      readonly at: GroupNumber;
      readonly id: number;
      readonly options: Omit<ReadOptions, 'signal'>;
    }
  | {
      readonly kind: 'ask';
      readonly at: GroupNumber;
      readonly id: number;
      readonly ask: Ask;
      readonly timeoutMs: number | undefined;
    }
  /** Whoever waits for it does so no more. */
  | {
      readonly kind: 'cancel-proposal' | 'cancel-read' | 'cancel';
      readonly at: GroupNumber;
      readonly id: number;
    }
  /** A piece of the snapshot that was wanted; its last one is followed by `snapshot-done`. */
  | SnapshotPiece<'snapshot-piece'>
  | SnapshotEnd<'snapshot-done'>
  | SnapshotEnd<'restored'>
  /** The state machine is done with so many bytes. */
  | { readonly kind: 'taken'; readonly bytes: number }
  | {
      readonly kind: 'configure';
      readonly at: GroupNumber;
      readonly settings: Partial<GroupSettings>;
    }
  | { readonly kind: 'stop-group'; readonly at: GroupNumber }
  | { readonly kind: 'unreachable'; readonly node: NodeId }
  | { readonly kind: 'hand-over'; readonly id: number; readonly timeoutMs: number | undefined }
  /** The main loop runs: the answer to a `beat`. */
  | { readonly kind: 'beat' }
  | { readonly kind: 'stop' };

/** Those that somebody gives who uses a group. */
export type GroupOrder = Extract<
  Order,
  {
    readonly kind:
      | 'propose'
      | 'read'
      | 'ask'
      | 'cancel-proposal'
      | 'cancel-read'
      | 'cancel'
      | 'configure'
      | 'stop-group';
  }
>;

/** What the thread tells the main loop. What is about the state machine is in order. */
export type News =
  | {
      readonly kind: 'opened';
      readonly at: GroupNumber;
      readonly capabilities: Capabilities;
      readonly status: GroupStatus;
    }
  | { readonly kind: 'not-opened'; readonly at: GroupNumber; readonly error: ToldError }
  /** Commands as `packCommands` puts them together. */
  | { readonly kind: 'apply'; readonly at: GroupNumber; readonly commands: Uint8Array }
  /** All up to there has been told, other entries than commands included. */
  | { readonly kind: 'applied'; readonly at: GroupNumber; readonly index: number }
  /** Triples: the number of a proposal, its index and its epoch. */
  | { readonly kind: 'settled'; readonly at: GroupNumber; readonly places: Float64Array }
  | {
      readonly kind: 'refused';
      readonly at: GroupNumber;
      readonly proposal: number;
      readonly error: ToldError;
    }
  | {
      readonly kind: 'read';
      readonly at: GroupNumber;
      readonly id: number;
      readonly index: number;
    }
  | {
      readonly kind: 'answer';
      readonly at: GroupNumber;
      readonly id: number;
      readonly value: Answers[keyof Answers];
    }
  | {
      readonly kind: 'read-failed' | 'failed';
      readonly at: GroupNumber;
      readonly id: number;
      readonly error: ToldError;
    }
  | { readonly kind: 'event'; readonly at: GroupNumber; readonly event: ToldEvent }
  | { readonly kind: 'status'; readonly at: GroupNumber; readonly status: GroupStatus }
  /** A snapshot of what has been applied by then is wanted. */
  | { readonly kind: 'snapshot'; readonly at: GroupNumber; readonly id: number }
  /** One more piece may come. */
  | { readonly kind: 'snapshot-more'; readonly at: GroupNumber; readonly id: number }
  /** Nobody wants the rest. */
  | { readonly kind: 'snapshot-drop'; readonly at: GroupNumber; readonly id: number }
  | {
      readonly kind: 'restore';
      readonly at: GroupNumber;
      readonly id: number;
      readonly version: number;
      readonly index: number;
    }
  | SnapshotPiece<'restore-piece'>
  | SnapshotEnd<'restore-end'>
  | { readonly kind: 'ended'; readonly at: GroupNumber }
  | { readonly kind: 'handed-over'; readonly id: number }
  | { readonly kind: 'beat'; readonly status: EngineStatus }
  | { readonly kind: 'stopped'; readonly error: ToldError | undefined };

interface SnapshotPiece<K extends string> {
  readonly kind: K;
  readonly at: GroupNumber;
  readonly id: number;
  readonly piece: Uint8Array;
}

interface SnapshotEnd<K extends string> {
  readonly kind: K;
  readonly at: GroupNumber;
  readonly id: number;
  /** Why the rest of it could not be read, or be taken in. */
  readonly error: ToldError | undefined;
}
