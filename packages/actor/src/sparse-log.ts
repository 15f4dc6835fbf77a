import type { Env } from './env.ts';

/** Between two lines of one kind. */
const QUIET_MS = 10_000;

/** Lines about what others bring about, as often as they like: the log hears of it now and then. */
export class SparseLog {
  readonly #env: Pick<Env, 'now'>;
  #lastAtMs = -Infinity;
  #unlogged = 0;

  constructor(env: Pick<Env, 'now'>) {
    this.#env = env;
  }

  /** @param write is given how many lines have been left out since the last one */
  line(write: (unlogged: number) => void): void {
    const nowMs = this.#env.now();
    if (nowMs - this.#lastAtMs < QUIET_MS) {
      this.#unlogged += 1;
      return;
    }
    const unlogged = this.#unlogged;
    this.#lastAtMs = nowMs;
    this.#unlogged = 0;
    write(unlogged);
  }
}
