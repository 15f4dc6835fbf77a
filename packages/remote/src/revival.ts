import type { Env, Timer } from '@troupe/actor';

/** Between two attempts to connect anew; doubled each time, and between half and one and a half. */
const PAUSE_MS = 25;
const PAUSE_MS_MAX = 1_000;
/** How long the side that had been dialled leaves it to the other one. */
const YIELD_MS = 200;

export interface RevivalOptions {
  readonly env: Env;
  /** How long a session may be without a connection. */
  readonly windowMs: number;
  /** Makes a connection, or throws when that did not work; undefined: the peer has to. */
  readonly dial: (() => Promise<void>) | undefined;
  /** The window has passed. */
  readonly expired: () => void;
}

/** Finds a session that has lost its connection another one, while that is worth the trying. */
export class Revival {
  readonly #options: RevivalOptions;
  #attempts = 0;
  #window: Timer | undefined;
  #pause: Timer | undefined;
  #isWanted = false;

  constructor(options: RevivalOptions) {
    this.#options = options;
  }

  /** The connection is gone. @param yields whether the other side is to try first */
  begin(yields: boolean): void {
    const { env, windowMs, expired } = this.#options;
    this.#window ??= env.setTimer(windowMs, expired);
    this.#isWanted = true;
    if (this.#pause !== undefined || this.#options.dial === undefined) return;
    if (this.#attempts > 0 || yields) this.#schedule(yields ? YIELD_MS : 0);
    else void this.#try();
  }

  /** There is a connection, though it has yet to carry something. */
  connected(): void {
    this.#isWanted = false;
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  /** The connection works: all is as before. */
  proved(): void {
    this.#attempts = 0;
    this.#window?.cancel();
    this.#window = undefined;
  }

  /** There is no session any more. */
  stop(): void {
    this.connected();
    this.proved();
  }

  #schedule(atLeastMs: number): void {
    const { env } = this.#options;
    const pauseMs = Math.min(PAUSE_MS * 2 ** this.#attempts, PAUSE_MS_MAX) * (0.5 + env.random());
    this.#pause = env.setTimer(atLeastMs + pauseMs, () => {
      this.#pause = undefined;
      void this.#try();
    });
  }

  async #try(): Promise<void> {
    this.#attempts += 1;
    try {
      await this.#options.dial?.();
    } catch {
      // Told where it was dialled; the next attempt, or the end of the window, follows.
    }
    if (this.#isWanted && this.#pause === undefined) this.#schedule(0);
  }
}
