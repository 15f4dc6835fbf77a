import { type CallError, type Env, isCallError } from '@troupe/actor';
import { GroupClosed } from '../errors.ts';
import type { Patience } from './patience.ts';
import {
  instant,
  Session,
  SESSION_GRACE_MS,
  SESSION_TTL_MS,
  type SessionOptions,
  type SessionParts,
} from './session.ts';

/** How long who closes waits for the group to hear of it. */
const CLOSE_MS = 1_000;

/** The session of this node: opened when something is to be held, and anew when it has expired. */
export class Sessions {
  readonly #parts: SessionParts;
  readonly #ttlMs: number;
  readonly #graceMs: number;
  #present: Session | undefined;
  #opening: Promise<Session> | undefined;
  #closed: Error | undefined;

  constructor(parts: SessionParts, { ttlMs, graceMs }: SessionOptions) {
    this.#parts = parts;
    this.#ttlMs = ttlMs ?? SESSION_TTL_MS;
    this.#graceMs = graceMs ?? SESSION_GRACE_MS;
  }

  get present(): Session | undefined {
    return this.#present;
  }

  /** @throws what `patience` is at its end with, and what no further attempt could mend */
  async current(patience: Patience): Promise<Session> {
    for (;;) {
      if (patience.error !== undefined) throw patience.error;
      if (this.#closed !== undefined) throw this.#closed;
      if (this.#present !== undefined && this.#present.state !== 'expired') return this.#present;
      this.#opening ??= this.#open();
      try {
        return await raced(this.#opening, patience.signal);
      } catch (error) {
        if (patience.error !== undefined) continue;
        if (!isWorthAnotherTry(error)) throw error;
        patience.last = error;
      }
    }
  }

  /**
   * Gives back what is held. Who waits, or comes later, is told `error`, and no other session is
   * opened: what that had would be held by nobody until its time is over.
   * @returns whether the group has heard of it
   */
  async close(error: Error): Promise<boolean> {
    this.#closed ??= error;
    const opening = this.#opening?.catch(() => undefined);
    const session = opening ? await inTime(this.#parts.env, opening) : this.#present;
    void opening?.then((late) => late?.end());
    if (session === undefined || session.state === 'expired') return true;
    session.end();
    const calls = this.#parts.replica.with({ timeoutMs: CLOSE_MS });
    return calls.closeLease(session.id).then(
      () => true,
      () => false,
    );
  }

  async #open(): Promise<Session> {
    try {
      const begunAt = instant(this.#parts.env);
      const id = await this.#parts.replica.openLease(this.#ttlMs);
      const [ttlMs, graceMs] = [this.#ttlMs, this.#graceMs];
      return (this.#present = new Session(this.#parts, { id, begunAt, ttlMs, graceMs }));
    } finally {
      this.#opening = undefined;
    }
  }
}

/** The attempt failed, and the same once more may not: whatever became of it, it does no harm. */
export function isWorthAnotherTry(error: unknown): error is CallError {
  if (!isCallError(error) || error instanceof GroupClosed) return false;
  const { code } = error;
  return (
    code === 'ERR_DEADLINE_EXCEEDED' ||
    code === 'ERR_OUTCOME_UNKNOWN' ||
    code === 'ERR_SESSION_EXPIRED'
  );
}

/** @returns undefined when it takes longer than who closes has to wait for */
export function inTime<T>(env: Env, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = env.setTimer(CLOSE_MS, () => resolve(undefined));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** @throws the reason of `signal`, if that comes first */
function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
