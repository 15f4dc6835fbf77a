import type { Timer } from '@troupe/actor';
import type { Input } from '@troupe/gossip';
import {
  type GossipCounters,
  type GossipRunner,
  NO_PACKETS,
  type Parcel,
} from './gossip-engine.ts';
import { GossipThreadRunner, type ThreadRunnerOptions } from './gossip-thread-runner.ts';

/** Threads that may end within a while before no other is started, and when that is. */
const ENDED_MAX = 5;
const ENDED_WITHIN_MS = 60_000;
/** Before another one is started: others suspect a member only after a second. */
const AGAIN_MS = 100;

export interface ThreadKeeperOptions extends Omit<ThreadRunnerOptions, 'onEnded'> {
  /** The thread has ended, and was not told to. `isReplaced`: another one is started. */
  readonly onEnded: (error: Error, isReplaced: boolean) => void;
  /** Another one runs, which knows nobody. */
  readonly onReplaced: () => void;
}

/** Gossip on a thread of its own, and on another one when that ends, though not again and again. */
export class GossipThreadKeeper implements GossipRunner {
  readonly #options: ThreadKeeperOptions;
  #runner: GossipThreadRunner | undefined;
  /** Of the threads that have ended. */
  #counters: GossipCounters = NO_PACKETS;
  #meta: Uint8Array;
  #endedAtMs: readonly number[] = [];
  #timer: Timer | undefined;
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
    this.#runner?.input(input);
  }

  async accept(from: string, parcel: Parcel): Promise<readonly Parcel[]> {
    return (await this.#runner?.accept(from, parcel)) ?? [];
  }

  async settled(): Promise<void> {
    await this.#runner?.settled();
  }

  async leave(): Promise<void> {
    await this.#runner?.leave();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#runner?.stop();
  }

  async #begin(): Promise<void> {
    const { self } = this.#options;
    let hasStarted = false;
    const runner = await GossipThreadRunner.start({
      ...this.#options,
      // Of the same generation: to the others it is the same member, and has only been silent.
      self: { ...self, meta: this.#meta },
      onEnded: (error) => {
        if (hasStarted) this.#ended(error);
      },
    });
    hasStarted = true;
    this.#runner = runner;
    if (this.#isStopped) await runner.stop();
  }

  #ended(error: Error): void {
    const { env, onEnded } = this.#options;
    this.#counters = this.counters;
    this.#runner = undefined;
    if (this.#isStopped) return;
    const nowMs = env.now();
    this.#endedAtMs = [...this.#endedAtMs, nowMs].filter((at) => nowMs - at < ENDED_WITHIN_MS);
    const isReplaced = this.#endedAtMs.length <= ENDED_MAX;
    if (isReplaced) this.#timer = env.setTimer(AGAIN_MS, () => void this.#replace());
    onEnded(error, isReplaced);
  }

  async #replace(): Promise<void> {
    try {
      await this.#begin();
      if (!this.#isStopped) this.#options.onReplaced();
    } catch (error) {
      this.#ended(error instanceof Error ? error : new Error(String(error)));
    }
  }
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
