import { type Configuration, isElectable } from './configuration.ts';
import { assert } from './errors.ts';
import type { NodeId } from './entry.ts';
import type { Log } from './log.ts';
import type { Message, Snapshot } from './message.ts';
import type { ConfigurationAt, Settings } from './options.ts';
import type { Progress } from './progress.ts';
import type { ChunkRequest, ChunkStore, Fetch, HardState, ReadResult } from './ready.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/**
 * All that a node knows: plain data, so that a copy of it is a complete reproduction. The files of
 * this package are functions over it; `Raft` is their one door.
 */
export interface State {
  readonly id: NodeId;
  settings: Settings;
  term: number;
  votedFor: NodeId | undefined;
  role: Role;
  leader: NodeId | undefined;
  log: Log;
  /** The latest complete snapshot on disk, or on its way there. */
  snapshot: Snapshot | undefined;
  /**
   * The configurations in the log, oldest first; the last one is in force. The first is that of
   * the snapshot, or of the start, so there is always one to go back to.
   */
  configurations: ConfigurationAt[];
  commit: number;
  applied: number;
  /** Where the state machine will be once it has done what it was given. */
  applying: number;
  /** State of the random generator. */
  random: number;
  /** Ticks since the start. */
  tick: number;
  /** When a leader was last heard. Within `electionTicks` of it nobody else gets a vote. */
  heardTick: number;
  /** From when on the patience of `timeoutTicks` is counted. */
  timerTick: number;
  timeoutTicks: number;
  /** The clock stands still until something is heard. */
  quiet: boolean;
  /** Of this election, or of the asking before it. */
  votes: Map<NodeId, boolean>;
  leading: Leading | undefined;
  incoming: Incoming | undefined;
  disk: Disk;
  /** A damaged node is whole when its disk has an entry of this term, or a later one; 0: it is. */
  wholeFrom: number;
  /** The disk has room for what a node cannot do without, and for nothing else. */
  full: boolean;
  /** The state machine has lost its state: nothing is applied until a snapshot has come. */
  bereft: boolean;
  /** A snapshot that came for the state machine alone: the log has all that it stands for. */
  restoring: Snapshot | undefined;
  out: Outbox;
}

/** What only a leader knows. It is gone when the leadership is. */
export interface Leading {
  readonly progress: Map<NodeId, Progress>;
  /** The entry that the term began with. Until it is committed, nobody knows what was (§8). */
  readonly termStart: number;
  uncommittedBytes: number;
  heartbeatTick: number;
  /** The last round of heartbeats. */
  round: number;
  /** When each recent round left, oldest first. */
  rounds: { readonly round: number; readonly tick: number }[];
  reads: PendingRead[];
  transfer: Transfer | undefined;
  /** An heir was told to stand: it may do so at any time, so no lease holds in this term again. */
  leaseVoid: boolean;
  /** Since when nothing has happened. */
  idleTick: number;
  /** The first heartbeat that told the others to be quiet; 0 when none has. */
  quietRound: number;
}

export interface PendingRead {
  readonly context: number;
  /** Who asked; this node itself, or a follower. */
  readonly from: NodeId;
  /** What was committed when it was asked; unknown until the term's first entry is committed. */
  index: number | undefined;
  /** Confirmed by an answer of a quorum to this round of heartbeats, or a later one. */
  round: number | undefined;
}

export interface Transfer {
  readonly to: NodeId;
  readonly tick: number;
  isTold: boolean;
}

/** A snapshot on its way here. */
export interface Incoming {
  readonly snapshot: Snapshot;
  /** Bytes that have come in, and bytes that are written. */
  received: number;
  stored: number;
}

export interface Disk {
  token: number;
  /** Records that the disk has not answered, oldest first. */
  pending: PendingAppend[];
  /** What the last record said. */
  hardState: HardState;
  /** The first entry that no record has carried, or that has replaced one which was. */
  unsavedFrom: number;
  unsavedBytes: number;
  installing: Snapshot | undefined;
  /** Wait for the next record. */
  messages: Message[];
}

export interface PendingAppend {
  readonly token: number;
  /** The log ended here when it was written; less, if that has been truncated since. */
  last: number;
  readonly bytes: number;
  readonly tick: number;
  readonly hardState: HardState;
}

export interface Outbox {
  messages: Message[];
  reads: ReadResult[];
  fetches: Fetch[];
  chunks: ChunkRequest[];
  stores: ChunkStore[];
  snapshotWanted: number;
}

export function emptyOutbox(): Outbox {
  return { messages: [], reads: [], fetches: [], chunks: [], stores: [], snapshotWanted: 0 };
}

/** The configuration in force: the latest in the log, committed or not (§6). */
export function configurationOf(self: State): Configuration {
  return latestConfiguration(self).configuration;
}

export function latestConfiguration({ configurations }: State): ConfigurationAt {
  const latest = configurations.at(-1);
  assert(latest !== undefined, 'there is always a configuration');
  return latest;
}

/**
 * May this node stand for election? Also one whose own removal is in its log, until that is
 * committed: nobody else may have that log, and then nobody else could win (thesis §4.2.2).
 */
export function mayStand(self: State): boolean {
  const { id, commit, configurations } = self;
  if (isDamaged(self)) return false;
  const uncommitted = configurations.findIndex(({ index }) => index > commit);
  const from = uncommitted === -1 ? -1 : Math.max(0, uncommitted - 1);
  return configurations.slice(from).some(({ configuration }) => isElectable(configuration, id));
}

/**
 * Whether this disk may lack what others count on it to have. Until it has an entry that is newer
 * than its every promise, and with it all that was committed before, its vote could elect
 * somebody who lacks the same.
 */
export function isDamaged({ wholeFrom }: State): boolean {
  return wholeFrom > 0;
}

/** Whether others can serve better than this node: it leads only where nobody else does. */
export function isReluctant({ full, bereft }: State): boolean {
  return full || bereft;
}

/** The configuration in force at `index`, which is not older than the oldest known. */
export function configurationAt({ configurations }: State, index: number): Configuration {
  const found = configurations.findLast((each) => each.index <= index);
  assert(found !== undefined, `no configuration is known for ${index}`);
  return found.configuration;
}

/** @throws {BrokenInvariant} on a node that does not lead */
export function leadingOf(self: State): Leading {
  assert(self.leading !== undefined, `${self.id} does not lead`);
  return self.leading;
}

/** Marsaglia 2003, "Xorshift RNGs": the next number in 0 … `below` - 1. */
export function randomBelow(self: State, below: number): number {
  let x = self.random;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  self.random = x;
  return Math.floor(((x >>> 0) / 2 ** 32) * below);
}
