import { LOCK_DELAY_MS_MAX, PERMITS_MAX } from './bounds.ts';
import type { Claims, Wish } from './claims.ts';
import { Given } from './given.ts';
import { Held, type HeldParts } from './held.ts';
import type { WaitLimits } from './patience.ts';

export interface LockOptions extends WaitLimits {
  /** Others that ask for it shared may hold it too. Default: false. */
  readonly shared?: boolean;
  /**
   * Milliseconds for which nobody gets the lock when this holder's session runs out, so that what
   * it has sent last may arrive first. Not after a release. 0 … 3,600,000; default: 0.
   */
  readonly lockDelayMs?: number;
}

/** A lock that is held, under a token. */
export type Lock = Held;

/** Locks by name, first come, first served. Any node may ask; a session of its own holds them. */
export class Locks {
  readonly #claims: Claims;

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /**
   * Waits until nobody else holds the lock. It is not re-entrant: whoever holds it and asks again
   * waits for itself.
   * @example `await using lock = await locks.acquire('reindex', { timeoutMs: 5_000 });`
   * @throws {DeadlineExceeded} executed: no; it was not to be had within `timeoutMs`
   * @throws {Cancelled} executed: no; `signal` was aborted
   * @throws {Overloaded} executed: no; as many wait as may
   * @throws {BadArguments} executed: no; the name, or an option, cannot be used
   */
  async acquire(name: string, options: LockOptions = {}): Promise<Lock> {
    return await this.#claims.claim(wishOf('acquire', name, options), options, held);
  }

  /** @returns undefined when somebody else holds it, waits for it, or its delay is not over */
  async tryAcquire(name: string, options: LockOptions = {}): Promise<Lock | undefined> {
    return await this.#claims.tryClaim(wishOf('tryAcquire', name, options), options, held);
  }
}

/** An exclusive holder takes all permits that a lock has, a shared one takes one. */
function wishOf(method: string, name: string, options: LockOptions): Wish {
  const given = new Given('locks', method);
  given.name('name', name);
  given.wait(options, ['shared', 'lockDelayMs']);
  const { shared = false, lockDelayMs = 0 } = options;
  given.flag('shared', shared);
  given.integer('lockDelayMs', lockDelayMs, [0, LOCK_DELAY_MS_MAX]);
  return {
    resource: lockResource(name),
    size: PERMITS_MAX,
    take: shared ? 1 : PERMITS_MAX,
    delayMs: lockDelayMs,
    value: null,
  };
}

/** As the machine calls it: locks, elections and semaphores of one name are different things. */
export function lockResource(name: string): string {
  return `lock ${name}`;
}

function held(parts: HeldParts): Held {
  return new Held(parts);
}
