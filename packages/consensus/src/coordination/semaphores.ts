import { ANSWER_MS, type Claims, type Wish } from './claims.ts';
import { Held, type HeldParts } from './held.ts';
import { checkName } from './key-store.ts';
import type { WaitLimits } from './patience.ts';

export interface SemaphoreOptions extends WaitLimits {
  /** How many there are in all: the same for everybody who uses it. */
  readonly permits: number;
  /** How many are wanted. Default: 1. */
  readonly take?: number;
}

/** Semaphores by name: so many permits for all nodes together, first come, first served. */
export class Semaphores {
  readonly #claims: Claims;

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /**
   * Waits until the permits are there. Several who get theirs by one release have one token.
   * @throws {SizeMismatch} executed: no; it is in use with another number of permits
   * @throws {DeadlineExceeded} {Cancelled} {Overloaded} executed: no
   */
  async acquire(name: string, options: SemaphoreOptions): Promise<Held> {
    const permits = await this.#claims.claim(wishOf(name, options, true), options, held);
    if (permits !== undefined) return permits;
    throw new Error(`BUG: semaphore ${name} was refused to who would wait`);
  }

  /** @returns undefined when there are not enough, or others wait */
  async tryAcquire(name: string, options: SemaphoreOptions): Promise<Held | undefined> {
    return await this.#claims.claim(
      wishOf(name, options, false),
      { waitMs: ANSWER_MS, ...options },
      held,
    );
  }
}

function wishOf(name: string, { permits, take = 1 }: SemaphoreOptions, wait: boolean): Wish {
  checkName('the name of a semaphore', name);
  const resource = `semaphore ${name}`;
  return { resource, size: permits, take, wait, delayMs: 0, value: null };
}

function held(parts: HeldParts): Held {
  return new Held(parts);
}
