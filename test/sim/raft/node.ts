import {
  type AppendRecord,
  type Apply,
  type ChunkStore,
  chunkMessage,
  type Configuration,
  type Durable,
  type Entry,
  type HardState,
  isQuorum,
  type Message,
  type NodeId,
  type Raft,
  type RaftOptions,
  type Ready,
  type Snapshot,
  type Status,
} from '@troupe/raft';
import { MemoryDisk } from '@troupe/raft/testing';
import { Machine, type Result } from './machine.ts';
import type { DriverMistake } from './mistakes.ts';
import { demand } from './specification.ts';
import type { World } from './world.ts';

/** What waits for an entry, or for an index to be applied. */
interface Waiter {
  readonly index: number;
  /** 0: any entry will do. */
  readonly term: number;
  readonly done: (result: Result | undefined, machine: Machine) => void;
  /** The entry was overwritten: it will never be applied. */
  readonly never: () => void;
}

/** One process: the core, its driver, its disk and its clock. All delays are the world's. */
export class SimNode {
  readonly disk: MemoryDisk = new MemoryDisk();
  raft: Raft | undefined;
  machine: Machine = new Machine();
  /** Counts lives; what was meant for an earlier one does not arrive. */
  life = 0;
  pausedUntil = 0;
  diskDelayMax: number;
  hungUntil = 0;
  /** Until when the disk has no room but for what a node cannot do without. */
  fullUntil = 0;
  /** The next sync fails, and nobody knows what of it is on disk. */
  isDiskFailing = false;
  readonly id: NodeId;
  readonly #world: World;
  readonly #options: Omit<RaftOptions, 'durable'>;
  readonly #tickLength: number;
  #lastTickAt = 0;
  /** Where the log ended when the disk became full. */
  #fullFrom = Infinity;
  /** The log and the snapshots are different files: one thing after the other, in each. */
  #lanes = { log: newLane(), snapshots: newLane() };
  #hardStateBefore: HardState = this.disk.hardState;
  /** When each record was written that the core has no answer for. */
  readonly #unanswered = new Map<number, number>();
  /** When this leader last heard of each other, and since when it has had to. */
  readonly #heardAt = new Map<NodeId, number>();
  #listensSince = 0;
  #leadsSince = 0;
  /** Those that it leads. */
  #members: Configuration | undefined;
  #waiters: Waiter[] = [];
  #reads = new Map<number, (index: number | undefined) => void>();
  /** Those that this node has to answer itself, or say that it cannot. */
  readonly #ownReads = new Set<number>();
  #snapshots = 0;
  #isServing = false;

  constructor(world: World, options: Omit<RaftOptions, 'durable'>) {
    this.id = options.id;
    this.#world = world;
    this.#options = options;
    const { tickLength, drift, diskDelayMax } = world.swarm;
    // Leases trust that clocks agree on how long things take; nothing else does.
    const off = options.leaseReads === true ? drift : 10 * drift;
    this.#tickLength = tickLength * (1 + off * (2 * world.random.unit() - 1));
    this.diskDelayMax = world.isCalm ? Math.min(CALM_DISK_DELAY_MAX, diskDelayMax) : diskDelayMax;
  }

  get isUp(): boolean {
    return this.raft !== undefined;
  }

  get isPaused(): boolean {
    return this.pausedUntil > this.#world.timeline.now;
  }

  get isDiskFull(): boolean {
    return this.fullUntil > this.#world.timeline.now;
  }

  /** Snapshots that are on their way from here to somebody. */
  get sending(): readonly string[] {
    const progress = this.raft?.dump().leading?.progress.values() ?? [];
    return [...progress].flatMap(({ transfer }) => transfer?.snapshot.id ?? []);
  }

  get status(): Status | undefined {
    return this.raft?.status;
  }

  start(): void {
    this.life += 1;
    const { disk } = this;
    const { snapshot } = disk;
    const bytes = snapshot && disk.snapshots.get(snapshot.id);
    this.machine = new Machine();
    if (bytes !== undefined && bytes.length > 0) this.machine.restore(bytes);
    this.machine.applied = snapshot?.index ?? 0;
    const isFirst = this.life === 1;
    const options = { ...this.#options, seed: this.#options.seed + this.life };
    this.raft = new this.#world.Raft(isFirst ? options : { ...options, durable: this.#found() });
    this.#lastTickAt = this.#world.timeline.now;
    this.#world.specification.started(this.id);
    this.#input((raft) => {
      if (this.isDiskFull) raft.diskFull(true);
      // That of a witness is empty, and has no file.
      const isSpoiled = snapshot !== undefined && snapshot.bytes > 0 && bytes === undefined;
      demand(!isSpoiled || this.#forget(raft), () => `${this.id} cannot get another snapshot`);
    });
    this.#scheduleTick();
  }

  /** What a restart finds on the disk. */
  #found(): Durable {
    const found = this.disk.durable(this.machine.applied);
    if (this.#errs('a damaged disk is taken for a short one')) {
      const { hardState } = found;
      const last = found.base.index + this.disk.entries.length;
      const commit = Math.min(hardState.commit, last);
      return { ...found, damaged: false, hardState: { ...hardState, commit } };
    }
    if (!this.#errs('what is committed is taken for applied')) return found;
    this.machine.applied = Math.max(found.applied, found.hardState.commit);
    return { ...found, applied: this.machine.applied };
  }

  #errs(mistake: DriverMistake): boolean {
    return this.#world.mistake === mistake;
  }

  /** Power is lost, and with it what the disk has not synced, or all but the oldest of it. */
  crash(): void {
    const kept = this.#world.random.between(0, this.disk.unsynced.length);
    if (this.#errs('the disk keeps what is behind a gap')) this.disk.unsynced.splice(0, 1);
    for (const record of this.disk.unsynced.slice(0, kept)) {
      this.#world.specification.saved(this.id, record);
    }
    this.disk.crash(kept);
    const isVoteLost = this.#errs('a vote is in a file of its own, which is not synced');
    if (isVoteLost) this.disk.hardState = this.#hardStateBefore;
    this.raft = undefined;
    this.life += 1;
    this.pausedUntil = 0;
    this.hungUntil = 0;
    this.#lanes = { log: newLane(), snapshots: newLane() };
    this.#isServing = false;
    this.#waiters = [];
    this.#reads.clear();
    this.#ownReads.clear();
    this.#unanswered.clear();
  }

  /** The disk turns out to be unreadable from somewhere on: fewer entries than it should have. */
  damage(): void {
    this.crash();
    const { base, entries } = this.disk;
    const index = base.index + this.#world.random.between(1, entries.length);
    this.disk.damage(index);
    const last = this.disk.base.index + this.disk.entries.length;
    this.#world.specification.damaged(this.id, last);
  }

  /** For so many moments there is no room; 0: there is again. */
  fillDisk(duration: number): void {
    const { timeline } = this.#world;
    this.fullUntil = timeline.now + duration;
    this.ask((raft) => raft.diskFull(this.isDiskFull));
    if (duration === 0) return;
    this.#fullFrom = this.status?.last.index ?? 0;
    timeline.after(duration, () => {
      if (!this.isDiskFull) this.ask((raft) => raft.diskFull(false));
    });
  }

  /** The snapshot that all rests on is no good any more. */
  spoilSnapshot(): void {
    this.disk.snapshots.delete(this.disk.snapshot?.id ?? '');
    let isForgotten = false;
    this.ask((raft) => void (isForgotten = this.#forget(raft)));
    if (!isForgotten) this.#world.crash(this); // It is found out by the next start.
  }

  /** Its state is lost, and has to come from somebody else. @returns false while it is at work */
  #forget(raft: Raft): boolean {
    if (!raft.requestSnapshot().accepted) return false;
    this.machine = new Machine();
    this.#waiters = [];
    return true;
  }

  /** For so many moments nothing is written to the log, or to snapshots. */
  hangDisk(duration: number, file: 'log' | 'snapshots' = 'log'): void {
    const lane = this.#lanes[file];
    lane.freeAt = Math.max(lane.freeAt, this.#world.timeline.now) + duration;
    this.hungUntil = lane.freeAt;
  }

  receive(message: Message): void {
    const { now } = this.#world.timeline;
    if (message.term === this.status?.term) this.#heardAt.set(message.from, now);
    this.#input((raft) => {
      // Now and then, since it takes a copy of all that the node knows.
      const isTried = message.type === 'pre-vote' && this.#world.random.chance(0.2);
      if (!isTried || raft.status.quiet) return raft.step(message);
      const before = patienceOf(raft);
      raft.step(message);
      demand(patienceOf(raft) === before, () => `${this.id} is changed by a pre-vote`);
    });
  }

  /** @param act something to ask of the core, which may be down: then nothing happens */
  ask(act: (raft: Raft) => void): void {
    this.#input(act);
  }

  /** Proposes, and tells what came of it; silence means that nobody knows. */
  propose(
    data: Uint8Array,
    waiter: { readonly done: (result: Result | undefined) => void; readonly never: () => void },
  ): void {
    this.#input((raft) => {
      const proposed = raft.propose([data]);
      if (!proposed.accepted) return waiter.never();
      const { last: index, term } = proposed;
      this.#waiters.push({ index, term, done: waiter.done, never: waiter.never });
    });
  }

  read(
    context: number,
    {
      lease,
      done,
    }: { readonly lease: boolean; readonly done: (machine: Machine, index: number) => void },
  ): void {
    this.#input((raft) => {
      if (!raft.read(context, { lease }).accepted) return;
      if (raft.status.role === 'leader') this.#ownReads.add(context);
      this.#reads.set(context, (index) => {
        if (index === undefined) return;
        if (this.machine.applied >= index) return done(this.machine, index);
        const never = (): void => {};
        this.#waiters.push({ index, term: 0, done: (_, machine) => done(machine, index), never });
      });
    });
  }

  /** A member needs a snapshot: the core says so in each turn until there is one. */
  #serve(): void {
    if (this.#isServing) return; // Or what is looked for in vain is looked for ever more often.
    this.#isServing = true;
    this.#later(1, () => {
      this.#isServing = false;
      this.snapshot(0);
    });
  }

  snapshot(keepEntries: number): void {
    this.#input((raft) => {
      const { status } = raft;
      const { machine, disk } = this;
      const { applied } = machine;
      const { id: before = '', index = 0 } = disk.snapshot ?? {};
      const isSpoiled = index > 0 && !disk.snapshots.has(before);
      // One as new takes the place of what has been given up.
      const least = isSpoiled && !raft.snapshotsInUse.has(before) ? 1 : index + 1;
      const isNews = applied >= Math.max(least, status.base.index);
      if (!isNews || applied > status.applied) return;
      const isWitness = status.configuration.witnesses.includes(this.id);
      const bytes = isWitness ? new Uint8Array() : machine.save();
      this.#snapshots += 1;
      const id = `${this.id}-${this.life}-${this.#snapshots}`;
      const made = raft.snapshotAt({ id, index: applied, bytes: bytes.length });
      disk.snapshots.set(id, bytes);
      disk.compact(made, raft.compact(made, { keepEntries }));
      if (isSpoiled) this.#isMended();
      for (const old of disk.snapshots.keys()) {
        if (!raft.snapshotsInUse.has(old)) disk.snapshots.delete(old);
      }
    });
  }

  /** Something happens: time is made up for first, or a paused leader could trust an old lease. */
  #input(act: (raft: Raft) => void): void {
    const { raft } = this;
    if (raft === undefined) return;
    const late = Math.floor((this.#world.timeline.now - this.#lastTickAt) / this.#tickLength);
    if (late > 0) {
      this.#lastTickAt += late * this.#tickLength;
      raft.tick(this.#errs('a pause is not made up for') ? 1 : late);
    }
    act(raft);
    this.#carryOut(raft);
  }

  #scheduleTick(): void {
    this.#later(this.#tickLength, () => {
      this.#input(() => {});
      this.#scheduleTick();
    });
  }

  /** Runs in this life, after `delay`, and after any pause. */
  #later(delay: number, run: () => void): void {
    const { life } = this;
    const { timeline } = this.#world;
    const attempt = (): void => {
      if (this.life !== life) return;
      const wait = this.pausedUntil - timeline.now;
      if (wait > 0) timeline.after(wait, attempt);
      else run();
    };
    timeline.after(delay, attempt);
  }

  #carryOut(raft: Raft): void {
    const { specification } = this.#world;
    for (let rounds = 0; ; rounds += 1) {
      demand(rounds < ROUNDS_MAX, () => `${this.id} always wants something done`);
      const status = raft.status;
      if (specification.observe(this.id, status) === 'elected') this.#world.elected(this);
      const ready = raft.ready();
      const isDone = isEmpty(ready);
      const after = isDone ? status : raft.status;
      if (ready.append !== undefined) this.#save(ready.append, status);
      specification.settle(this.id, after);
      for (const message of ready.messages) this.#world.send(message);
      for (const read of ready.reads) {
        const done = this.#reads.get(read.context);
        this.#reads.delete(read.context);
        this.#ownReads.delete(read.context);
        done?.(read.outcome === 'at' ? read.index : undefined);
      }
      this.#readDisk(ready);
      for (const store of ready.stores) this.#store(store);
      if (ready.apply !== undefined) this.#apply(ready.apply);
      if (ready.snapshotWanted > 0) this.#serve();
      if (isDone) return this.#checkWaiting(after);
    }
  }

  /** A leader that nobody answers, or whose disk does not, only keeps its clients waiting. */
  #checkLeader({ quiet, configuration, leader }: Status): void {
    const { now } = this.#world.timeline;
    if (leader !== this.id || quiet || configuration !== this.#members) this.#listensSince = now;
    this.#members = leader === this.id ? configuration : undefined;
    if (leader !== this.id) {
      this.#leadsSince = now;
      return;
    }
    const patience = LEADER_PATIENCE_TICKS * this.#tickLength;
    const isHeard = isQuorum(configuration, (id) => {
      const at = Math.max(this.#heardAt.get(id) ?? 0, this.#listensSince);
      return id === this.id || now - at < patience;
    });
    demand(isHeard, () => `${this.id} leads, and hears nobody`);
    const [oldest = now] = this.#unanswered.values();
    // It may have been elected by the answer to a vote that took long, with more behind it; whether
    // its disk is too slow to lead it looks at with its next tick.
    const asked = Math.max(oldest, this.#leadsSince);
    demand(now - asked < patience, () => `${this.id} leads, and its disk does not answer`);
  }

  /** What is left of the log begins at the snapshot that stands for the rest, or before it. */
  #checkDisk(): void {
    const { base, snapshot = { index: 0 } } = this.disk;
    demand(base.index <= snapshot.index, () => `${this.id} has a gap behind ${snapshot.index}`);
  }

  #checkWaiting(status: Status): void {
    const { role, last, commit, damaged } = status;
    if (this.disk.damaged && !damaged) {
      this.disk.damaged = false;
      this.#isMended();
    }
    this.#checkLeader(status);
    this.#checkDisk();
    const isLost = role !== 'leader' && this.#ownReads.size > 0;
    demand(!isLost, () => `${this.id} leads no more, and lets reads wait`);
    const { uncommittedBytesMax = Infinity } = this.#options;
    if (role !== 'leader' || this.disk.unsynced.length > 0) return;
    const bytes = this.disk.read(commit + 1, last.index).reduce((sum, it) => sum + sizeOf(it), 0);
    const limit = uncommittedBytesMax + LARGEST_ENTRY_BYTES;
    demand(bytes <= limit, () => `${this.id} has ${bytes} bytes that are not committed`);
  }

  #save(record: AppendRecord, status: Status): void {
    const { random, specification } = this.#world;
    const excess = this.isDiskFull && record.entries.some(isCommandAfter(this.#fullFrom));
    demand(!excess, () => `${this.id} writes commands, and its disk is full`);
    this.disk.write(record);
    this.#unanswered.set(record.token, this.#world.timeline.now);
    specification.wrote(this.id, record, status);
    const isHasty = this.#errs('messages leave before the disk has their record');
    if (isHasty) for (const message of record.messages) this.#world.send(message);
    this.#onDisk('log', () => {
      if (this.isDiskFailing && record.mustSync) {
        this.isDiskFailing = false;
        // What a failed sync has left on disk, not even another one can tell (fsyncgate).
        if (!this.#errs('a failed sync is taken for a good one')) return this.#world.crash(this);
      } else this.#sync(record.mustSync ? record.token : record.token - 1);
      if (!isHasty) for (const message of record.messages) this.#world.send(message);
      // The news of it may overtake other news.
      this.#later(random.between(0, 3), () => {
        for (const token of this.#unanswered.keys()) {
          if (token <= record.token) this.#unanswered.delete(token);
        }
        this.#input((raft) => raft.appended(record.token));
      });
    });
  }

  /** Fast from now on, also with what it was given while it was slow. */
  calmDisk(): void {
    this.diskDelayMax = Math.min(this.diskDelayMax, CALM_DISK_DELAY_MAX);
    for (const lane of Object.values(this.#lanes)) {
      const { now } = this.#world.timeline;
      const soon = lane.queue.map((_, index) => (index + 1) * CALM_DISK_DELAY_MAX);
      const last = now + (soon.at(-1) ?? 0);
      if (lane.freeAt <= last) continue;
      lane.freeAt = last;
      for (const delay of soon) this.#later(delay, () => lane.queue.shift()?.());
    }
  }

  /** Runs when the disk has done that, and everything before it in the same file. */
  #onDisk(file: 'log' | 'snapshots', run: () => void): void {
    const { timeline, random } = this.#world;
    const lane = this.#lanes[file];
    lane.queue.push(run);
    lane.freeAt = Math.max(lane.freeAt, timeline.now) + random.between(0, this.diskDelayMax);
    this.#later(lane.freeAt - timeline.now, () => lane.queue.shift()?.());
  }

  #sync(token: number): void {
    this.#hardStateBefore = this.disk.hardState;
    for (const record of this.disk.unsynced) {
      if (record.token <= token) this.#world.specification.saved(this.id, record);
    }
    this.disk.sync(token);
  }

  #readDisk({ fetches, chunks }: Ready): void {
    const { random } = this.#world;
    for (const { from, to } of fetches) {
      this.#later(random.between(0, this.diskDelayMax), () => {
        const entries = this.#failsToRead() ? [] : this.disk.read(from, to).slice(0, 5);
        this.#input((raft) => raft.fetched(from, entries));
      });
    }
    for (const request of chunks) {
      this.#later(random.between(0, this.diskDelayMax), () => {
        const { snapshot, offset, bytes } = request;
        const data = this.disk.snapshots.get(snapshot.id)?.subarray(offset, offset + bytes);
        if (data === undefined) return this.#cannotRead(snapshot.id);
        if (this.#failsToRead()) return;
        this.#world.send(chunkMessage(this.id, request, data));
      });
    }
  }

  #cannotRead(id: string): void {
    this.#world.specification.cannotRead(this.id, id);
    this.#input((raft) => raft.unreadable(id));
  }

  #failsToRead(): boolean {
    const { isCalm, random } = this.#world;
    return !isCalm && random.chance(0.05);
  }

  #store({ snapshot, offset, data }: ChunkStore): void {
    this.#onDisk('snapshots', () => {
      this.disk.storeChunk(snapshot, offset, data);
      this.#input((raft) => raft.stored(snapshot.id, offset + data.length));
    });
  }

  #apply(apply: Apply): void {
    const { random, isCalm, swarm } = this.#world;
    this.#later(random.between(0, isCalm ? 3 : swarm.applyDelayMax), () => {
      if (apply.kind === 'snapshot') this.#restore(apply.snapshot);
      else {
        const { from, to } = apply;
        const end = this.disk.base.index + this.disk.entries.length;
        demand(to <= end, () => `${this.id} applies ${to}, and its disk ends at ${end}`);
        const entries = apply.entries ?? this.disk.read(from, to);
        demand(entries.length === to - from + 1, () => `${this.id} cannot read ${from} … ${to}`);
        for (const entry of entries) this.#applyEntry(entry);
      }
      this.#input((raft) => {
        raft.applied(this.machine.applied);
        if (apply.kind === 'snapshot') this.#adopt(raft, apply.snapshot);
      });
    });
  }

  /** From now on a restart begins with it. */
  #adopt(raft: Raft, snapshot: Snapshot): void {
    if (snapshot.id === this.disk.snapshot?.id) return;
    const first = raft.compact(snapshot);
    // Or another has come meanwhile, and is about to take the place of the log.
    if (raft.snapshotsInUse.has(snapshot.id)) this.disk.compact(snapshot, first);
    this.#isMended();
  }

  /** The next thing may be lost. */
  #isMended(): void {
    if (this.#world.invalid === this.id) this.#world.invalid = undefined;
  }

  #restore({ id, index }: { readonly id: string; readonly index: number }): void {
    const bytes = this.disk.snapshots.get(id) ?? new Uint8Array();
    if (bytes.length > 0) this.machine.restore(bytes);
    this.machine.applied = index;
    if (bytes.length > 0) this.#world.checkMachine(this.id, this.machine);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.index > index) return true;
      if (waiter.term === 0) waiter.done(undefined, this.machine);
      return false; // Whether its entry is in the snapshot, nobody knows any more.
    });
  }

  #applyEntry(entry: Entry): void {
    const { machine } = this;
    demand(
      entry.index === machine.applied + 1,
      () => `${this.id} applies ${entry.index} after ${machine.applied}`,
    );
    const isWitness = this.#world.isWitness(this.id);
    const onEffect = (call: number): void => this.#world.tookEffect(call, entry.index);
    const result = isWitness ? undefined : machine.apply(entry, onEffect);
    machine.applied = entry.index;
    if (!isWitness) this.#world.checkMachine(this.id, machine);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.index > entry.index) return true;
      const isOurs = waiter.term === 0 || waiter.term === entry.term;
      if (isOurs || this.#errs('whoever waits for an index gets its entry')) {
        waiter.done(result, machine);
      } else waiter.never();
      return false;
    });
  }
}

/** Configurations and what a new leader adds come on top of what clients may. */
const LARGEST_ENTRY_BYTES = 300;

/** Of a disk that nothing is wrong with. */
const CALM_DISK_DELAY_MAX = 5;

/** Well above an election timeout, after which it should resign. */
const LEADER_PATIENCE_TICKS = 25;

interface Lane {
  freeAt: number;
  readonly queue: (() => void)[];
}

function newLane(): Lane {
  return { freeAt: 0, queue: [] };
}

/** How often there may be more to do before anything new has happened. */
const ROUNDS_MAX = 1_000;

function isCommandAfter(index: number): (entry: Entry) => boolean {
  return (entry) => entry.kind === 'command' && entry.index > index;
}

function sizeOf(entry: Entry): number {
  return 24 + (entry.kind === 'command' ? entry.data.length : 0);
}

/** What being asked for a pre-vote must not change. */
function patienceOf(raft: Raft): string {
  const { term, votedFor, role, timerTick, timeoutTicks, heardTick } = raft.dump();
  return [term, votedFor, role, timerTick, timeoutTicks, heardTick].join(' ');
}

function isEmpty({ messages, append, reads, apply, fetches, chunks, stores }: Ready): boolean {
  return (
    append === undefined &&
    apply === undefined &&
    [messages, reads, fetches, chunks, stores].every((each) => each.length === 0)
  );
}
