import type { ErrorClass } from '@troupe/remote';
import { Machine } from '../machine.ts';
import { command, query } from '../machine-methods.ts';
import { BarrierTable } from './barrier-table.ts';
import { RESOURCE_CHARS_MAX } from './bounds.ts';
import { type ClaimRequest, ClaimTable, type Holder, topics } from './claim-table.ts';
import { LeaseExpired, SizeMismatch } from './errors.ts';
import { Given } from './given.ts';
import type { KeyRange } from './key-range.ts';
import { type ItemCondition, KeyStore, type StoredItem } from './key-store.ts';
import { LeaseTable } from './lease-table.ts';
import { checkedState, type SavedState } from './saved-state.ts';
import {
  checkSize,
  type HolderCondition,
  type Transaction,
  type TransactionAnswer,
} from './transaction.ts';

/** What became of a claim: it is held, it waits, it cannot be had, or it was withdrawn before. */
export type ClaimAnswer =
  | { readonly kind: 'held'; readonly token: number }
  | { readonly kind: 'waits' | 'refused' | 'withdrawn' };

/** Whether somebody who has come to a barrier may go on. */
export type BarrierAnswer =
  | { readonly kind: 'opened'; readonly at: number }
  /** For others, or others have to leave it first, and then it is worth asking again. */
  | { readonly kind: 'waits' | 'leaving' | 'withdrawn' };

export interface Page {
  readonly items: readonly (readonly [key: string, item: StoredItem])[];
  /** There are keys behind these. */
  readonly more: boolean;
  readonly revision: number;
}

/** What has run out, by the clock of whoever leads. */
export interface Elapsed {
  readonly epoch: number;
  readonly leases: readonly (readonly [id: number, renewed: number])[];
  readonly delays: readonly (readonly [name: string, since: number])[];
}

/** A page never has more keys, nor more bytes of values, but always one key. */
const PAGE_KEYS = 10_000;
const PAGE_BYTES = 4 * 2 ** 20;
/** What is kept of a ticket that is none, no snapshot would give back. */
const TICKETS = [0, Number.MAX_SAFE_INTEGER] as const;

/**
 * Leases, and what they hold: locks, elections, semaphores, barriers, keys. One machine for all, so
 * that a lease that ends gives back everything in one entry. Time is none of its business: the
 * leader proposes what has run out (`elapsed`), and says in which epoch it was of that opinion.
 */
export class CoordinationMachine extends Machine {
  static override readonly errors: readonly ErrorClass[] = [LeaseExpired, SizeMismatch];

  readonly #listeners = new Set<(topic: string) => void>();
  readonly #changed = (topic: string): void => {
    for (const listen of this.#listeners) listen(topic);
  };
  readonly leases: LeaseTable = new LeaseTable();
  readonly claims: ClaimTable = new ClaimTable(this.#changed);
  readonly barriers: BarrierTable = new BarrierTable(this.#changed);
  readonly store: KeyStore = new KeyStore(() => this.#changed(topics.store));

  /** @returns its id */
  @command openLease(ttlMs: number): number {
    this.leases.open(this.entry.index, ttlMs);
    return this.entry.index;
  }

  /** @returns whether there is such a lease still */
  @command renewLease(id: number): boolean {
    return this.leases.renew(id, this.entry.index);
  }

  /** Its owner ends it, and has done with all that it holds. */
  @command closeLease(id: number): boolean {
    return this.#endLease(id, true);
  }

  /** Whoever leads has seen so much time go by. What another leader has seen counts for nothing. */
  @command elapsed({ epoch, leases, delays }: Elapsed): void {
    if (epoch !== this.entry.epoch) return;
    for (const [id, renewed] of leases) {
      if (this.leases.isIdleSince(id, renewed)) this.#endLease(id, false);
    }
    for (const [name, since] of delays) this.claims.lift(name, since, this.entry.index);
  }

  /** @throws {LeaseExpired} {SizeMismatch} {Overloaded} and nothing has changed */
  @command claim(request: ClaimRequest): ClaimAnswer {
    const { resource, lease, ticket, value } = request;
    const given = new Given('the group', 'claim');
    given.name('resource', resource, RESOURCE_CHARS_MAX);
    given.integer('ticket', ticket, TICKETS);
    if (value !== null) given.value('value', value);
    this.leases.demand(lease);
    if (this.leases.isWithdrawn(lease, ticket)) return { kind: 'withdrawn' };
    const token = this.claims.claim(request, this.entry.index);
    if (token === undefined) {
      this.leases.withdraw(lease, ticket); // An attempt before may be on its way still.
      return { kind: 'refused' };
    }
    return token === 0 ? { kind: 'waits' } : { kind: 'held', token };
  }

  /**
   * Gives up a claim, held or waiting, or leaves a barrier, and refuses it should it still come.
   * @returns whether there was one
   */
  @command release(lease: number, ticket: number): boolean {
    new Given('the group', 'release').integer('ticket', ticket, TICKETS);
    this.leases.withdraw(lease, ticket);
    const { index } = this.entry;
    return this.claims.release(lease, ticket, index) || this.barriers.leave(lease, ticket);
  }

  /** @returns whether it is held */
  @command revalue(lease: number, ticket: number, value: Uint8Array | null): boolean {
    if (value !== null) new Given('the group', 'revalue').value('value', value);
    return this.claims.revalue(lease, ticket, value);
  }

  @command enterBarrier(
    name: string,
    member: { readonly size: number; readonly lease: number; readonly ticket: number },
  ): BarrierAnswer {
    const given = new Given('the group', 'enterBarrier');
    given.name('name', name);
    given.integer('ticket', member.ticket, TICKETS);
    this.leases.demand(member.lease);
    if (this.leases.isWithdrawn(member.lease, member.ticket)) return { kind: 'withdrawn' };
    const at = this.barriers.enter(name, member, this.entry.index);
    if (at === undefined) return { kind: 'leaving' };
    return at === 0 ? { kind: 'waits' } : { kind: 'opened', at };
  }

  /** @throws {LeaseExpired} {Overloaded} {BadArguments} and nothing has changed */
  @command transact(transaction: Transaction): TransactionAnswer {
    checkSize(transaction);
    const { conditions, operations, otherwise } = transaction;
    const succeeded = conditions.every((condition) => this.#holds(condition));
    const chosen = succeeded ? operations : otherwise;
    for (const each of chosen) {
      if (each.kind === 'put' && each.lease !== 0) this.leases.demand(each.lease);
    }
    const results = this.store.execute(chosen, this.entry.index);
    return { succeeded, revision: this.store.revision, results };
  }

  @query item(key: string): StoredItem | undefined {
    return this.store.get(key);
  }

  /** At most `limit` keys of `range` behind `after`, in order, and as many as make a page. */
  @query page(range: KeyRange, limit: number, after: string | undefined): Page {
    new Given('the group', 'page').range('range', range);
    const items: (readonly [string, StoredItem])[] = [];
    let [bytes, more] = [0, false];
    for (const each of this.store.range(range, after)) {
      bytes += each[1].value.length;
      const isFull = items.length >= Math.min(limit, PAGE_KEYS);
      more = isFull || (bytes > PAGE_BYTES && items.length > 0);
      if (more) break;
      items.push(each);
    }
    return { items, more, revision: this.store.revision };
  }

  @query revision(): number {
    return this.store.revision;
  }

  @query holders(resource: string): readonly Holder[] {
    return this.claims.holders(resource);
  }

  @query hasLease(id: number): boolean {
    return this.leases.has(id);
  }

  /**
   * Tells of what changes from now on, on this node, while it does: look, and change nothing.
   * @returns ends it
   */
  '~troupe/listen'(listen: (topic: string) => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  protected override save(): SavedState {
    return {
      leases: this.leases.save(),
      claims: this.claims.save(),
      barriers: this.barriers.save(),
      store: this.store.save(),
    };
  }

  /** @throws {BadBytes} */
  protected override load(state: unknown): void {
    const { leases, claims, barriers, store } = checkedState(state);
    this.leases.load(leases);
    this.claims.load(claims);
    this.barriers.load(barriers);
    this.store.load(store);
  }

  #holds(condition: ItemCondition | HolderCondition): boolean {
    if ('key' in condition) return this.store.holds(condition);
    const { resource, token } = condition;
    return this.claims.holders(resource).some((holder) => holder.token === token);
  }

  #endLease(id: number, isClean: boolean): boolean {
    if (!this.leases.end(id)) return false;
    this.claims.dropLease(id, this.entry.index, isClean);
    this.barriers.dropLease(id);
    this.store.dropLease(id, this.entry.index);
    this.#changed(topics.lease(id));
    return true;
  }
}
