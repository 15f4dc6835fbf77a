import type { Env } from '@troupe/actor';
import {
  type AppendRecord,
  type Apply,
  BadMessage,
  chunkMessage,
  type ChunkRequest,
  type ChunkStore,
  type Entry,
  type Fetch,
  type Raft,
  type Ready,
  type Status,
} from '@troupe/raft';
import { Changes } from './changes.ts';
import type {
  Applied,
  Capabilities,
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
import { GroupClosed, NotLeader } from './errors.ts';
import { Feed } from './feed.ts';
import { Lag, type LagLimits } from './lag.ts';
import { membersOf } from './members.ts';
import { DiskFull } from './log-errors.ts';
import type { LogStore } from './log-store.ts';
import type { Packet } from './packet.ts';
import { type ProposalLimits, Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { SnapshotMaker } from './snapshot-maker.ts';
import { infoOf, type SnapshotLimits, type Snapshots } from './snapshots.ts';
import type { Command, StateMachine } from './state-machine.ts';
import type { Lane } from './wire.ts';

/** How long a disk that had no room for a piece of a snapshot is left alone. */
const ROOM_AGAIN_MS = 1_000;

export interface GroupLimits extends ProposalLimits, SnapshotLimits, LagLimits {}

/** A group as the node that it is on sees it. */
export interface Hosted extends Consensus {
  /** Time has passed: `ticks` of it. */
  tick(ticks: number): void;
  /** A member said something; looked at in the next turn. */
  receive(packet: Packet): void;
  /** The line to `peer` broke: what was sent may be lost. */
  broke(peer: NodeId): void;
  /** What was sent to `peer` on `lane` since it last broke has never left. */
  unsent(peer: NodeId, lane: Lane): void;
  /**
   * One turn's work: what has been asked for goes into the core, what comes out is begun.
   * @param turn counts turns; in one of them there may be work more than once
   */
  work(turn: number): void;
  /** The record is on disk. */
  saved(record: AppendRecord): void;
  /** Nothing can be trusted any more on this node: the group takes no more part. */
  fail(cause: unknown): void;
  /** Room is short, and the log of this group takes some. */
  shorten(): void;
  /** The disk is full, or has room again. */
  full(isFull: boolean): void;
  /** `peer` is gone, as others say: nothing is to be expected of it. */
  unreachable(peer: NodeId): void;
  /** If this node leads, it hands the lead to whoever is most ready for it. */
  handOver(options: RequestOptions): Promise<void>;
}

/** What a group needs of the node that it is on. */
export interface GroupHost {
  readonly node: NodeId;
  readonly env: Env;
  readonly store: LogStore;
  /** There is something to do: `work` is called in this turn or the next. */
  wake(group: Hosted): void;
  /** There will be: `work` is called in the next turn. */
  wakeLater(group: Hosted): void;
  /** Saves `record` together with those of other groups; `saved` is called when it is on disk. */
  save(group: Hosted, record: AppendRecord): void;
  /** `packet` is none that a peer of ours would send. */
  complain(group: Hosted, packet: Packet, reason: string): void;
  /** Leaves at the end of this round, or of the next turn. */
  send(group: Hosted, packet: Packet): void;
  /** The group takes part no more. */
  ended(group: Hosted): void;
}

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
  readonly #machine: StateMachine<R>;
  readonly #snapshots: Snapshots;
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
  #inbox: Packet[] = [];
  readonly #maker: SnapshotMaker;
  /** What the state machine is at, where that takes time. */
  #applying: Promise<unknown> | undefined;
  /** Pieces of a snapshot are saved one after the other. */
  #storing: Promise<void> = Promise.resolve();
  #isDamaged: boolean;
  #isFull = false;
  #hasEnded = false;

  constructor(host: GroupHost, parts: GroupParts<R>) {
    const { name, raft, machine, snapshots, limits, leaseReads } = parts;
    const at = { group: name, env: host.env };
    this.group = name;
    this.capabilities = {
      engine: 'raft',
      membership: 'joint',
      leaseReads,
      safety: 'linearizable',
    };
    this.#host = host;
    this.#raft = raft;
    this.#isDamaged = raft.status.damaged;
    this.#machine = machine;
    this.#snapshots = snapshots;
    this.#maker = new SnapshotMaker({
      ...at,
      ...parts,
      feed: this.#feed,
      hasEnded: () => this.#hasEnded,
    });
    const send = (packet: Packet): void => host.send(this, packet);
    this.#proposals = new Proposals({ ...at, node: host.node, send }, limits);
    this.#reads = new Reads(at);
    this.#changes = new Changes(at);
    this.#lag = new Lag(this.#feed, limits.lagEntries);
    this.#told = { leader: undefined, epoch: 0, members: undefined };
  }

  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied<R>> {
    return this.#ask(() => {
      const { witnesses } = this.#raft.configuration;
      if (!witnesses.includes(this.#host.node)) return this.#proposals.add(command, options);
      throw new NotLeader(this.group, this.#raft.leader); // Nothing is applied here.
    });
  }

  read(options: ReadOptions = {}): Promise<ReadPoint> {
    const { consistency = 'linearizable' } = options;
    return this.#ask(() => {
      if (consistency !== 'stale') return this.#reads.add(consistency, options);
      return Promise.resolve({ index: this.#raft.appliedIndex });
    });
  }

  members(): Members {
    return membersOf(this.#raft.configuration);
  }

  changeMembers(changes: readonly MemberChange[], options: RequestOptions = {}): Promise<Members> {
    return this.#ask(() => this.#changes.change(changes, options));
  }

  transferLeadership(to: NodeId, options: RequestOptions = {}): Promise<void> {
    return this.#ask(() => this.#changes.transfer(to, options));
  }

  snapshot(): Promise<SnapshotInfo> {
    return this.#ask(() => this.#whenIdle(() => this.#maker.make()));
  }

  status(): GroupStatus {
    const status = this.#raft.status;
    return {
      group: this.group,
      node: this.#host.node,
      role: roleOf(status),
      leader: status.leader,
      epoch: status.term,
      first: status.base.index + 1,
      last: status.last.index,
      durable: status.durable,
      committed: status.commit,
      applied: status.applied,
      members: membersOf(status.configuration),
      isDamaged: status.damaged,
      isQuiet: status.quiet,
      waiting: this.#proposals.size + this.#reads.size,
    };
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
    this.#later(
      this.#whenIdle(() => this.#maker.shorten({ isUrgent: this.#isFull })),
      () => this.#wake(),
    );
  }

  full(isFull: boolean): void {
    this.#isFull = isFull;
    this.#proposals.full(isFull);
    this.#wake();
    if (!isFull) return;
    this.shorten();
    void this.handOver({});
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
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#host.env.log.error({ group: this.group, error }, 'a group has failed on this node');
    this.#feed.tell({ kind: 'fatal', error });
    this.#end(error);
  }

  #take(packet: Packet): void {
    if (packet.type === 'forward') return this.#proposals.onForward(this.#raft, packet);
    if (packet.type === 'forwarded') return this.#proposals.onForwarded(packet);
    try {
      this.#raft.step(packet);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#host.complain(this, packet, error.message);
    }
  }

  #carryOut(ready: Ready, turn: number): void {
    const { messages, append, reads, apply, fetches, chunks, stores } = ready;
    for (const message of this.#news.pass(messages, turn)) this.#host.send(this, message);
    if (!this.#news.isEmpty) this.#host.wakeLater(this);
    if (append !== undefined) this.#host.save(this, append);
    if (reads.length > 0) {
      for (const read of reads) this.#reads.answered(read, this.#raft.appliedIndex);
    }
    if (apply !== undefined) this.#apply(apply);
    for (const fetch of fetches) this.#fetch(fetch);
    for (const request of chunks) this.#sendChunk(request);
    for (const chunk of stores) this.#storeChunk(chunk);
  }

  /** A member lacks entries that are not in memory any more. */
  #fetch({ from, to, bytesMax }: Fetch): void {
    this.#later(this.#host.store.read(this.group, { from, to, bytesMax }), (entries) => {
      this.#raft.fetched(from, entries);
      this.#wake();
    });
  }

  #sendChunk(request: ChunkRequest): void {
    const { snapshot, offset, bytes } = request;
    const reading = this.#host.store.readSnapshot(this.group, snapshot.id, { offset, bytes });
    this.#later(reading, (data) => {
      // One that is gone is offered again, or a newer one is.
      if (data === undefined) return;
      this.#host.send(this, chunkMessage(this.#host.node, request, data));
    });
  }

  #storeChunk(chunk: ChunkStore): void {
    this.#storing = this.#storing.then(() => this.#whenThereIsRoom(chunk));
    this.#later(this.#storing, () => {
      this.#raft.stored(chunk.snapshot.id, chunk.offset + chunk.data.length);
      this.#wake();
    });
  }

  /** The sender waits for what it has sent to be stored, so it can wait here too. */
  async #whenThereIsRoom(chunk: ChunkStore): Promise<void> {
    for (;;) {
      try {
        return await this.#host.store.storeChunk(this.group, chunk);
      } catch (error) {
        if (!(error instanceof DiskFull) || this.#hasEnded) throw error;
        await new Promise<void>((resolve) => this.#host.env.setTimer(ROOM_AGAIN_MS, resolve));
      }
    }
  }

  #apply(apply: Apply): void {
    if (apply.kind === 'snapshot') {
      const { snapshot } = apply;
      return this.#later(this.#snapshots.install(this.#raft, snapshot, this.#machine), () => {
        this.#proposals.skippedTo(snapshot.index);
        this.#changes.skippedTo(snapshot.index);
        this.#feed.tell({ kind: 'snapshot', origin: 'received', snapshot: infoOf(snapshot) });
        this.#applied(snapshot.index);
      });
    }
    if (apply.entries !== undefined) return this.#applyEntries(apply.entries, apply.to);
    this.#applyFromDisk(apply.from, apply.to);
  }

  /** A disk gives as much at a time as it likes to. */
  #applyFromDisk(from: number, to: number): void {
    this.#later(this.#host.store.read(this.group, { from, to }), (entries) => {
      if (entries.length === 0) throw new Error(`entry ${from} is not on disk any more`);
      this.#applyEntries(entries, to);
    });
  }

  /** @param to where this work ends; what is missing up to there is read from the disk */
  #applyEntries(entries: readonly Entry[], to: number): void {
    const commands = entries.flatMap((entry): Command[] => {
      const { kind, index, term: epoch } = entry;
      return kind === 'command' ? [{ index, epoch, data: entry.data }] : [];
    });
    const results = commands.length === 0 ? [] : this.#machine.apply(commands);
    if (results instanceof Promise) {
      this.#applying = results;
      this.#later(results, (awaited) => {
        this.#applying = undefined;
        this.#answer(entries, awaited, to);
      });
    } else this.#answer(entries, results, to);
  }

  #answer(entries: readonly Entry[], results: readonly R[], to: number): void {
    const expected = entries.filter(({ kind }) => kind === 'command').length;
    if (results.length !== expected) {
      throw new TypeError(
        `the state machine gave ${results.length} results for ${expected} commands: one each`,
      );
    }
    let at = 0;
    for (const entry of entries) {
      this.#proposals.applied(entry, entry.kind === 'command' ? results[at++] : undefined);
      if (entry.kind !== 'command') this.#changes.applied(entry);
    }
    const last = entries.at(-1)?.index ?? to;
    this.#applied(last);
    if (last < to) this.#applyFromDisk(last + 1, to);
  }

  #applied(index: number): void {
    this.#raft.applied(index);
    this.#reads.applied(index);
    this.#later(this.#maker.makeIfDue(index), () => {});
    this.#wake();
  }

  /** Calls `run` when the state machine is not at work, so that its state is that of an index. */
  async #whenIdle<T>(run: () => Promise<T>): Promise<T> {
    while (this.#applying !== undefined) await this.#applying.catch(() => {});
    return run();
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

  #ask<T>(add: () => Promise<T>): Promise<T> {
    if (this.#hasEnded) return Promise.reject(new GroupClosed(this.group, 'no'));
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
    this.#proposals.close(cause);
    this.#reads.close(cause);
    this.#changes.close(cause);
    this.#feed.close();
    this.#host.ended(this);
  }

  #wake(): void {
    this.#host.wake(this);
  }
}

function roleOf({ role }: Status): GroupStatus['role'] {
  return role === 'leader' || role === 'follower' ? role : 'candidate';
}

/** A voter with the longest log, by chance; undefined where nobody has to be found. */
function heirOf({ id, role, configuration, members }: Status, env: Env): NodeId | undefined {
  if (role !== 'leader') return undefined;
  const { voters, witnesses } = configuration;
  const able = members.filter((member) => {
    return member.id !== id && voters.includes(member.id) && !witnesses.includes(member.id);
  });
  const match = Math.max(...able.map((member) => member.match));
  const best = able.filter((member) => member.match === match);
  return best[Math.floor(env.random() * best.length)]?.id;
}
