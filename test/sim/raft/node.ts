import {
  type AppendRecord,
  type Apply,
  type ChunkStore,
  chunkMessage,
  type Entry,
  type Message,
  type NodeId,
  type Raft,
  type RaftOptions,
  type Ready,
  type Status,
} from '@troupe/raft';
import { MemoryDisk } from '@troupe/raft/testing';
import { Machine } from './machine.ts';
import { demand } from './specification.ts';
import type { World } from './world.ts';

/** What waits for an entry, or for an index to be applied. */
interface Waiter {
  readonly index: number;
  /** 0: any entry will do. */
  readonly term: number;
  readonly done: (result: boolean | undefined, machine: Machine) => void;
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
  readonly id: NodeId;
  readonly #world: World;
  readonly #options: Omit<RaftOptions, 'durable'>;
  readonly #tickLength: number;
  #lastTickAt = 0;
  #diskFreeAt = 0;
  #diskQueue: (() => void)[] = [];
  #waiters: Waiter[] = [];
  #reads = new Map<number, (index: number | undefined) => void>();
  /** Those that this node has to answer itself, or say that it cannot. */
  readonly #ownReads = new Set<number>();
  #snapshots = 0;

  constructor(world: World, options: Omit<RaftOptions, 'durable'>) {
    this.id = options.id;
    this.#world = world;
    this.#options = options;
    const { tickLength, drift, diskDelayMax } = world.swarm;
    this.#tickLength = tickLength * (1 + drift * (2 * world.random.unit() - 1));
    this.diskDelayMax = diskDelayMax;
  }

  get isUp(): boolean {
    return this.raft !== undefined;
  }

  get isPaused(): boolean {
    return this.pausedUntil > this.#world.timeline.now;
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
    this.raft = new this.#world.Raft(
      isFirst ? options : { ...options, durable: disk.durable(this.machine.applied) },
    );
    this.#lastTickAt = this.#world.timeline.now;
    this.#diskFreeAt = 0;
    this.#world.specification.started(this.id);
    this.#input(() => {});
    this.#scheduleTick();
  }

  /** Power is lost, and with it what the disk has not synced, or all but the oldest of it. */
  crash(): void {
    const kept = this.#world.random.between(0, this.disk.unsynced.length);
    for (const record of this.disk.unsynced.slice(0, kept)) {
      this.#world.specification.saved(this.id, record);
    }
    this.disk.crash(kept);
    this.raft = undefined;
    this.life += 1;
    this.pausedUntil = 0;
    this.#diskQueue = [];
    this.#waiters = [];
    this.#reads.clear();
    this.#ownReads.clear();
  }

  receive(message: Message): void {
    this.#input((raft) => raft.step(message));
  }

  /** @param act something to ask of the core, which may be down: then nothing happens */
  ask(act: (raft: Raft) => void): void {
    this.#input(act);
  }

  /** Proposes, and tells what came of it; silence means that nobody knows. */
  propose(
    data: Uint8Array,
    waiter: { readonly done: (result: boolean | undefined) => void; readonly never: () => void },
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

  snapshot(keepEntries: number): void {
    this.#input((raft) => {
      const { status } = raft;
      const { machine, disk } = this;
      const { applied } = machine;
      const isNews = applied > (disk.snapshot?.index ?? 0) && applied >= status.base.index;
      if (!isNews || applied > status.applied) return;
      const isWitness = status.configuration.witnesses.includes(this.id);
      const bytes = isWitness ? new Uint8Array() : machine.save();
      this.#snapshots += 1;
      const id = `${this.id}-${this.life}-${this.#snapshots}`;
      const made = raft.snapshotAt({ id, index: applied, bytes: bytes.length });
      disk.snapshots.set(id, bytes);
      disk.compact(made, raft.compact(made, { keepEntries }));
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
      raft.tick(late);
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
      specification.observe(this.id, status);
      const ready = raft.ready();
      if (ready.append !== undefined) this.#save(ready.append, status);
      specification.settle(this.id, raft.status);
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
      if (isEmpty(ready)) return this.#checkWaiting(raft.status);
    }
  }

  #checkWaiting({ role, last, commit }: Status): void {
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
    this.disk.write(record);
    specification.wrote(this.id, record, status);
    this.#onDisk(() => {
      this.#sync(record.mustSync ? record.token : record.token - 1);
      for (const message of record.messages) this.#world.send(message);
      // The news of it may overtake other news.
      this.#later(random.between(0, 3), () => this.#input((raft) => raft.appended(record.token)));
    });
  }

  /** Runs when the disk has done that, and everything before it: one thing after the other. */
  #onDisk(run: () => void): void {
    const { timeline, random } = this.#world;
    this.#diskQueue.push(run);
    this.#diskFreeAt = Math.max(this.#diskFreeAt, timeline.now);
    this.#diskFreeAt += random.between(0, this.diskDelayMax);
    this.#later(this.#diskFreeAt - timeline.now, () => this.#diskQueue.shift()?.());
  }

  #sync(token: number): void {
    for (const record of this.disk.unsynced) {
      if (record.token <= token) this.#world.specification.saved(this.id, record);
    }
    this.disk.sync(token);
  }

  #readDisk({ fetches, chunks }: Ready): void {
    const { random } = this.#world;
    for (const { from, to } of fetches) {
      this.#later(random.between(0, this.diskDelayMax), () => {
        this.#input((raft) => raft.fetched(from, this.disk.read(from, to).slice(0, 5)));
      });
    }
    for (const request of chunks) {
      this.#later(random.between(0, this.diskDelayMax), () => {
        const { snapshot, offset, bytes } = request;
        const data = this.disk.snapshots.get(snapshot.id)?.subarray(offset, offset + bytes);
        if (data !== undefined) this.#world.send(chunkMessage(this.id, request, data));
      });
    }
  }

  #store({ snapshot, offset, data }: ChunkStore): void {
    this.#onDisk(() => {
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
      this.#input((raft) => raft.applied(this.machine.applied));
    });
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
    const result = isWitness ? undefined : machine.apply(entry);
    machine.applied = entry.index;
    if (!isWitness) this.#world.checkMachine(this.id, machine);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.index > entry.index) return true;
      if (waiter.term === 0 || waiter.term === entry.term) waiter.done(result, machine);
      else waiter.never();
      return false;
    });
  }
}

/** Configurations and what a new leader adds come on top of what clients may. */
const LARGEST_ENTRY_BYTES = 300;

/** How often there may be more to do before anything new has happened. */
const ROUNDS_MAX = 1_000;

function sizeOf(entry: Entry): number {
  return 24 + (entry.kind === 'command' ? entry.data.length : 0);
}

function isEmpty({ messages, append, reads, apply, fetches, chunks, stores }: Ready): boolean {
  return (
    append === undefined &&
    apply === undefined &&
    [messages, reads, fetches, chunks, stores].every((each) => each.length === 0)
  );
}
