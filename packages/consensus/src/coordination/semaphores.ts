import { PERMITS_MAX } from './bounds.ts';
import type { Claims, Wish } from './claims.ts';
import { Given } from './given.ts';
import { Held, type HeldParts } from './held.ts';
import type { WaitLimits } from './patience.ts';

export interface SemaphoreOptions extends WaitLimits {
  /** How many there are in all, 1 … 2 ** 31 - 1: the same for everybody who uses it. */
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
   * @throws {DeadlineExceeded} {Cancelled} {Overloaded} {BadArguments} executed: no
   */
  async acquire(name: string, options: SemaphoreOptions): Promise<Held> {
    return await this.#claims.claim(wishOf('acquire', name, options), options, held);
  }

  /** @returns undefined when there are not enough, or others wait */
  async tryAcquire(name: string, options: SemaphoreOptions): Promise<Held | undefined> {
    return await this.#claims.tryClaim(wishOf('tryAcquire', name, options), options, held);
  }
}

function wishOf(method: string, name: string, options: SemaphoreOptions): Wish {
  const given = new Given('semaphores', method);
  given.name('name', name);
  given.object('options', options, '{ permits }');
  given.wait(options, ['permits', 'take']);
  const { permits, take = 1 } = options;
  given.integer('permits', permits, [1, PERMITS_MAX]);
  given.integer('take', take, [1, permits]);
  const resource = `semaphore ${name}`;
  return { resource, size: permits, take, delayMs: 0, value: null };
}

function held(parts: HeldParts): Held {
  return new Held(parts);
}
