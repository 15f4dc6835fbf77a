import { LockLost } from './errors.ts';
import type { Session } from './session.ts';

export interface HeldParts {
  /** For example `lock reindex`. */
  readonly what: string;
  readonly token: number;
  readonly ticket: number;
  readonly session: Session;
  /** Resolves when it is given back, or the session is over. */
  giveBack(): Promise<void>;
}

/** Something that this process holds for as long as its session lives, or until it is released. */
export class Held implements AsyncDisposable {
  /**
   * The fencing token: whoever holds the same later has a greater one, over the life of the group.
   * Send it along with what you do, and let the other side refuse a token below one it has seen.
   */
  readonly token: number;
  readonly #parts: HeldParts;
  readonly #controller = new AbortController();
  readonly #forget: () => void;
  #releasing: Promise<void> | undefined;

  constructor(parts: HeldParts) {
    this.token = parts.token;
    this.#parts = parts;
    this.#forget = parts.session.onDanger((state) => this.#lose(state));
  }

  /**
   * Aborted, with `LockLost` as the reason, before the group can give it to somebody else, as far
   * as this process is awake to see it; also when it is released. It is never un-aborted.
   */
  get signal(): AbortSignal {
    const { state } = this.#parts.session;
    if (state !== 'safe') this.#lose(state);
    return this.#controller.signal;
  }

  /** Milliseconds for which it is certain that nobody else holds it; 0 when it may be lost. */
  get remainingMs(): number {
    return this.signal.aborted ? 0 : this.#parts.session.remainingMs;
  }

  /** Resolves when it is given back, or the session, and so all that it held, is over. */
  release(): Promise<void> {
    if (this.#releasing === undefined) {
      this.#lose('released');
      this.#releasing = this.#parts.giveBack();
    }
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #lose(reason: LockLost['reason']): void {
    if (this.#controller.signal.aborted) return;
    this.#forget();
    this.#controller.abort(new LockLost(this.#parts.what, this.token, reason));
  }
}
