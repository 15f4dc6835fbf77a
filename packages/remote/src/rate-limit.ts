import type { Env } from '@troupe/actor';

/** So many a second, and a number of them at once: a bucket that fills while time passes. */
export class RateLimit {
  readonly #env: Env;
  #left: number;
  #filledAt: number;

  constructor(env: Env, burst: number) {
    this.#env = env;
    this.#left = burst;
    this.#filledAt = env.now();
  }

  /** @returns false when there have been too many */
  take({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }): boolean {
    const now = this.#env.now();
    const filled = this.#left + ((now - this.#filledAt) / 1_000) * perSecond;
    this.#filledAt = now;
    this.#left = Math.min(burst, filled) - 1;
    if (this.#left >= 0) return true;
    this.#left = 0;
    return false;
  }
}
