import type { Env, Timer } from '@troupe/actor';
import { NameTaken } from './errors.ts';

/** How long a name may still seem to be that of a process which has ended. */
const PATIENCE_MS = 8_000;
/** Before others are asked once more: at first, and at most. */
const AGAIN_MS = 100;
const AGAIN_MS_MAX = 1_000;

/**
 * Whether the name of a node that joins is its own. Whatever restarts processes starts the next one
 * at once, maybe at another address, when the others have not yet missed the one before: so it asks
 * again for a while, unless the other process says itself that it is there.
 */
export class NameClaim {
  readonly #name: string;
  readonly #env: Env;
  #holder: string | undefined;
  #isSure = false;
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #isStopped = false;

  constructor(name: string, env: Env) {
    this.#name = name;
    this.#env = env;
  }

  /** Who has the name instead, as far as is known. */
  get refusal(): NameTaken | undefined {
    return this.#holder === undefined ? undefined : new NameTaken(this.#name, this.#holder);
  }

  /** Somebody says that the name belongs to a process at `holder`. */
  refused(holder: string, isSure: boolean): void {
    if (!this.#isSure) this.#holder = holder;
    this.#isSure ||= isSure;
  }

  /**
   * @param ask asks all again; resolves when they have answered or will not, with whether somebody
   *   has taken this node in: that nobody answers gives it no name
   */
  async outwait(ask: () => Promise<boolean>): Promise<void> {
    const untilMs = this.#env.now() + PATIENCE_MS;
    let pauseMs = AGAIN_MS;
    while (this.#mayBeFree && this.#env.now() < untilMs) {
      await this.#pause(pauseMs);
      if (this.#isStopped) return;
      pauseMs = Math.min(2 * pauseMs, AGAIN_MS_MAX);
      const holder = this.#holder;
      this.#holder = undefined;
      const isTakenIn = await ask();
      if (!isTakenIn) this.#holder ??= holder;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wake?.();
  }

  get #mayBeFree(): boolean {
    return this.#holder !== undefined && !this.#isSure && !this.#isStopped;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#env.setTimer(ms, resolve);
    });
  }
}
