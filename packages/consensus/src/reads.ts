import { Overloaded } from '@troupe/actor';
import type { Raft, ReadResult } from '@troupe/raft';
import type { ReadOptions, ReadPoint } from './consensus.ts';
import { Request, type RequestPlace } from './request.ts';

/** Reads that wait, of one node and group; further ones are refused. */
const READS_MAX = 65_536;
/** A follower's question, or its answer, may get lost. */
const ASK_AGAIN_TICKS = 10;

/** @throws {Overloaded} when too many wait already */
export function refuseRead(group: string, waiting: number): void {
  if (waiting < READS_MAX) return;
  throw new Overloaded(`group ${group}`, 'reads waiting', READS_MAX);
}

type Read = Request<ReadPoint>;

/** Reads that share one question to the leader, and so one index. */
interface Round {
  readonly reads: readonly Read[];
  readonly lease: boolean;
  ticks: number;
}

/**
 * Reads from `read` until this node is far enough to answer them. All that come before a turn ask
 * once, together.
 */
export class Reads {
  readonly #at: RequestPlace;
  readonly #queues: Record<'linearizable' | 'lease', Read[]> = { linearizable: [], lease: [] };
  readonly #asked = new Map<number, Round>();
  /** Those that know their index, which is not applied here yet. */
  #known: { readonly index: number; readonly reads: readonly Read[] }[] = [];
  #context: number;
  #size = 0;

  constructor(at: RequestPlace) {
    this.#at = at;
    // Answers to an earlier life of this node may still come, and must answer nothing here.
    this.#context = Math.floor(at.env.random() * 2 ** 20) * 2 ** 32;
  }

  get size(): number {
    return this.#size;
  }

  add(consistency: 'linearizable' | 'lease', options: ReadOptions): Promise<ReadPoint> {
    refuseRead(this.#at.group, this.#size);
    const read: Read = new Request(this.#at, options);
    this.#queues[consistency].push(read);
    this.#size += 1;
    return read.promise;
  }

  /** Asks for all that have come since the last turn. What nobody can answer now waits. */
  submit(raft: Raft): void {
    for (const consistency of ['linearizable', 'lease'] as const) {
      const reads = this.#queues[consistency];
      if (reads.length === 0) continue;
      const context = (this.#context += 1);
      const lease = consistency === 'lease';
      if (!raft.read(context, { lease }).accepted) continue;
      this.#asked.set(context, { reads, lease, ticks: 0 });
      this.#queues[consistency] = [];
    }
  }

  answered(result: ReadResult, applied: number): void {
    const round = this.#asked.get(result.context);
    if (round === undefined) return;
    this.#asked.delete(result.context);
    if (result.outcome === 'lost') return this.#again(round);
    this.#known.push({ index: result.index, reads: round.reads });
    this.applied(applied);
  }

  applied(index: number): void {
    if (this.#known.length === 0) return;
    this.#known = this.#known.filter((known) => {
      if (known.index > index) return true;
      const point: ReadPoint = { index };
      for (const read of known.reads) read.resolve(point);
      this.#size -= known.reads.length;
      return false;
    });
  }

  tick(ticks: number, now: number): void {
    for (const [context, round] of this.#asked) {
      round.ticks += ticks;
      if (round.ticks < ASK_AGAIN_TICKS) continue;
      this.#asked.delete(context);
      this.#again(round);
    }
    this.#each((read) => read.expire(now));
    for (const consistency of ['linearizable', 'lease'] as const) {
      const reads = this.#queues[consistency];
      this.#queues[consistency] = reads.filter(({ isSettled }) => !isSettled);
      this.#size -= reads.length - this.#queues[consistency].length;
    }
  }

  close(cause: Error | undefined): void {
    this.#each((read) => read.close(cause));
    this.#queues.linearizable = [];
    this.#queues.lease = [];
    this.#asked.clear();
    this.#known = [];
    this.#size = 0;
  }

  /** Nothing is done by asking twice. Those that nobody waits for any more are left out. */
  #again({ reads, lease }: Round): void {
    const waiting = reads.filter(({ isSettled }) => !isSettled);
    this.#size -= reads.length - waiting.length;
    this.#queues[lease ? 'lease' : 'linearizable'].push(...waiting);
  }

  #each(act: (read: Read) => void): void {
    for (const reads of Object.values(this.#queues)) reads.forEach(act);
    for (const { reads } of this.#asked.values()) reads.forEach(act);
    for (const { reads } of this.#known) reads.forEach(act);
  }
}
