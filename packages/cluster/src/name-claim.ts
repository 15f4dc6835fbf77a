import type { Env, Log, Timer } from '@troupe/actor';
import { errorOf, SparseLog } from '@troupe/actor/internal';
import { NameClaim } from '@troupe/gossip';
import { NameTaken } from './errors.ts';

export interface ClaimantOptions {
  /** Of the node that joins. */
  readonly name: string;
  readonly env: Env;
  readonly log: Log;
  /** Calls all seeds; resolves when they have answered or will not. */
  readonly ask: (isFirst: boolean) => Promise<void>;
  /** Whether somebody has taken this node in. */
  readonly isTakenIn: () => boolean;
}

/**
 * Carries out the claim of a name: asks, waits for answers, and asks again. Once the name is this
 * node's, who says that it is another one's is only told to the log.
 */
export class NameClaimant {
  readonly #options: ClaimantOptions;
  readonly #claim = new NameClaim();
  readonly #takenLog: SparseLog;
  #rounds = 0;
  #isAnswered = false;
  #failure: Error | undefined;
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #isStopped = false;
  #isOver = false;

  constructor(options: ClaimantOptions) {
    this.#options = options;
    this.#takenLog = new SparseLog(options.env);
  }

  /** Somebody says that the name belongs to a process at `address`. */
  refused(said: { readonly address: string; readonly isSure: boolean }): void {
    const { name, env, log } = this.#options;
    if (this.#isOver) {
      return this.#takenLog.line((unlogged) => {
        const error = new NameTaken(name, said.address);
        log.error({ error, unlogged }, 'another node has taken the name of this one');
      });
    }
    this.#claim.refused(env.now(), said);
    this.#wake?.();
  }

  /**
   * Resolves when the name is this node's, or the node stops. What has been asked and is not
   * answered by then is left to itself.
   * @throws {NameTaken} 8 s after the first refusal at the latest
   */
  async run(): Promise<void> {
    await this.#decide();
    this.#isOver = true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  async #decide(): Promise<void> {
    const { name, env, isTakenIn } = this.#options;
    this.#ask(true);
    while (!this.#isStopped) {
      if (this.#failure !== undefined) throw this.#failure;
      const progress = { isAnswered: this.#isAnswered, isTakenIn: isTakenIn() };
      const step = this.#claim.next(env.now(), progress);
      switch (step.kind) {
        case 'free':
          return;
        case 'taken':
          throw new NameTaken(name, step.address, step.waitedMs);
        case 'ask':
          this.#ask(false);
          break;
        case 'wait':
          await this.#until(step.untilMs);
      }
    }
  }

  #ask(isFirst: boolean): void {
    this.#isAnswered = false;
    const round = (this.#rounds += 1);
    const over = (failure?: Error): void => {
      if (round !== this.#rounds) return; // It is waited for no longer.
      this.#isAnswered = true;
      this.#failure = failure;
      this.#wake?.();
    };
    this.#options.ask(isFirst).then(
      () => over(),
      (error: unknown) => over(errorOf(error)),
    );
  }

  /** Until that time, or until something has happened. */
  async #until(timeMs: number): Promise<void> {
    const { env } = this.#options;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeMs !== Infinity) this.#timer = env.setTimer(timeMs - env.now(), resolve);
    });
    this.#timer?.cancel();
  }
}
