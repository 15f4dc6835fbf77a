import type { Cell } from './cell.ts';
import type { Timer } from './env.ts';
import { checkDuration } from './number-limits.ts';

/** Runs a turn when no message has come for a while. A message costs it one look at the clock. */
export class IdleWatch {
  readonly #cell: Cell;
  readonly #timeoutMs: number;
  readonly #onIdle: () => unknown;
  #lastAt: number;
  #timer: Timer;
  readonly #disown: () => void;
  /** A turn waits; there is never a second one, however long the actor is busy. */
  #isDue = false;

  /** @throws {BadOption} when `timeoutMs` is no time to wait */
  constructor(cell: Cell, timeoutMs: number, onIdle: () => unknown) {
    checkDuration('timeoutMs', timeoutMs);
    this.#cell = cell;
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
    const { env } = cell.system;
    this.#lastAt = env.now();
    this.#timer = env.setTimer(timeoutMs, this.#look);
    this.#disown = cell.owns(() => this.stop());
  }

  /** A message has come. */
  touch(): void {
    this.#lastAt = this.#cell.system.env.now();
  }

  stop(): void {
    this.#isDue = false;
    this.#timer.cancel();
    this.#disown();
  }

  readonly #look = (): void => {
    const { env } = this.#cell.system;
    const now = env.now();
    if (now - this.#lastAt >= this.#timeoutMs) {
      this.#lastAt = now;
      if (!this.#isDue) this.#cell.interrupt('onIdle', this.#turn);
      this.#isDue = true;
    }
    this.#timer = env.setTimer(this.#timeoutMs - (now - this.#lastAt), this.#look);
  };

  readonly #turn = (): unknown => {
    if (!this.#isDue) return undefined; // It was ended meanwhile.
    this.#isDue = false;
    return this.#onIdle();
  };
}
