import { Overloaded } from '@troupe/actor';
import { LEASES_MAX, TTL_MS_MAX, TTL_MS_MIN, WITHDRAWN_MAX } from './bounds.ts';
import { LeaseExpired } from './errors.ts';
import { Given } from './given.ts';

const GIVEN = new Given('the group', 'openLease');

interface Lease {
  readonly ttlMs: number;
  /** Index of the entry that opened or last renewed it. */
  renewed: number;
  /** Tickets whose claims must not be made any more, should they still come. */
  readonly withdrawn: Set<number>;
}

export type SavedLease = readonly [
  id: number,
  ttlMs: number,
  renewed: number,
  withdrawn: readonly number[],
];

/** Who is alive, as far as the log knows: it holds no clock, and nothing ends here by itself. */
export class LeaseTable {
  readonly #leases = new Map<number, Lease>();

  get size(): number {
    return this.#leases.size;
  }

  /** @throws {BadArguments} {Overloaded} */
  open(id: number, ttlMs: number): void {
    GIVEN.integer('ttlMs', ttlMs, [TTL_MS_MIN, TTL_MS_MAX]);
    if (this.#leases.size >= LEASES_MAX) throw new Overloaded('the group', 'leases', LEASES_MAX);
    this.#leases.set(id, { ttlMs, renewed: id, withdrawn: new Set() });
  }

  has(id: number): boolean {
    return this.#leases.has(id);
  }

  /** @throws {LeaseExpired} */
  demand(id: number): void {
    if (!this.#leases.has(id)) throw new LeaseExpired(id);
  }

  /** @returns whether there is such a lease */
  renew(id: number, at: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.renewed = at;
    return true;
  }

  /** @returns whether it was not renewed since the entry `renewed` */
  isIdleSince(id: number, renewed: number): boolean {
    return this.#leases.get(id)?.renewed === renewed;
  }

  end(id: number): boolean {
    return this.#leases.delete(id);
  }

  /** Refuses a claim that may still be on its way; of very many the oldest are forgotten. */
  withdraw(id: number, ticket: number): void {
    const withdrawn = this.#leases.get(id)?.withdrawn;
    if (withdrawn === undefined) return;
    withdrawn.add(ticket);
    const [oldest] = withdrawn;
    if (withdrawn.size > WITHDRAWN_MAX && oldest !== undefined) withdrawn.delete(oldest);
  }

  isWithdrawn(id: number, ticket: number): boolean {
    return this.#leases.get(id)?.withdrawn.has(ticket) === true;
  }

  /** For who watches the time: each lease, and the entry since which it is idle. */
  *entries(): Iterable<{ readonly id: number; readonly ttlMs: number; readonly renewed: number }> {
    for (const [id, { ttlMs, renewed }] of this.#leases) yield { id, ttlMs, renewed };
  }

  save(): readonly SavedLease[] {
    return [...this.#leases].map(([id, { ttlMs, renewed, withdrawn }]): SavedLease => {
      return [id, ttlMs, renewed, [...withdrawn]];
    });
  }

  load(saved: readonly SavedLease[]): void {
    for (const [id, ttlMs, renewed, withdrawn] of saved) {
      this.#leases.set(id, { ttlMs, renewed, withdrawn: new Set(withdrawn) });
    }
  }
}
