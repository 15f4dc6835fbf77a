import { errorOf } from '@troupe/actor/internal';
import {
  type AppendRecord,
  BadMessage,
  type ChunkRequest,
  type ChunkStore,
  Disqualified,
  type Entry,
  type Fetch,
  type Raft,
  type Ready,
  type Snapshot,
  type Status,
} from '@troupe/raft';
import { Applier } from './applier.ts';
import { Changes } from './changes.ts';
import type {
  Applied,
  Capabilities,
  ChangeOptions,
  Consensus,
  ConsensusEvent,
  GroupStatus,
  MemberChange,
  Members,
  NodeId,
  ProposeOptions,
  ReadOptions,
  ReadPoint,
  RequestOptions,
  SnapshotInfo,
} from './consensus.ts';
import { CommitNews } from './commit-news.ts';
import { FoundedApart, GroupClosed, NotLeader } from './errors.ts';
import { Feed } from './feed.ts';
import { isOfAnotherGroup } from './founded-apart.ts';
import { coreSettings, type GroupSettings } from './group-settings.ts';
import { groupStatusOf, heirOf } from './group-status.ts';
import type { GroupHost, Hosted } from './hosted.ts';
import { Lag, type LagLimits } from './lag.ts';
import { membersOf } from './members.ts';
import type { Absent, Packet } from './packet.ts';
import { Presence } from './presence.ts';
import { type ProposalLimits, Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { checkRequest } from './request.ts';
import { SnapshotMaker } from './snapshot-maker.ts';
import { SnapshotPieces } from './snapshot-pieces.ts';
import type { SnapshotLimits, Snapshots } from './snapshots.ts';
import { whyStalled } from './stalled.ts';
import type { StateMachine } from './state-machine.ts';
import type { Lane } from './wire.ts';

export interface GroupLimits extends ProposalLimits, SnapshotLimits, LagLimits {}

export interface GroupParts<R> {
  readonly name: string;
  readonly raft: Raft;
  readonly machine: StateMachine<R>;
  readonly snapshots: Snapshots;
  readonly limits: GroupLimits;
  readonly leaseReads: boolean;
}

/** One group on this node: the core, its state machine, and those who wait for either. */
export class Group<R> implements Consensus<R>, Hosted {
  readonly group: string;
  readonly capabilities: Capabilities;
  readonly #host: GroupHost;
  readonly #raft: Raft;
  readonly #applier: Applier<R>;
  readonly #pieces: SnapshotPieces;
  readonly #maker: SnapshotMaker;
  readonly #proposals: Proposals<R>;
  readonly #reads: Reads;
  readonly #changes: Changes;
  readonly #feed = new Feed();
  readonly #lag: Lag;
  /** What readers of events have been told. */
  #told: {
    leader: NodeId | undefined;
    epoch: number;
    members: Status['configuration'] | undefined;
  };
  readonly #news = new CommitNews();
  #inbox: Exclude<Packet, Absent>[] = [];
  readonly #presence: Presence;
  #isDamaged: boolean;
  #isServing = false;
  #hasEnded = false;
  /** Why it has, where nobody asked for it. */
  #cause: Error | undefined;

  constructor(host: GroupHost, parts: GroupParts<R>) {
    const { name, raft, limits, leaseReads } = parts;
    const { env, node, store } = host;
    const at = { group: name, env, why: () => whyStalled(this.status()) };
    this.group = name;
    this.capabilities = {
      engine: 'raft',
      membership: 'joint',
      leaseReads,
      safety: 'linearizable',
    };
    this.#host = host;
    this.#presence = new Presence(node);
    this.#raft = raft;
    this.#isDamaged = raft.status.damaged;
    const hasEnded = (): boolean => this.#hasEnded;
    const send = (packet: Packet): void => host.send(this, packet);
    this.#applier = new Applier<R>({
      ...parts,
      group: name,
      store,
      later: (work, goOn) => this.#later(work, goOn),
      applied: (entry, result) => this.#applied(entry, result),
      restored: (snapshot) => this.#restored(snapshot),
      reached: (index) => this.#reached(index),
      hasEnded,
    });
    this.#pieces = new SnapshotPieces({ ...at, node, store, send, hasEnded });
    this.#maker = new SnapshotMaker({ ...at, ...parts, node, feed: this.#feed, hasEnded });
    this.#proposals = new Proposals({ ...at, node, send }, limits);
    this.#reads = new Reads(at);
    this.#changes = new Changes(at);
    this.#lag = new Lag(this.#feed, limits.lagEntries);
    this.#told = { leader: undefined, epoch: 0, members: undefined };
  }

  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied<R>> {
    return this.#ask(() => {
      this.#refuseWitness();
      return this.#proposals.add(command, options);
    });
  }

  read(options: ReadOptions = {}): Promise<ReadPoint> {
    const { consistency = 'linearizable' } = options;
    return this.#ask(() => {
      checkRequest(options);
      this.#refuseWitness();
      if (consistency !== 'stale') return this.#reads.add(consistency, options);
      return Promise.resolve({ index: this.#raft.appliedIndex });
    });
  }

  members(): Members {
    return membersOf(this.#raft.configuration);
  }

  changeMembers(changes: readonly MemberChange[], options: ChangeOptions = {}): Promise<Members> {
    return this.#ask(() => this.#changes.change(changes, options));
  }

  transferLeadership(to: NodeId, options: RequestOptions = {}): Promise<void> {
    return this.#ask(() => this.#changes.transfer(to, options));
  }

  snapshot(): Promise<SnapshotInfo> {
    return this.#ask(() => this.#snapshot());
  }

  configure(settings: Partial<GroupSettings>): void {
    this.#raft.configure(coreSettings(settings, this.#host.tickMs));
    this.#wake();
  }

  status(): GroupStatus {
    const waiting = this.#proposals.size + this.#reads.size;
    const { status } = this.#raft;
    return { ...groupStatusOf(this.group, status), ...this.#presence.of(status), waiting };
  }

  get isWaitedFor(): boolean {
    return this.#proposals.size + this.#reads.size + this.#changes.size > 0;
  }

  events(signal: AbortSignal): AsyncIterable<ConsensusEvent> {
    return this.#feed.read(signal);
  }

  stop(): Promise<void> {
    this.#end(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  tick(ticks: number): void {
    const now = this.#host.env.now();
    this.#presence.tick(ticks);
    this.#raft.tick(ticks);
    // Of thousands in which nothing happens, none costs anything.
    if (this.#raft.isQuiet && this.#proposals.size + this.#reads.size === 0) return;
    this.#proposals.tick(now);
    this.#reads.tick(ticks, now);
    this.#changes.expire(now);
    this.#lag.look(this.#raft.status);
    this.#wake();
  }

  receive(packet: Packet): void {
    this.#presence.note(packet);
    if (packet.type === 'absent') return;
    this.#inbox.push(packet);
    this.#wake();
  }

  broke(peer: NodeId): void {
    this.#raft.unreachable(peer);
    this.#proposals.onBroken(peer);
    this.#wake();
  }

  unsent(peer: NodeId, lane: Lane): void {
    if (lane !== 'bulk') return; // Heartbeats and votes come again.
    this.#raft.unreachable(peer);
    this.#proposals.onUnsent(peer);
    this.#wake();
  }

  shorten(): void {
    const isUrgent = this.#raft.status.full;
    this.#later(
      this.#applier.whenIdle(() => this.#maker.shorten({ isUrgent })),
      () => this.#wake(),
    );
  }

  full(isFull: boolean): void {
    this.#raft.diskFull(isFull);
    this.#proposals.full(isFull);
    this.#wake();
    if (isFull) this.shorten();
  }

  unreachable(peer: NodeId): void {
    this.#raft.unreachable(peer);
    this.#wake();
  }

  async handOver(options: RequestOptions): Promise<void> {
    const heir = heirOf(this.#raft.status, this.#host.env);
    if (heir === undefined) return;
    try {
      await this.transferLeadership(heir, options);
    } catch (error) {
      const { group } = this;
      this.#host.env.log.info({ group, heir, error }, 'the lead was not handed over');
    }
  }

  work(turn: number): void {
    if (this.#hasEnded) return;
    try {
      for (const packet of this.#inbox.splice(0)) this.#take(packet);
      this.#changes.submit(this.#raft);
      this.#proposals.submit(this.#raft);
      this.#reads.submit(this.#raft);
      this.#carryOut(this.#raft.ready(), turn);
      this.#tell(this.#raft);
    } catch (error) {
      this.fail(error);
    }
  }

  saved(record: AppendRecord): void {
    if (this.#hasEnded) return;
    for (const message of record.messages) this.#host.send(this, message);
    this.#raft.appended(record.token);
    this.#wake();
  }

  fail(cause: unknown): void {
    if (this.#hasEnded) return;
    const error = errorOf(cause);
    this.#host.env.log.error({ group: this.group, error }, 'a group has failed on this node');
    this.#feed.tell({ kind: 'fatal', error });
    this.#end(error);
  }

  #take(packet: Exclude<Packet, Absent>): void {
    if (packet.type === 'forward') return this.#proposals.onForward(this.#raft, packet);
    if (packet.type === 'forwarded') return this.#proposals.onForwarded(packet);
    const isOfAnother = isOfAnotherGroup(this.#raft, this.#host.node, packet);
    try {
      this.#raft.step(packet);
    } catch (error) {
      if (error instanceof BadMessage) return this.#host.complain(this, packet, error.message);
      if (!isOfAnother || error instanceof Disqualified) throw error; // Which is a better reason.
    }
    // Nothing of what the core has taken is saved, or said to anybody.
    if (isOfAnother) throw new FoundedApart(this.group, this.#host.node, packet.from);
  }

  #carryOut(ready: Ready, turn: number): void {
    const { messages, append, reads, apply, fetches, chunks, stores, snapshotWanted } = ready;
    for (const message of this.#news.pass(messages, turn)) this.#host.send(this, message);
    if (!this.#news.isEmpty) this.#host.wakeLater(this);
    if (append !== undefined) this.#host.save(this, append);
    if (reads.length > 0) {
      for (const read of reads) this.#reads.answered(read, this.#raft.appliedIndex);
    }
    if (apply !== undefined) this.#applier.apply(apply);
    for (const fetch of fetches) this.#fetch(fetch);
    for (const request of chunks) this.#sendPiece(request);
    for (const chunk of stores) this.#save(chunk);
    if (snapshotWanted > 0) this.#serve(snapshotWanted);
  }

  /** A member lacks entries that are not in memory any more. */
  #fetch({ from, to, bytesMax }: Fetch): void {
    this.#later(this.#host.store.read(this.group, { from, to, bytesMax }), (entries) => {
      this.#raft.fetched(from, entries);
      this.#wake();
    });
  }

  /** Somebody needs a snapshot: the core says so in each turn until there is a new one. */
  #serve(least: number): void {
    if (this.#isServing) return;
    this.#isServing = true;
    this.#later(
      this.#applier.whenIdle(() => this.#maker.makeFor(least)),
      (isNew) => {
        this.#isServing = false;
        if (isNew) this.#wake(); // Or where none can be made one turn would follow the other.
      },
    );
  }

  #sendPiece(request: ChunkRequest): void {
    const { snapshot } = request;
    this.#later(this.#pieces.send(request), (isSent) => {
      const isNeeded = this.#raft.snapshotsInUse.has(snapshot.id);
      if (isSent || !isNeeded) return; // Or it is gone since nobody needs it any more.
      this.#raft.unreadable(snapshot.id);
      this.#maker.unreadable(snapshot);
      this.#serve(snapshot.index); // Before a restart finds that there is none.
      this.#wake();
    });
  }

  /** By hand: what comes in place of the state is waited for. Automatic ones come again. */
  async #snapshot(): Promise<SnapshotInfo> {
    for (;;) {
      await this.#maker.whenRestored();
      const made = await this.#applier.whenIdle(async () => {
        return this.#maker.isToRestore ? undefined : this.#maker.make(); // Or another has come.
      });
      if (made !== undefined) return made;
    }
  }

  #save(chunk: ChunkStore): void {
    this.#later(this.#pieces.save(chunk), () => {
      this.#raft.stored(chunk.snapshot.id, chunk.offset + chunk.data.length);
      this.#wake();
    });
  }

  /** The state is that of a snapshot, and what led to it has been skipped. */
  #restored(snapshot: Snapshot): void {
    this.#proposals.skippedTo(snapshot);
    this.#changes.skippedTo(snapshot);
    this.#reached(snapshot.index);
    this.#later(this.#maker.received(snapshot), () => {});
  }

  #applied(entry: Entry, result: R | undefined): void {
    this.#proposals.applied(entry, result);
    if (entry.kind !== 'command') this.#changes.applied(entry);
  }

  #reached(index: number): void {
    this.#raft.applied(index);
    this.#reads.applied(index);
    this.#later(this.#maker.makeIfDue(index), () => {});
    this.#wake();
  }

  #tell({ leader, term: epoch, configuration, damaged }: Raft): void {
    if (this.#isDamaged && !damaged) {
      this.#host.env.log.info({ group: this.group }, 'what was lost of a group is made good');
      this.#later(this.#host.store.healed(this.group), () => {});
    }
    this.#isDamaged = damaged;
    if (leader !== this.#told.leader || epoch !== this.#told.epoch) {
      this.#feed.tell({ kind: 'leader', leader, epoch });
      if (leader !== undefined && leader !== this.#host.node) this.#changes.succeeded();
    }
    if (configuration !== this.#told.members) {
      this.#feed.tell({ kind: 'members', members: membersOf(configuration) });
    }
    this.#told = { leader, epoch, members: configuration };
  }

  /** Nothing is applied on a witness, so there is no result, and nothing to read. */
  #refuseWitness(): void {
    const { configuration, leader } = this.#raft;
    if (!configuration.witnesses.includes(this.#host.node)) return;
    throw new NotLeader(this.group, leader);
  }

  #ask<T>(add: () => Promise<T>): Promise<T> {
    if (this.#hasEnded) {
      const { group } = this;
      return Promise.reject(new GroupClosed(group, 'no', this.#cause && { cause: this.#cause }));
    }
    try {
      const answer = add();
      this.#wake();
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Goes on with what `work` comes to; whatever goes wrong there is the group's end. */
  #later<T>(work: Promise<T>, goOn: (value: T) => void): void {
    work
      .then((value) => {
        if (!this.#hasEnded) goOn(value);
      })
      .catch((error: unknown) => this.fail(error));
  }

  #end(cause: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#cause = cause;
    this.#proposals.close(cause);
    this.#reads.close(cause);
    this.#changes.close(cause);
    this.#maker.wake();
    this.#feed.close();
    this.#host.ended(this);
  }

  #wake(): void {
    this.#host.wake(this);
  }
}
