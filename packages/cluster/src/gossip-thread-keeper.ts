import { errorOf } from '@troupe/actor/internal';
import { type Evidence, INCARNATION_MAX, type Input } from '@troupe/gossip';
import {
  type GossipCounters,
  type GossipRunner,
  NO_PACKETS,
  type Parcel,
} from './gossip-engine.ts';
import { GossipThreadBoard } from './gossip-thread-board.ts';
import { GossipThreadRunner, type ThreadRunnerOptions } from './gossip-thread-runner.ts';

/** Threads that may end within a while before no other is started, and when that is. */
const ENDED_MAX = 5;
const ENDED_WITHIN_MS = 60_000;
/** Before another one is started: others suspect a member only after a second. */
const AGAIN_MS = 100;

/** After which a thread knows all who have answered it. */
const FOUND_AFTER_MS = 1_000;
/** Members of whom something is reported while no thread runs. */
const REPORTED_MAX = 1_024;

export interface ThreadKeeperOptions extends Omit<ThreadRunnerOptions, 'onEnded' | 'board'> {
  /** The thread has ended, and was not told to. `isReplaced`: another one is started. */
  readonly onEnded: (error: Error, isReplaced: boolean) => void;
  /** Another one runs, which knows nobody. Resolves when those that it has called have answered. */
  readonly onReplaced: () => Promise<void>;
}

/**
 * Gossip on a thread of its own, and on another one when that ends, though not again and again. To
 * the others the next thread is the same member, which has only been silent: it goes on after the
 * last word of the one before, with what the node has said of itself since.
 */
export class GossipThreadKeeper implements GossipRunner {
  readonly #options: ThreadKeeperOptions;
  readonly #board = new GossipThreadBoard();
  /** What connections have shown of members while no thread knew them, the last of each. */
  readonly #reported = new Map<string, Evidence>();
  #runner: GossipThreadRunner | undefined;
  /** Of the threads that have ended. */
  #counters: GossipCounters = NO_PACKETS;
  #meta: Uint8Array;
  #endedAtMs: readonly number[] = [];
  /** While one thread takes the place of another one. */
  #replacing: Promise<void> | undefined;
  readonly #waits = new Set<() => void>();
  #isStopped = false;

  private constructor(options: ThreadKeeperOptions) {
    this.#options = options;
    this.#meta = options.self.meta;
  }

  /** @throws when the first thread does not start */
  static async start(options: ThreadKeeperOptions): Promise<GossipThreadKeeper> {
    const keeper = new GossipThreadKeeper(options);
    await keeper.#begin();
    return keeper;
  }

  get counters(): GossipCounters {
    return sum(this.#counters, this.#runner?.counters ?? NO_PACKETS);
  }

  input(input: Input): void {
    if (input.kind === 'meta') this.#meta = input.meta;
    if (input.kind === 'evidence' && this.#replacing !== undefined) this.#keep(input);
    else this.#runner?.input(input);
  }

  async accept(from: string, parcel: Parcel): Promise<readonly Parcel[]> {
    return (await this.#runner?.accept(from, parcel)) ?? [];
  }

  async settled(): Promise<void> {
    await this.#runner?.settled();
  }

  async leave(): Promise<void> {
    while (this.#replacing !== undefined) await this.#replacing; // Till then it can tell nobody.
    await this.#runner?.leave();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const end of this.#waits) end();
    await this.#runner?.stop();
  }

  async #begin(): Promise<GossipThreadRunner> {
    const { self } = this.#options;
    const { said } = this.#board;
    const meta = this.#meta;
    let hasStarted = false;
    const runner = await GossipThreadRunner.start({
      ...this.#options,
      board: this.#board,
      self: { ...self, meta, ...(said !== undefined && wordAfter(said)) },
      onEnded: (error) => {
        if (hasStarted) this.#ended(error);
      },
    });
    hasStarted = true;
    this.#runner = runner;
    if (this.#meta !== meta) runner.input({ kind: 'meta', meta: this.#meta });
    if (this.#isStopped) await runner.stop();
    return runner;
  }

  #keep(evidence: Evidence): void {
    const { name } = evidence;
    if (this.#reported.size < REPORTED_MAX || this.#reported.has(name)) {
      this.#reported.set(name, evidence);
    }
  }

  #ended(error: Error): void {
    const { env, onEnded } = this.#options;
    this.#counters = this.counters;
    this.#runner = undefined;
    if (this.#isStopped) return;
    const nowMs = env.now();
    this.#endedAtMs = [...this.#endedAtMs, nowMs].filter((at) => nowMs - at < ENDED_WITHIN_MS);
    const isReplaced = this.#endedAtMs.length <= ENDED_MAX;
    this.#replacing = isReplaced ? this.#replace() : undefined;
    onEnded(error, isReplaced);
  }

  async #replace(): Promise<void> {
    await this.#atMost(AGAIN_MS);
    let runner: GossipThreadRunner | undefined;
    try {
      if (!this.#isStopped) runner = await this.#begin();
      if (!this.#isStopped) await this.#atMost(FOUND_AFTER_MS, this.#options.onReplaced());
    } catch (error) {
      return this.#ended(errorOf(error));
    }
    if (runner !== this.#runner) return; // That one has ended as well, and is being replaced.
    this.#replacing = undefined;
    for (const evidence of this.#reported.values()) runner?.input(evidence);
    this.#reported.clear();
  }

  /** Resolves when `task` is over, that time has passed, or the node stops. */
  #atMost(ms: number, task?: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#waits.delete(end);
        resolve();
      };
      const timer = this.#options.env.setTimer(ms, end);
      this.#waits.add(end);
      void task?.then(end);
    });
  }
}

/** Greater than all that has been said. */
function wordAfter({ generation, incarnation }: { generation: number; incarnation: number }) {
  return { generation, incarnation: Math.min(incarnation + 1, INCARNATION_MAX) };
}

function sum(a: GossipCounters, b: GossipCounters): GossipCounters {
  return {
    sent: a.sent + b.sent,
    received: a.received + b.received,
    sentByStream: a.sentByStream + b.sentByStream,
    receivedByStream: a.receivedByStream + b.receivedByStream,
    foreign: a.foreign + b.foreign,
    damaged: a.damaged + b.damaged,
    replayed: a.replayed + b.replayed,
    dropped: a.dropped + b.dropped,
  };
}
