import type { GroupSettings } from './group-settings.ts';

/** A node that takes part, by its name; never that of a node whose disk was lost. */
export type NodeId = string;

/**
 * One group of nodes that agree on one sequence of commands, seen from one of them. Every node of
 * the group gives the same commands in the same order to a state machine of its own.
 *
 * Engines differ in how they come to agree, which `capabilities` says; what is promised here holds
 * for all of them, and `@troupe/consensus/conformance` checks it:
 *
 * - A command whose `propose` resolved is applied on every node, once, at the same index, and stays
 *   so whatever fails, as long as a majority of disks does not.
 * - An error with `executed: 'no'` means that the command never was and never will be applied.
 * - A linearizable read sees all that was applied, on any node, before it began.
 */
export interface Consensus<R = unknown> extends AsyncDisposable {
  readonly group: string;
  readonly capabilities: Capabilities;

  /**
   * Appends `command` to the sequence and resolves when this node has applied it. Any node will do:
   * one that does not lead passes it on. Where it certainly did not take effect it is tried again,
   * within the deadline; where nobody can know, it is not.
   * @param command owned by the group from now on; at most `commandBytesMax` bytes
   * @throws {DeadlineExceeded} executed: unknown, or no where it was never taken by a leader
   * @throws {NotLeader} executed: no; only with `forward: false`
   * @throws {OutcomeUnknown} executed: unknown; it is, or is not, among what this node skipped
   * @throws {Overloaded} executed: no
   * @throws {Cancelled} as `signal` says; executed: no where it had not left yet
   * @throws {GroupClosed} this node stopped meanwhile
   * @throws {CommandTooLarge} executed: no
   * @throws {BadOption} when the command is no bytes, or an option makes no sense
   */
  propose(command: Uint8Array, options?: ProposeOptions): Promise<Applied<R>>;

  /**
   * Resolves when this node's state machine is so far that it may answer: query it then, in the
   * same turn. Nothing is ever executed by a read, so all its errors say `executed: 'no'`.
   * @throws {BadOption} when an option makes no sense
   * @throws {NotLeader} on a witness, which has nothing to answer with; ask the node that it names
   * @throws {DeadlineExceeded}
   * @throws {Overloaded}
   * @throws {Cancelled}
   * @throws {GroupClosed}
   */
  read(options?: ReadOptions): Promise<ReadPoint>;

  /** Who takes part, by what this node knows. */
  members(): Members;

  /**
   * Changes who takes part, in one step as far as anybody can see. Who is added without `as` does
   * not count before it has caught up: resolves when it is a voter, and till then nobody waits for
   * it. All else resolves when the old members and the new have agreed on it.
   * @throws {ChangeRefused} executed: no
   * @throws {NotLeader} executed: no; ask the leader that it names
   * @throws {DeadlineExceeded} executed: unknown; whoever it names has not caught up, and becomes a
   *   voter once it has, or is removed again
   * @throws {GroupClosed}
   */
  changeMembers(changes: readonly MemberChange[], options?: ChangeOptions): Promise<Members>;

  /**
   * Hands the lead from this node to `to`, a voter; resolves when somebody else leads. Only who
   * leads can: call it on the node that `NotLeader`, or `status()`, names.
   * @throws {NotLeader} executed: no; its `leader` is who leads, by what this node knows
   * @throws {ChangeRefused} executed: no; `to` cannot lead
   * @throws {DeadlineExceeded} executed: unknown; this node may lead on
   */
  transferLeadership(to: NodeId, options?: RequestOptions): Promise<void>;

  /**
   * Makes a snapshot of this node's state machine now, and shortens the log accordingly. Not
   * needed in daily life: it is done whenever the log has become long. Where a snapshot of another
   * member is about to be restored, it waits for that.
   * @returns the newest one, where nothing was applied since
   * @throws {NothingApplied} when nothing was applied at all
   * @throws {DiskFull} and nothing has changed
   */
  snapshot(): Promise<SnapshotInfo>;

  /**
   * Changes how this node takes part, from now on; what is not named stays as it is. Forgotten by
   * a restart, for which there are the options of the same names.
   * @throws {BadOption} and nothing has changed: a value makes no sense
   */
  configure(settings: Partial<GroupSettings>): void;

  status(): GroupStatus;

  /**
   * Tells the present leader and members first, then what changes, until `signal` aborts or the
   * group stops. A slow reader misses states in between, never the latest.
   */
  events(signal: AbortSignal): AsyncIterable<ConsensusEvent>;

  /** Takes no more part, on this node. Whoever still waits is told `GroupClosed`. */
  stop(): Promise<void>;
}

/** What an engine can do, for those who have to choose, or to refuse. */
export interface Capabilities {
  /** `raft`, for example: for people, not to be compared. */
  readonly engine: string;
  /** `joint`: any change at once. `single`: one voter at a time. `external`: not from here. */
  readonly membership: 'joint' | 'single' | 'external';
  /** Whether `lease` reads are anything else than linearizable ones here. */
  readonly leaseReads: boolean;
  /** `best-effort`: something acknowledged may be lost or seen in two orders. */
  readonly safety: 'linearizable' | 'best-effort';
}

export interface RequestOptions {
  /** Milliseconds from now, for all attempts together. Default: 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ProposeOptions extends RequestOptions {
  /** Pass the command on where this node does not lead. Default: true. */
  readonly forward?: boolean;
}

export interface ChangeOptions extends RequestOptions {
  /**
   * The members that the caller has seen, or a part of that: if they are others by now, nothing is
   * changed, so that of two who both replace a dead member one is told. Default: whatever they are.
   */
  readonly expected?: Partial<Pick<Members, 'voters' | 'learners' | 'witnesses'>>;
}

/** A command has been applied here. */
export interface Applied<R> {
  /** Its place in the sequence. Later commands have a greater one; not every number is used. */
  readonly index: number;
  /** Grows with every change of leader. */
  readonly epoch: number;
  /** What this node's state machine made of it. */
  readonly result: R;
}

export interface ReadOptions extends RequestOptions {
  /**
   * `linearizable`: all that was applied anywhere before. `lease`: the same without asking others,
   * right only while clocks run at about the same speed; linearizable where leases are not allowed.
   * `stale`: what happens to be here, at once. Default: `linearizable`.
   */
  readonly consistency?: 'linearizable' | 'lease' | 'stale';
}

export interface ReadPoint {
  /** All up to here is applied; more may be. */
  readonly index: number;
}

export interface Members {
  readonly voters: readonly NodeId[];
  /** Receive everything and do not count, yet or for ever. */
  readonly learners: readonly NodeId[];
  /** Those voters that keep no commands: they count, and never lead. */
  readonly witnesses: readonly NodeId[];
  /** A change is under way: more than these are asked for their consent. */
  readonly isChanging: boolean;
}

/**
 * `candidate` becomes a voter by itself once it has caught up; `learner` never does. A `voter`
 * counts at once: a group of one that adds one which is not there has no majority any more.
 */
export type MemberKind = 'voter' | 'candidate' | 'learner' | 'witness';

/** `add` also changes what a member is. Default of `as`: a candidate, which is waited for. */
export type MemberChange =
  | { readonly add: NodeId; readonly as?: MemberKind }
  | { readonly remove: NodeId };

export interface SnapshotInfo {
  readonly index: number;
  readonly epoch: number;
  readonly bytes: number;
}

/** One group on this node, for people and for metrics. */
export interface GroupStatus {
  readonly group: string;
  readonly node: NodeId;
  readonly role: 'leader' | 'candidate' | 'follower';
  readonly leader: NodeId | undefined;
  readonly epoch: number;
  /** The first index that is still in the log here, and the last. */
  readonly first: number;
  readonly last: number;
  /** How far the log is on this node's disk. */
  readonly durable: number;
  /** Agreed on, by what this node knows. */
  readonly committed: number;
  readonly applied: number;
  readonly members: Members;
  /** Those of them whom this node has heard since an election takes, itself included. */
  readonly reachable: readonly NodeId[];
  /** Those that have said meanwhile that they run, and have not opened the group. */
  readonly absent: readonly NodeId[];
  /**
   * Some of its entries were lost with a damaged disk: this node has no vote here, until its peers
   * have made that good.
   */
  readonly isDamaged: boolean;
  /**
   * Its state is lost with a snapshot that cannot be read, and a peer has been asked for another:
   * nothing is applied here until that comes, so reads wait.
   */
  readonly awaitsState: boolean;
  /** The disk of this node is full: it takes no commands, neither as a leader nor from one. */
  readonly isFull: boolean;
  /** Nothing happens, so nothing is said; see `quietAfterMs`. */
  readonly isQuiet: boolean;
  /** Proposals and reads that wait for an answer on this node. */
  readonly waiting: number;
}

export type ConsensusEvent =
  | { readonly kind: 'leader'; readonly leader: NodeId | undefined; readonly epoch: number }
  | { readonly kind: 'members'; readonly members: Members }
  /** A snapshot was made here, or came from another node in place of what was missing. */
  | {
      readonly kind: 'snapshot';
      readonly origin: 'made' | 'received';
      readonly snapshot: SnapshotInfo;
    }
  /**
   * A snapshot of this node, which another one needed, is not on its disk as it was written. It is
   * offered no more, and another is made of the state. Look after the disk.
   */
  | { readonly kind: 'unreadable'; readonly snapshot: SnapshotInfo }
  /** A node has fallen so many entries behind, or has caught up: 0. A leader tells of all nodes. */
  | { readonly kind: 'lag'; readonly node: NodeId; readonly behind: number }
  /** This node has stopped taking part, since it could no longer do so safely. */
  | { readonly kind: 'fatal'; readonly error: Error };
