import type { Env, Timer } from './env.ts';

/** Tells when no message has come for a while. A message costs it one look at the clock. */
export class IdleWatch {
  readonly #env: Env;
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #lastAt: number;
  #timer: Timer;

  constructor(env: Env, timeoutMs: number, onIdle: () => void) {
    this.#env = env;
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
    this.#lastAt = env.now();
    this.#timer = env.setTimer(timeoutMs, this.#look);
  }

  /** A message has come. */
  touch(): void {
    this.#lastAt = this.#env.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  readonly #look = (): void => {
    const quietMs = this.#env.now() - this.#lastAt;
    if (quietMs >= this.#timeoutMs) {
      this.#lastAt = this.#env.now();
      this.#onIdle();
    }
    const waitMs = this.#timeoutMs - (this.#env.now() - this.#lastAt);
    this.#timer = this.#env.setTimer(waitMs, this.#look);
  };
}
