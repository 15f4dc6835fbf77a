/** How long a name may still seem to be that of a process which has ended. */
const PATIENCE_MS = 8_000;
/** Before others are asked once more: at first, and at most. */
const AGAIN_MS = 100;
const AGAIN_MS_MAX = 1_000;
/** Once somebody has refused, those who are silent are not waited for any longer than this. */
const ROUND_MS = 1_000;

/** What there is to do next. */
export type ClaimStep =
  /** Call all seeds to join once more. */
  | { readonly kind: 'ask' }
  /** Nothing before that time, unless somebody answers. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** The name is this member's. */
  | { readonly kind: 'free' }
  /**
   * It is that of a process at `address`. `waitedMs`: it has not said so itself, and those who do
   * have not given it up for so long; 0: it has.
   */
  | { readonly kind: 'taken'; readonly address: string; readonly waitedMs: number };

/** How the call to join has gone so far. */
export interface ClaimProgress {
  /** Whether all that were called last have answered, or will not. */
  readonly isAnswered: boolean;
  /** Whether somebody has taken this member in: that nobody answers gives it no name. */
  readonly isTakenIn: boolean;
}

/**
 * Whether the name of a member that joins is its own, as a value. Whatever restarts processes
 * starts the next one at once, maybe at another address, when the others have not yet missed the
 * one before: so it asks again for a while, unless the other process says itself that it is there.
 * It begins when the seeds have been called for the first time.
 */
export class NameClaim {
  #isAsking = true;
  /** Of the round that is under way, or of the pause after it. */
  #untilMs = Infinity;
  #pauseMs = AGAIN_MS;
  /** Who has the name instead, as was said in this round, and in the one before. */
  #holder: string | undefined;
  #before: string | undefined;
  #isSure = false;
  #refusedAtMs = Infinity;

  /** Somebody says that the name belongs to a process at `address`, which is sure of itself. */
  refused(nowMs: number, { address, isSure }: { address: string; isSure: boolean }): void {
    if (!this.#isSure) this.#holder = address;
    this.#isSure ||= isSure;
    if (this.#refusedAtMs !== Infinity) return;
    this.#refusedAtMs = nowMs;
    if (this.#isAsking) this.#untilMs = nowMs + ROUND_MS;
  }

  /** @returns what to do at `nowMs`; asked again when that time has come, or something has */
  next(nowMs: number, { isAnswered, isTakenIn }: ClaimProgress): ClaimStep {
    if (this.#isSure) return this.#taken(0);
    if (this.#isAsking) {
      if (!isAnswered && nowMs < this.#untilMs) return { kind: 'wait', untilMs: this.#untilMs };
      const mayBeFree = isTakenIn || this.#before === undefined;
      if (this.#holder === undefined && mayBeFree) return { kind: 'free' };
      this.#isAsking = false;
      this.#holder ??= this.#before;
      this.#untilMs = Math.min(nowMs + this.#pauseMs, this.#endsAtMs);
      this.#pauseMs = Math.min(2 * this.#pauseMs, AGAIN_MS_MAX);
    }
    if (nowMs >= this.#endsAtMs) return this.#taken(PATIENCE_MS);
    if (nowMs < this.#untilMs) return { kind: 'wait', untilMs: this.#untilMs };
    this.#isAsking = true;
    this.#before = this.#holder;
    this.#holder = undefined;
    this.#untilMs = Math.min(nowMs + ROUND_MS, this.#endsAtMs);
    return { kind: 'ask' };
  }

  get #endsAtMs(): number {
    return this.#refusedAtMs + PATIENCE_MS;
  }

  #taken(waitedMs: number): ClaimStep {
    return { kind: 'taken', address: this.#holder ?? '', waitedMs };
  }
}
