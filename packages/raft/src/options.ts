import type { Configuration } from './configuration.ts';
import type { Entry, NodeId, Position } from './entry.ts';
import type { Snapshot } from './message.ts';
import type { HardState } from './ready.ts';

export interface RaftOptions extends Partial<Settings> {
  /** This node's name. Never reused after its disk was lost: it would have forgotten its votes. */
  readonly id: NodeId;
  /** The voters of a new group, the same on each of them. Empty for a node that is to be added. */
  readonly voters: readonly NodeId[];
  /** Fixes every random choice, an integer. Give each node another one. */
  readonly seed: number;
  /** What is on disk. Absent on the first start. */
  readonly durable?: Durable;
}

/** What a node finds on its disk when it starts again. */
export interface Durable {
  readonly hardState: HardState;
  /** The latest snapshot that is complete, if there is one. */
  readonly snapshot?: Snapshot;
  /** The position before the first entry. At or before the snapshot's. */
  readonly base: Position;
  /** From `base.index + 1` on, without gaps. Read once, kept as far as `recentBytesMax` says. */
  readonly entries: Iterable<Entry>;
  /** How far the state machine, as it stands now, has got. At least the snapshot's index. */
  readonly applied: number;
  /** A snapshot of which a part has arrived, so that the rest is enough. */
  readonly incoming?: { readonly snapshot: Snapshot; readonly offset: number };
  /**
   * Some of what was on disk is unreadable: `entries` end before it, and `hardState` is as it was.
   * Such a node neither votes nor leads until its peers have made good the loss; say so at every
   * start until `Status.damaged` is false again. Where the hard state may be lost as well, give
   * the node a new name instead. Default: false.
   */
  readonly damaged?: boolean;
}

/**
 * Ticks are the only time there is; how long one takes is the driver's choice. `Raft.configure`
 * changes all of these while the node runs, but for those that leases rest on where there are any.
 */
export interface Settings {
  /**
   * Ticks without a word of a leader after which a follower may stand for election; the real
   * number is drawn anew from once to twice this. Also the time in which a leader that cannot
   * reach a quorum, or whose disk does not answer, resigns. Default: 10.
   */
  readonly electionTicks: number;
  /** Ticks between heartbeats, well below `electionTicks`. Default: 1. */
  readonly heartbeatTicks: number;
  /**
   * Ask before raising the term. Without it, only one who was refused for its term asks.
   * Default: true.
   */
  readonly preVote: boolean;
  /** 0 stands for election first; each step more waits `electionTicks` longer. Default: 0. */
  readonly priority: number;
  /**
   * Allow `read(context, { lease: true })`: an answer without a round to the others, right only
   * while no clock is slower or faster than `leaseMarginTicks` allow. Default: false.
   */
  readonly leaseReads: boolean;
  /** By how much a lease is shorter than `electionTicks`. Default: 2. */
  readonly leaseMarginTicks: number;
  /**
   * Idle ticks after which a group falls silent: no heartbeats, no elections, until something
   * happens or `unreachable` tells of the leader's node. 0: never. Default: 0.
   */
  readonly quietTicks: number;
  /** One command, at most, in bytes. Default: 1 MiB. */
  readonly commandBytesMax: number;
  /** Entries of one message, in bytes; a larger entry travels alone. Default: 256 KiB. */
  readonly messageBytesMax: number;
  /** Entries of one message. Default: 1,024. */
  readonly messageEntriesMax: number;
  /** Messages with entries on the way to one follower. Default: 256. */
  readonly inflightMessagesMax: number;
  /** Their bytes. Default: 4 MiB. */
  readonly inflightBytesMax: number;
  /** Entries of a leader that are not committed, in bytes. Default: 64 MiB. */
  readonly uncommittedBytesMax: number;
  /** Entries of a follower that are not on disk, in bytes; more are not taken. Default: 64 MiB. */
  readonly unsavedBytesMax: number;
  /** Entries kept in memory although they are committed and on disk, in bytes. Default: 64 MiB. */
  readonly recentBytesMax: number;
  /** Entries of one `Ready.apply`, in bytes. Default: 1 MiB. */
  readonly applyBytesMax: number;
  /** Records that the disk has not answered; what comes meanwhile is one more. Default: 16. */
  readonly appendsMax: number;
  /** Reads that wait for confirmation. Default: 4,096. */
  readonly readsMax: number;
  /** Messages that wait for `ready()` or the disk; more are lost. Default: 4,096. */
  readonly messagesMax: number;
  /** Bytes of one piece of a snapshot. Default: 256 KiB. */
  readonly chunkBytes: number;
  /** Pieces of a snapshot on the way to one follower. Default: 4. */
  readonly chunksMax: number;
}

const defaults: Settings = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  priority: 0,
  leaseReads: false,
  leaseMarginTicks: 2,
  quietTicks: 0,
  commandBytesMax: 2 ** 20,
  messageBytesMax: 256 * 2 ** 10,
  messageEntriesMax: 1_024,
  inflightMessagesMax: 256,
  inflightBytesMax: 4 * 2 ** 20,
  uncommittedBytesMax: 64 * 2 ** 20,
  unsavedBytesMax: 64 * 2 ** 20,
  recentBytesMax: 64 * 2 ** 20,
  applyBytesMax: 2 ** 20,
  appendsMax: 16,
  readsMax: 4_096,
  messagesMax: 4_096,
  chunkBytes: 256 * 2 ** 10,
  chunksMax: 4,
};

const mayBeZero = new Set<string>(['priority', 'leaseMarginTicks', 'quietTicks']);

/**
 * `changes` over `before`.
 * @throws {RangeError} when a setting makes no sense, by itself or beside the others
 */
export function settingsOf(changes: Partial<Settings>, before: Settings = defaults): Settings {
  const settings = { ...before };
  for (const name of Object.keys(defaults) as (keyof Settings)[]) {
    if (changes[name] !== undefined) Object.assign(settings, { [name]: changes[name] });
    const value = settings[name];
    if (typeof value === 'boolean') continue;
    const least = mayBeZero.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} is ${value}: give an integer of at least ${least}`);
    }
  }
  const { electionTicks, heartbeatTicks, leaseMarginTicks } = settings;
  if (heartbeatTicks >= electionTicks) {
    throw new RangeError(
      `heartbeatTicks is ${heartbeatTicks}: give less than electionTicks, ${electionTicks}`,
    );
  }
  if (leaseMarginTicks >= electionTicks) {
    throw new RangeError(
      `leaseMarginTicks is ${leaseMarginTicks}: give less than electionTicks, ${electionTicks}`,
    );
  }
  return settings;
}

/** What a leader with a lease counts on, of every voter and since before it led. */
const ofLeases = ['leaseReads', 'electionTicks', 'leaseMarginTicks'] as const;

/**
 * The settings of a node that goes on running.
 * @throws {RangeError} when they make no sense, or somebody may count on what would change
 */
export function changedSettings(before: Settings, changes: Partial<Settings>): Settings {
  const settings = settingsOf(changes, before);
  const changed = ofLeases.find((name) => settings[name] !== before[name]);
  if (changed !== undefined && (before.leaseReads || settings.leaseReads)) {
    throw new RangeError(
      `${changed} is ${before[changed]}, and leases rest on it: ` +
        'stop all nodes of the group to change it',
    );
  }
  return settings;
}

/** The configuration at a place in the log. */
export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}
