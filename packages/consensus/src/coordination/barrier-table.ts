import { Overloaded } from '@troupe/actor';
import { BARRIER_SIZE_MAX, BARRIERS_MAX, MEMBERS_MAX } from './bounds.ts';
import { keyOf, topics } from './claim-table.ts';
import { SizeMismatch } from './errors.ts';
import { Given } from './given.ts';

const GIVEN = new Given('the group', 'enterBarrier');

interface Barrier {
  readonly size: number;
  /** Index of the entry that opened it; 0 while members are missing. */
  opened: number;
  /** Who has come and not left. */
  readonly members: Set<string>;
}

export type SavedBarrier = readonly [
  name: string,
  size: number,
  opened: number,
  members: readonly (readonly [lease: number, ticket: number])[],
];

/** Meeting points: nobody goes on before all have come, and if they like, before all have left. */
export class BarrierTable {
  readonly #barriers = new Map<string, Barrier>();
  readonly #byLease = new Map<number, Map<number, string>>();
  readonly #changed: (topic: string) => void;
  #members = 0;

  /** @param changed is told what is new; see `topics` */
  constructor(changed: (topic: string) => void) {
    this.#changed = changed;
  }

  /**
   * @returns the index at which it opened, 0 while members are missing; undefined: it is open for
   * others, who have to leave first
   * @throws {SizeMismatch} {Overloaded} {BadArguments} and nothing has changed
   */
  enter(
    name: string,
    { size, lease, ticket }: { size: number; lease: number; ticket: number },
    at: number,
  ): number | undefined {
    const there = this.#barriers.get(name);
    if (there !== undefined && there.members.has(keyOf(lease, ticket))) return there.opened;
    GIVEN.integer('size', size, [1, BARRIER_SIZE_MAX]);
    if (there !== undefined && there.opened > 0) return undefined;
    if (there !== undefined && there.size !== size) {
      throw new SizeMismatch(`barrier ${name}`, there.size, size);
    }
    if (there === undefined && this.#barriers.size >= BARRIERS_MAX) {
      throw new Overloaded('the group', 'barriers', BARRIERS_MAX);
    }
    if (this.#members >= MEMBERS_MAX) {
      throw new Overloaded('the group', 'members of barriers', MEMBERS_MAX);
    }
    const barrier = there ?? { size, opened: 0, members: new Set() };
    this.#barriers.set(name, barrier);
    this.#add(name, barrier, [lease, ticket]);
    if (barrier.members.size === size) {
      barrier.opened = at;
      this.#changed(topics.barrier(name));
    }
    return barrier.opened;
  }

  /** @returns whether there was such a member */
  leave(lease: number, ticket: number): boolean {
    const name = this.#byLease.get(lease)?.get(ticket);
    if (name === undefined) return false;
    this.#remove(name, lease, ticket);
    return true;
  }

  dropLease(lease: number): void {
    for (const [ticket, name] of this.#byLease.get(lease) ?? []) {
      this.#remove(name, lease, ticket);
    }
  }

  /** As `opened`, for one member; undefined: it is none, or no more. */
  openedFor(name: string, lease: number, ticket: number): number | undefined {
    const isMember = this.#byLease.get(lease)?.get(ticket) === name;
    return isMember ? this.opened(name) : undefined;
  }

  /** @returns the index at which it opened, 0 while members are missing; undefined: all left */
  opened(name: string): number | undefined {
    return this.#barriers.get(name)?.opened;
  }

  save(): readonly SavedBarrier[] {
    const owners = new Map<string, [number, number][]>();
    for (const [lease, own] of this.#byLease) {
      for (const [ticket, name] of own) {
        const members = owners.get(name) ?? [];
        owners.set(name, members);
        members.push([lease, ticket]);
      }
    }
    return [...this.#barriers].map(([name, { size, opened }]): SavedBarrier => {
      return [name, size, opened, owners.get(name) ?? []];
    });
  }

  load(saved: readonly SavedBarrier[]): void {
    for (const [name, size, opened, members] of saved) {
      const barrier = { size, opened, members: new Set<string>() };
      this.#barriers.set(name, barrier);
      for (const member of members) this.#add(name, barrier, member);
    }
  }

  #add(name: string, barrier: Barrier, [lease, ticket]: readonly [number, number]): void {
    barrier.members.add(keyOf(lease, ticket));
    this.#members += 1;
    const own = this.#byLease.get(lease) ?? new Map<number, string>();
    this.#byLease.set(lease, own.set(ticket, name));
  }

  #remove(name: string, lease: number, ticket: number): void {
    const own = this.#byLease.get(lease);
    own?.delete(ticket);
    if (own?.size === 0) this.#byLease.delete(lease);
    const barrier = this.#barriers.get(name);
    if (barrier?.members.delete(keyOf(lease, ticket)) === true) this.#members -= 1;
    if (barrier?.members.size === 0) this.#barriers.delete(name);
    this.#changed(topics.barrier(name));
  }
}
