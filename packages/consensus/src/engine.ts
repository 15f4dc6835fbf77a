import { type Env, processEnv, type Timer } from '@troupe/actor';
import { type AppendRecord, Raft } from '@troupe/raft';
import type { Consensus, NodeId, RequestOptions } from './consensus.ts';
import type { Driver } from './driver.ts';
import { GroupAlreadyOpen, GroupClosed } from './errors.ts';
import { Group } from './group.ts';
import { checkedLimits, checkTickMs, type GroupOptions } from './group-options.ts';
import { coreSettings } from './group-settings.ts';
import type { GroupHost, Hosted } from './hosted.ts';
import type { GroupRecord, LogStore } from './log-store.ts';
import { FrameReader } from './frame-reader.ts';
import { MemoryStore } from './memory-store.ts';
import { Outbox } from './outbox.ts';
import type { Packet } from './packet.ts';
import { SparingLog } from './sparing-log.ts';
import { Snapshots } from './snapshots.ts';
import { Strays } from './strays.ts';
import type { Wire } from './wire.ts';

const TICK_MS = 30;
/** Those who ask for a group that is not here are told so this often. */
const ANSWERED_TICKS = 5;
/** How often a turn asks for more to do before it lets the event loop have its way. */
const ROUNDS_MAX = 16;

export interface EngineOptions {
  /** This node's name in all its groups. Default: `local`, which does for a node by itself. */
  readonly node?: NodeId;
  readonly env?: Env;
  /**
   * Where groups are saved; the engine owns it, and closes it. Default: in memory, which is lost
   * with the process.
   */
  readonly store?: LogStore;
  /** How other nodes are reached; the engine opens and closes it. Default: there are none. */
  readonly wire?: Wire;
  /**
   * Milliseconds of a tick, which is how often leaders say that they are there; 10 to 20 ticks
   * without a word make an election. Default: 30.
   */
  readonly tickMs?: number;
}

/** All groups of a node together, for people and for metrics; what is counted, since its start. */
export interface EngineStatus {
  readonly node: NodeId;
  readonly groups: number;
  /** The disk has no room, so no commands are taken by groups that this node leads. */
  readonly isFull: boolean;
  /** Frames that never left, since a peer was not there, or did not read as fast as was written. */
  readonly droppedFrames: number;
  /** Messages of peers that made no sense. */
  readonly refusedMessages: number;
  /** Messages of groups that this node takes no part in, yet or any more. */
  readonly strayMessages: number;
}

/**
 * What runs groups on this node: one clock, one log, one turn for all of them. Whatever has come
 * since the last turn is one batch: one step of each group, one write for all.
 */
export class Engine implements Driver {
  readonly node: NodeId;
  readonly #env: Env;
  readonly #tickMs: number;
  readonly #store: LogStore;
  readonly #wire: Wire | undefined;
  readonly #outbox: Outbox | undefined;
  #opening: Promise<void> | undefined;
  readonly #groups = new Map<string, Hosted>();
  /** Names of groups that are being opened. */
  readonly #begun = new Set<string>();
  readonly #host: GroupHost;
  #awake = new Set<Hosted>();
  #awakeNext = new Set<Hosted>();
  #turns = 0;
  #unsaved: { readonly group: Hosted; readonly record: AppendRecord }[] = [];
  #timer: Timer | undefined;
  #lastTickAt: number;
  readonly #log: SparingLog;
  /** Messages of peers that made no sense. */
  #refused = 0;
  /** Those of groups that this node takes no part in. */
  readonly #strays: Strays;
  #isFull = false;
  #isTurnDue = false;
  #isInTurn = false;
  #hasStopped = false;

  constructor(options: EngineOptions = {}) {
    const { node = 'local', env = processEnv(), tickMs = TICK_MS } = options;
    const { store = new MemoryStore(), wire } = options;
    checkTickMs(tickMs);
    this.node = node;
    this.#env = env;
    this.#log = new SparingLog(env);
    this.#tickMs = tickMs;
    this.#strays = new Strays(tickMs * ANSWERED_TICKS);
    this.#lastTickAt = env.now();
    this.#store = store;
    this.#wire = wire;
    this.#outbox = wire && new Outbox(wire);
    store.watch({
      full: (isFull) => this.#full(isFull),
      pinned: (group) => this.#groups.get(group)?.shorten(),
    });
    this.#host = {
      node,
      env,
      store,
      tickMs,
      wake: (group) => this.#wake(group),
      wakeLater: (group) => void this.#awakeNext.add(group),
      save: (group, record) => void this.#unsaved.push({ group, record }),
      send: (group, packet) => {
        this.#outbox?.add(group.group, packet);
        if (!this.#isInTurn) this.#wake(group); // The turn sends it by itself.
      },
      complain: ({ group }, { from }, reason) => {
        this.#refused += 1;
        this.#log.warn({ group, from, reason }, 'a message of a peer makes no sense');
      },
      ended: (group) => {
        this.#groups.delete(group.group);
        this.#awake.delete(group);
        this.#awakeNext.delete(group);
      },
    };
  }

  async open<R>(options: GroupOptions<R>): Promise<Consensus<R>> {
    const { group: name } = options;
    this.#refuseStopped(name);
    if (this.#groups.has(name) || this.#begun.has(name)) throw new GroupAlreadyOpen(name);
    this.#begun.add(name); // Two replicas on one disk could vote for two leaders.
    try {
      return await this.#begin(options);
    } finally {
      this.#begun.delete(name);
    }
  }

  async #begin<R>(options: GroupOptions<R>): Promise<Consensus<R>> {
    const { group: name, machine, voters = [this.node], leaseReads = false } = options;
    const limits = checkedLimits(options);
    const settings = coreSettings(options, this.#tickMs);
    await (this.#opening ??= this.#openWire());
    const { node } = this;
    const snapshots = new Snapshots(name, { node, env: this.#env, store: this.#store });
    const saved = await this.#store.recover(name);
    // Read to its end before anything is made of it: nobody could go on with half a state.
    const isSound = saved?.snapshot === undefined || (await snapshots.isSound(saved.snapshot));
    if (saved?.snapshot !== undefined && isSound) await snapshots.restore(saved.snapshot, machine);
    this.#refuseStopped(name);
    this.#passTime(); // What was before it is not its time.
    const raft = new Raft({
      id: node,
      voters,
      seed: Math.floor(this.#env.random() * 2 ** 31),
      leaseReads,
      ...settings,
      commandBytesMax: limits.commandBytesMax,
      ...(saved && { durable: { ...saved, applied: saved.snapshot?.index ?? 0 } }),
    });
    if (!isSound) this.#askForState(name, raft);
    const parts = { name, raft, machine, snapshots, limits, leaseReads };
    const group = new Group(this.#host, parts);
    this.#groups.set(name, group);
    if (this.#isFull) group.full(true);
    if (raft.status.damaged) {
      const advice = 'it has no vote until its peers have made that good';
      this.#env.log.error(
        { group: name },
        `entries of a group are lost with a damaged disk: ${advice}`,
      );
    }
    if (isAlone(raft, node)) raft.campaign(); // Nobody else could stand, so nobody is waited for.
    this.#timer ??= this.#nextTick();
    this.#wake(group);
    return group;
  }

  /** @throws {GroupClosed} when this node has stopped, be it meanwhile */
  #refuseStopped(group: string): void {
    if (this.#hasStopped) throw new GroupClosed(group, 'no');
  }

  /**
   * Its log is as it was, so it has its vote; its state comes from the log, or from a peer.
   * @throws {Error} when there is neither
   */
  #askForState(group: string, raft: Raft): void {
    const taken = raft.requestSnapshot();
    if (!taken.accepted) {
      throw new Error(`the snapshot of group ${group} cannot be read, and ${taken.problem}`);
    }
    this.#env.log.error({ group }, 'the snapshot of a group cannot be read: another is asked for');
  }

  group(name: string): Consensus | undefined {
    return this.#groups.get(name);
  }

  status(): EngineStatus {
    return {
      node: this.node,
      groups: this.#groups.size,
      isFull: this.#isFull,
      droppedFrames: this.#wire?.dropped ?? 0,
      refusedMessages: this.#refused,
      strayMessages: this.#strays.count,
    };
  }

  get groups(): readonly Consensus[] {
    return [...this.#groups.values()];
  }

  unreachable(node: NodeId): void {
    for (const group of this.#groups.values()) group.unreachable(node);
  }

  async handOver(options: RequestOptions = {}): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.handOver(options)));
  }

  async stop(): Promise<void> {
    this.#hasStopped = true;
    this.#timer?.cancel();
    await Promise.all([...this.#groups.values()].map((group) => group.stop()));
    await this.#wire?.close();
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #openWire(): Promise<void> {
    await this.#wire?.open(this.node, {
      received: (from, frame) => this.#receive(from, frame),
      broke: (peer) => {
        for (const group of this.#groups.values()) group.broke(peer);
      },
      unsent: (peer, lane) => {
        for (const group of this.#groups.values()) group.unsent(peer, lane);
      },
    });
  }

  #receive(from: NodeId, frame: Uint8Array): void {
    const reader = new FrameReader(frame, { from, to: this.node });
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      const group = this.#groups.get(next.group);
      if (group !== undefined) group.receive(next.packet);
      else if (!this.#begun.has(next.group)) this.#answerStray(next.group, next.packet);
    }
  }

  #answerStray(group: string, packet: Packet): void {
    const answer = this.#strays.answer(group, packet, this.#env.now());
    if (answer === undefined) return;
    this.#outbox?.add(group, answer);
    this.#outbox?.flush(); // There may be no group here, and so no turn.
  }

  #wake(group: Hosted): void {
    if (this.#hasStopped) return;
    this.#awake.add(group);
    if (this.#isInTurn || this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#env.afterIo(() => this.#turn());
  }

  /** One batch: everything that has come by now, of all groups. */
  #turn(): void {
    this.#isTurnDue = false;
    if (this.#hasStopped) return;
    this.#isInTurn = true;
    this.#turns += 1;
    this.#passTime();
    for (let round = 0; round < ROUNDS_MAX && this.#awake.size > 0; round += 1) {
      const groups = this.#awake;
      this.#awake = new Set();
      for (const group of groups) {
        group.work(this.#turns);
        if (group.isWaitedFor) this.#timer?.keepAlive?.(true);
      }
      this.#outbox?.flush(); // Before the disk is asked: what must wait for it is not in here yet.
      this.#save();
    }
    this.#isInTurn = false;
    for (const group of this.#awakeNext) this.#wake(group);
    this.#awakeNext.clear();
    const [next] = this.#awake;
    if (next !== undefined) this.#wake(next);
  }

  /** Time that was missed is made up for first, or a leader could trust a lease that has ended. */
  #passTime(): void {
    const ticks = Math.floor((this.#env.now() - this.#lastTickAt) / this.#tickMs);
    if (ticks < 1) return;
    this.#lastTickAt += ticks * this.#tickMs;
    for (const group of this.#groups.values()) group.tick(ticks);
  }

  /** Nothing but somebody who waits keeps a process alive for the time of its groups. */
  #nextTick(): Timer {
    const timer = this.#env.setTimer(this.#tickMs, () => {
      this.#timer = this.#nextTick();
      const [any] = this.#groups.values();
      if (any !== undefined) this.#wake(any);
    });
    timer.keepAlive?.(false);
    return timer;
  }

  /** Of thousands of groups, which share the disk, each leads no more and shortens its log. */
  #full(isFull: boolean): void {
    const isNews = isFull !== this.#isFull;
    this.#isFull = isFull;
    const { log } = this.#env;
    if (isNews && isFull) log.error({ node: this.node }, 'the disk is full: no commands are taken');
    else if (isNews) log.info({ node: this.node }, 'the disk has room again');
    for (const group of this.#groups.values()) group.full(isFull);
  }

  /** What is on disk is not known any more: nothing of this node may go on. */
  #fail(error: Error): void {
    for (const group of this.#groups.values()) group.fail(error);
  }

  /** One write for the records of all groups. */
  #save(): void {
    const unsaved = this.#unsaved;
    if (unsaved.length === 0) return;
    this.#unsaved = [];
    const records = unsaved.map(({ group, record }): GroupRecord => {
      return { group: group.group, record };
    });
    this.#store.append(records, (error) => {
      if (error !== undefined) return this.#fail(error);
      for (const { group, record } of unsaved) group.saved(record);
    });
  }
}

function isAlone(raft: Raft, node: NodeId): boolean {
  const { voters, outgoing } = raft.configuration;
  return voters.length === 1 && voters[0] === node && outgoing.length === 0;
}
