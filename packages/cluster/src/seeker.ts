import type { Env, Log, Timer } from '@troupe/actor';
import { errorOf } from '@troupe/actor/internal';
import { isTransient } from './exchange-failure.ts';
import { type SeedProvider, seedProvider } from './seeds.ts';

/** Before silent seeds are called again: at first, and at most. */
const SEEK_MS = 1_000;
const SEEK_MS_MAX = 10_000;
/** Before a provider that may say something else is asked again. */
const RESOLVE_MS = 30_000;

export interface SeekerOptions {
  readonly env: Env;
  readonly log: Log;
  readonly seeds: readonly string[] | SeedProvider;
  /** Where this node listens: no seed of its own. */
  readonly own: string;
  /** Calls all of them; resolves when they have answered or will not. */
  readonly call: (seeds: readonly string[]) => Promise<void>;
}

/** Calls the seeds of a cluster from time to time, until each has answered once. */
export class Seeker {
  readonly #options: SeekerOptions;
  readonly #find: SeedProvider;
  readonly #answered = new Set<string>();
  /** Seeds of which the log has been told. */
  readonly #reported = new Set<string>();
  #seeds: readonly string[] = [];
  #pauseMs = SEEK_MS;
  #timer: Timer | undefined;
  #isStopped = false;
  #isFirstRound = true;
  /** What no retry can mend, in the first round: a wrong secret, an address that is none. */
  failure: Error | undefined;

  constructor(options: SeekerOptions) {
    this.#options = options;
    this.#find = seedProvider(options.seeds);
  }

  /** One round now, and further ones while there is somebody to look for. */
  async seek(): Promise<void> {
    const { env, call, seeds: given } = this.#options;
    const seeds = await this.#resolved();
    const isNew = seeds.join() !== this.#seeds.join();
    this.#seeds = seeds;
    if (isNew) this.#forgetOld();
    if (isNew || this.#hasSilent) await call(seeds);
    this.#isFirstRound = false;
    if (this.#isStopped || this.failure !== undefined) return;
    const hasSilent = this.#hasSilent || (this.#seeds.length === 0 && typeof given === 'function');
    if (!hasSilent && typeof given !== 'function') return;
    const delayMs = hasSilent ? this.#pauseMs * (0.9 + 0.2 * env.random()) : RESOLVE_MS;
    this.#pauseMs = hasSilent ? Math.min(2 * this.#pauseMs, SEEK_MS_MAX) : SEEK_MS;
    this.#timer = env.setTimer(delayMs, () => void this.seek());
  }

  /** Those that were found last. */
  get seeds(): readonly string[] {
    return this.#seeds;
  }

  /** Calls all seeds once more, those that have answered included. */
  again(): Promise<void> {
    return this.#options.call(this.#seeds);
  }

  /** Somebody at `address` has answered. */
  answered(address: string): void {
    if (this.#seeds.includes(address)) this.#answered.add(address);
  }

  unanswered(address: string, error: unknown): void {
    if (!this.#seeds.includes(address) || this.#answered.has(address)) return;
    const reason = errorOf(error);
    // Later on, what one of them says is no reason to look for the others no more.
    if (this.#isFirstRound && !isTransient(reason)) this.failure ??= reason;
    if (this.failure !== undefined || this.#reported.has(address)) return;
    this.#reported.add(address);
    const fields = { seed: address, reason: reason.message };
    this.#options.log.warn(fields, 'no answer from a seed: trying again, every 10 s in the end');
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  get #hasSilent(): boolean {
    const { own } = this.#options;
    return this.#seeds.some((seed) => seed !== own && !this.#answered.has(seed));
  }

  async #resolved(): Promise<readonly string[]> {
    try {
      return await this.#find();
    } catch (error) {
      const { log } = this.#options;
      log.warn({ error }, 'the seeds of the cluster cannot be found: those before count');
      return this.#seeds;
    }
  }

  #forgetOld(): void {
    for (const set of [this.#answered, this.#reported]) {
      for (const address of set) if (!this.#seeds.includes(address)) set.delete(address);
    }
  }
}
