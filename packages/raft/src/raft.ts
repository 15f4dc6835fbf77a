import { clone } from './clone.ts';
import { compact, snapshotAt, snapshotsInUse } from './compaction.ts';
import { type Change, type Configuration, isAs, isElectable, membersOf } from './configuration.ts';
import { onApplied, onAppended, takeAppend, takeApply } from './disk.ts';
import { campaign } from './election.ts';
import { bytesOf, type Entry, type NodeId } from './entry.ts';
import { changeMembers, obstacleToChange } from './membership.ts';
import type { Message, Snapshot } from './message.ts';
import { checkMessage } from './message-check.ts';
import { changedSettings, type RaftOptions, type Settings } from './options.ts';
import { send } from './outbox.ts';
import { addOwn } from './own-log.ts';
import { stir } from './quiet.ts';
import { drawPatience, isLed } from './role.ts';
import { addRead, startReadRound } from './reads.ts';
import type { Ready } from './ready.ts';
import { onFetched, onUnreachable, replicateAll } from './replication.ts';
import { askForSnapshot, onStored } from './snapshot-receiver.ts';
import { onUnreadable } from './snapshot-sender.ts';
import { initialState } from './start.ts';
import { configurationOf, emptyOutbox, isDamaged, isReluctant, type State } from './state.ts';
import { type Status, statusOf } from './status.ts';
import { step } from './step.ts';
import { tick } from './tick.ts';
import { beginTransfer } from './transfer.ts';

/** Why something was not taken. It had, and will have, no effect; try again as the reason says. */
export type Refusal =
  /** Ask `leader`, or later when nobody is known to lead. */
  | 'not-leader'
  /** The leadership is being handed over. Ask the next leader. */
  | 'transferring'
  /** A bound is reached: wait until something is committed or answered. */
  | 'overloaded'
  /** The disk is full: wait, make room, or let another lead. */
  | 'disk-full'
  /** The command is longer than `commandBytesMax`. */
  | 'too-large'
  /** Another change of members is under way. */
  | 'change-pending'
  /** The leader is so new that it cannot know of a change under way. */
  | 'term-not-settled'
  /** The members are not those that the caller has seen. */
  | 'other-members'
  /** The request makes no sense; `problem` says why. */
  | 'invalid';

export interface Refused {
  readonly accepted: false;
  readonly reason: Refusal;
  readonly leader: NodeId | undefined;
  readonly problem: string | undefined;
}

/** Accepted is not committed: it happened when the entry at `last` is applied with this `term`. */
export type Proposed =
  | {
      readonly accepted: true;
      readonly first: number;
      readonly last: number;
      readonly term: number;
    }
  | Refused;

export type Taken = { readonly accepted: true } | Refused;

/**
 * One node of one group. Give it what happens, then do what `ready()` returns; it never waits,
 * never looks at a clock, and never does anything by itself.
 * @see Ongaro & Ousterhout 2014, and Ongaro's thesis; DESIGN.md tells where this deviates.
 */
export class Raft {
  #self: State;

  /** @throws {RangeError} when an option makes no sense, or the disk contradicts itself */
  constructor(options: RaftOptions) {
    this.#self = initialState(options);
  }

  /** Goes on from what `dump` returned, exactly as the node that it was taken from would have. */
  static from(dump: State): Raft {
    const raft = new Raft({ id: dump.id, voters: [], seed: 1 });
    raft.#self = clone(dump);
    return raft;
  }

  /** All that this node knows, as plain data of its own. */
  dump(): State {
    return clone(this.#self);
  }

  get status(): Status {
    return statusOf(this.#self);
  }

  /** Nothing happens, and no time passes; see `quietTicks`. The same as in `status`. */
  get isQuiet(): boolean {
    return this.#self.quiet;
  }

  /** Parts of `status` that drivers ask for in every turn, for which all of it is too much. */
  get term(): number {
    return this.#self.term;
  }

  get leader(): NodeId | undefined {
    return this.#self.leader;
  }

  get appliedIndex(): number {
    return this.#self.applied;
  }

  get damaged(): boolean {
    return isDamaged(this.#self);
  }

  get configuration(): Configuration {
    return configurationOf(this.#self);
  }

  /**
   * Time passes.
   * @param ticks more than one when the driver was late, so that no lease outlives a pause
   */
  tick(ticks = 1): void {
    tick(this.#self, ticks);
  }

  /**
   * Takes a message from a peer and owns it from then on.
   * @throws {BadMessage} and nothing has changed
   */
  step(message: Message): void {
    checkMessage(message);
    if (message.to === this.#self.id) step(this.#self, message);
  }

  /**
   * Stands for election without waiting for the timeout; but with `leaseReads`, not while a leader
   * may count on this node's keeping quiet.
   */
  campaign(): void {
    const self = this.#self;
    const isPromised = self.settings.leaseReads && isLed(self);
    stir(self);
    if (self.role !== 'leader' && !isPromised) campaign(self);
  }

  /** Appends commands, all or none, in their order. Their bytes belong to the log from now on. */
  propose(commands: readonly Uint8Array[]): Proposed {
    const self = this.#self;
    stir(self);
    const { leading, settings } = self;
    if (leading === undefined) return this.#refuse('not-leader');
    // Behind its own removal it writes nothing: whoever has that has everything, and can succeed.
    const isLeaving = !isElectable(configurationOf(self), self.id);
    if (isLeaving || leading.transfer !== undefined) return this.#refuse('transferring');
    if (self.full) return this.#refuse('disk-full');
    if (commands.length === 0) return this.#refuse('invalid', 'there is no command');
    if (commands.some((data) => data.length > settings.commandBytesMax)) {
      return this.#refuse('too-large');
    }
    const first = self.log.last + 1;
    const entries = commands.map((data, at): Entry => {
      return { kind: 'command', index: first + at, term: self.term, data };
    });
    const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), leading.uncommittedBytes);
    // One batch always fits when nothing waits, or a large one could never be accepted.
    if (leading.uncommittedBytes > 0 && bytes > settings.uncommittedBytesMax) {
      return this.#refuse('overloaded');
    }
    addOwn(self, entries);
    return { accepted: true, first, last: self.log.last, term: self.term };
  }

  /**
   * Asks for an index such that a state machine that has applied it may answer a linearizable
   * read. The answer comes in `Ready.reads`, on this node, with the same `context`; on a follower
   * it may get lost on the way, so ask again after a while, with another context.
   * @param context a number that no other read of this node has, of this or an earlier life
   * @param lease trust the clocks instead of asking a quorum, where the settings allow it
   */
  read(context: number, { lease = false }: { readonly lease?: boolean } = {}): Taken {
    const self = this.#self;
    stir(self);
    if (self.role === 'leader') {
      const taken = addRead(self, { context, from: self.id, lease });
      return taken === 'taken' ? { accepted: true } : this.#refuse(taken);
    }
    if (configurationOf(self).witnesses.includes(self.id)) {
      return this.#refuse('invalid', 'a witness has nothing to read');
    }
    if (self.leader === undefined) return this.#refuse('not-leader');
    send(self, { type: 'read', to: self.leader, context });
    return { accepted: true };
  }

  /**
   * Changes the members, by way of a joint configuration where that is necessary.
   * @param expected the members that the caller has seen, or a part of what it has seen of them:
   *   if they are others by now, nothing is changed. Default: whatever they are.
   */
  changeMembers(
    changes: readonly Change[],
    { expected = {} }: { readonly expected?: Partial<Configuration> } = {},
  ): Proposed {
    const self = this.#self;
    stir(self);
    if (self.leading === undefined) return this.#refuse('not-leader');
    // One that hands over because it must may find nobody, and other members are the way out.
    const isTransferring = self.leading.transfer !== undefined && !isReluctant(self);
    if (isTransferring) return this.#refuse('transferring');
    if (!isAs(configurationOf(self), expected)) return this.#refuse('other-members');
    const obstacle = obstacleToChange(self);
    if (obstacle !== undefined) return this.#refuse(obstacle);
    const index = changeMembers(self, changes);
    if (typeof index === 'string') return this.#refuse('invalid', index);
    return { accepted: true, first: index, last: index, term: self.term };
  }

  /** Hands the leadership to `to`, which must be a voter; given up after `electionTicks`. */
  transfer(to: NodeId): Taken {
    const self = this.#self;
    stir(self);
    if (self.leading === undefined) return this.#refuse('not-leader');
    if (self.leading.transfer !== undefined) return this.#refuse('transferring');
    if (beginTransfer(self, to)) return { accepted: true };
    return this.#refuse('invalid', `'${to}' cannot lead`);
  }

  /** The records up to `token` are on disk. Order does not matter: a later one speaks for all. */
  appended(token: number): void {
    onAppended(this.#self, token);
  }

  /** The state machine has done what `Ready.apply` said, up to `index`. */
  applied(index: number): void {
    onApplied(this.#self, index);
  }

  /** Entries that `Ready.fetches` asked for; none when they are no longer on disk. */
  fetched(from: number, entries: readonly Entry[]): void {
    onFetched(this.#self, from, entries);
  }

  /** The pieces of the incoming snapshot `id` are written, and synced, up to `offset`. */
  stored(id: string, offset: number): void {
    onStored(this.#self, id, offset);
  }

  /**
   * The disk is full, or has room again. A full node takes no commands, neither as a leader nor
   * from one; it votes, and writes what the group cannot do without, for which the driver keeps a
   * reserve. It leads only where nobody else does. Forgotten by a restart. At first: false.
   */
  diskFull(isFull: boolean): void {
    stir(this.#self);
    this.#self.full = isFull;
  }

  /**
   * The state machine has lost its state, and this node's own snapshot is no good, but its log is.
   * Gets one from the leader, which comes as `Ready.apply` and is then to be given to `compact`;
   * nothing is applied until then. Ask again after a restart. Where the log goes back to the
   * beginning, all of it is applied again instead.
   */
  requestSnapshot(): Taken {
    const self = this.#self;
    stir(self);
    const isAtWork = self.applying > self.applied;
    if (isAtWork) return this.#refuse('invalid', 'the state machine is at work');
    const isAlone = membersOf(configurationOf(self)).size < 2;
    if (self.log.base.index > 0 && isAlone) return this.#refuse('invalid', 'nobody has another');
    self.applied = 0;
    self.applying = 0;
    // What has come of it before is what is no good now: the same is to be sent again, all of it.
    if (self.incoming?.snapshot.id === self.snapshot?.id) self.incoming = undefined;
    self.snapshot = undefined;
    self.restoring = undefined;
    self.bereft = self.log.base.index > 0;
    askForSnapshot(self);
    return { accepted: true };
  }

  /**
   * What was read of the snapshot `id` is not what was written, while the state machine lives. It
   * is offered to nobody any more: `Ready.snapshotWanted` asks for another where somebody needs it,
   * which may be of the same index.
   */
  unreadable(id: string): void {
    onUnreadable(this.#self, id);
  }

  /**
   * Changes settings from now on. Those that are not named stay as they are.
   * @throws {RangeError} and nothing has changed: they make no sense, or leases rest on them
   */
  configure(settings: Partial<Settings>): void {
    const self = this.#self;
    self.settings = changedSettings(self.settings, settings);
    drawPatience(self);
    stir(self);
  }

  /** The link to `id` broke. Wakes a quiet group, if that was its leader. */
  unreachable(id: NodeId): void {
    if (this.#self.leading !== undefined || this.#self.leader === id) stir(this.#self);
    onUnreachable(this.#self, id);
  }

  /** Describes a snapshot that the driver has made of the state machine at `index`. */
  snapshotAt(made: {
    readonly id: string;
    readonly index: number;
    readonly bytes: number;
  }): Snapshot {
    return snapshotAt(this.#self, made);
  }

  /**
   * `snapshot` is on disk; the log before it is no longer needed.
   * @param keepEntries how many entries before it to keep, for those who are a little behind
   * @returns the first index that must be kept
   */
  compact(snapshot: Snapshot, { keepEntries = 0 }: { readonly keepEntries?: number } = {}): number {
    return compact(this.#self, snapshot, keepEntries);
  }

  /** The ids of the snapshots that must not be deleted. */
  get snapshotsInUse(): ReadonlySet<string> {
    return snapshotsInUse(this.#self);
  }

  /** What there is to do. Ask after every input, or after a batch of them: a turn's work is one. */
  ready(): Ready {
    const self = this.#self;
    if (self.role === 'leader') {
      startReadRound(self);
      replicateAll(self);
    }
    const append = takeAppend(self);
    const apply = takeApply(self);
    const { messages, reads, fetches, chunks, stores, snapshotWanted } = self.out;
    self.out = emptyOutbox();
    return { messages, append, apply, reads, fetches, chunks, stores, snapshotWanted };
  }

  #refuse(reason: Refusal, problem?: string): Refused {
    return { accepted: false, reason, leader: this.#self.leader, problem };
  }
}
