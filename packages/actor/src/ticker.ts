import { ReceiverEnd } from './channel.ts';
import type { Receiver } from './channel.ts';
import { ChannelCore } from './channel-core.ts';
import { type Env, processDefault, type Timer } from './env.ts';
import { checkDuration } from './number-limits.ts';

/**
 * Yields whenever a period has passed: how many have since the last tick that was received, which
 * is 1 unless the receiver was slow. Ticks do not queue.
 */
export interface Ticker extends Receiver<number> {
  /** Starts over, with another period if one is given. */
  reset(periodMs?: number): void;
  /** Ends the ticks, as closing a channel would. */
  stop(): void;
}

/**
 * A receiver of ticks, for loops and for `select`. It has a timer only while somebody waits for a
 * tick: one that is abandoned costs nothing, and keeps no process alive.
 * @param periodMs 1 … 2 ** 31 - 1
 */
export function ticker(periodMs: number, options: { readonly env?: Env } = {}): Ticker {
  return new TickerEnd(periodMs, options.env ?? processDefault);
}

class TickerEnd extends ReceiverEnd<number> implements Ticker {
  readonly #env: Env;
  #periodMs: number;
  #startedAt: number;
  /** Periods since the start: those received, and those that the buffered tick stands for too. */
  #received = 0;
  #offered = 0;
  #timer: Timer | undefined;

  constructor(periodMs: number, env: Env) {
    super(
      new ChannelCore<number>(1, env, {
        refresh: () => this.#refresh(),
        taken: () => (this.#received = this.#offered),
        demanded: () => this.#arm(),
        idle: () => this.#disarm(),
      }),
    );
    this.#env = env;
    this.#periodMs = validPeriod(periodMs);
    this.#startedAt = env.now();
  }

  reset(periodMs: number = this.#periodMs): void {
    this.#periodMs = validPeriod(periodMs);
    this.core.drop();
    this.#startedAt = this.#env.now();
    this.#received = this.#offered = 0;
    this.#disarm();
    if (!this.core.receivers.isEmpty) this.#arm();
  }

  stop(): void {
    this.core.drop();
    this.core.close();
  }

  #refresh(): void {
    if (this.core.isClosed) return;
    const passed = Math.floor((this.#env.now() - this.#startedAt) / this.#periodMs);
    if (passed <= this.#offered) return;
    this.#offered = passed;
    this.core.replace(passed - this.#received);
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const dueAt = this.#startedAt + (this.#offered + 1) * this.#periodMs;
    this.#timer = this.#env.setTimer(Math.max(0, dueAt - this.#env.now()), () => {
      this.#timer = undefined;
      this.#refresh();
      if (!this.core.receivers.isEmpty) this.#arm();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function validPeriod(periodMs: number): number {
  checkDuration('periodMs', periodMs);
  return periodMs;
}
