import { Overloaded } from '@troupe/actor';
import {
  CLAIM_BYTES_MAX,
  CLAIMS_MAX,
  LOCK_DELAY_MS_MAX,
  PERMITS_MAX,
  WAITERS_MAX,
} from './bounds.ts';
import { SizeMismatch } from './errors.ts';
import { Given } from './given.ts';

const GIVEN = new Given('the group', 'claim');

/** What somebody wants of a resource: some of its permits, or all. */
export interface ClaimRequest {
  /** For example `lock reindex`. */
  readonly resource: string;
  /** Permits that the resource has. */
  readonly size: number;
  readonly take: number;
  readonly lease: number;
  /** Counts the claims of a lease, so that one which is repeated is recognised. */
  readonly ticket: number;
  /** Whether to wait where it cannot be had at once. */
  readonly wait: boolean;
  /** How long nobody gets the resource after its holder's lease ran out. */
  readonly delayMs: number;
  /** What everybody may know of the holder. */
  readonly value: Uint8Array | null;
}

interface Claim {
  readonly resource: string;
  readonly lease: number;
  readonly ticket: number;
  readonly take: number;
  readonly delayMs: number;
  value: Uint8Array | null;
  /** Index of the entry that granted it; 0 while it waits. */
  token: number;
}

interface Delay {
  /** Index of the entry that began it. */
  readonly since: number;
  readonly ms: number;
}

interface Resource {
  readonly size: number;
  used: number;
  /** By claim, in the order in which they were granted, or made. */
  readonly holders: Map<string, Claim>;
  readonly waiters: Map<string, Claim>;
  delay: Delay | undefined;
}

/** One who holds a resource, as everybody may see. */
export interface Holder {
  readonly token: number;
  readonly lease: number;
  readonly value: Uint8Array | null;
}

export type SavedResource = readonly [
  name: string,
  size: number,
  delay: readonly [since: number, ms: number] | null,
  claims: readonly (readonly [
    lease: number,
    ticket: number,
    take: number,
    delayMs: number,
    value: Uint8Array | null,
    token: number,
  ])[],
];

/**
 * Who holds what, and who waits for it, first come, first served. Locks, elections and semaphores
 * are all this: a resource of so many permits. An exclusive lock takes them all, a shared one takes
 * one. A token is the index of the entry that granted it, so it grows over the life of the group.
 */
export class ClaimTable {
  readonly #resources = new Map<string, Resource>();
  readonly #byLease = new Map<number, Map<string, Claim>>();
  readonly #changed: (topic: string) => void;
  #count = 0;
  #bytes = 0;

  /** @param changed is told what is new; see `topics` */
  constructor(changed: (topic: string) => void) {
    this.#changed = changed;
  }

  /**
   * @returns the token, 0 when the claim waits, or undefined when it cannot be had at once
   * @throws {SizeMismatch} {Overloaded} {BadArguments} and nothing has changed
   */
  claim(request: ClaimRequest, at: number): number | undefined {
    const { resource: name, size, take, lease, ticket, delayMs, value } = request;
    const known = this.#byLease.get(lease)?.get(keyOf(lease, ticket));
    if (known !== undefined) return known.token;
    checkRequest(request);
    const there = this.#resources.get(name);
    if (there !== undefined && there.size !== size && there.holders.size + there.waiters.size > 0) {
      throw new SizeMismatch(name, there.size, size);
    }
    const isFree = there === undefined || isOpenTo(there, take);
    if (!isFree && !request.wait) return undefined;
    // What is kept from everybody for a while has no claims, and takes room all the same.
    const isNew = there === undefined && this.#resources.size >= CLAIMS_MAX;
    if (isNew || this.#count >= CLAIMS_MAX) {
      throw new Overloaded('the group', 'claims', CLAIMS_MAX);
    }
    this.#demandRoom(bytesOf(request));
    if (!isFree && there.waiters.size >= WAITERS_MAX) {
      throw new Overloaded(name, 'claims that wait', WAITERS_MAX);
    }
    const claim = { resource: name, lease, ticket, take, delayMs, value, token: 0 };
    const resource = this.#resourceFor(name, size);
    this.#add(resource, claim);
    this.#grant(name, resource, at);
    return claim.token;
  }

  /** @returns whether there was such a claim, held or waiting */
  release(lease: number, ticket: number, at: number): boolean {
    const claim = this.#byLease.get(lease)?.get(keyOf(lease, ticket));
    if (claim === undefined) return false;
    this.#remove(claim);
    this.#settle(claim.resource, at);
    return true;
  }

  /**
   * Everybody may know something else of the holder.
   * @returns whether it holds the resource
   * @throws {Overloaded} and nothing has changed
   */
  revalue(lease: number, ticket: number, value: Uint8Array | null): boolean {
    const claim = this.#byLease.get(lease)?.get(keyOf(lease, ticket));
    if (claim === undefined || claim.token === 0) return false;
    const added = (value?.length ?? 0) - (claim.value?.length ?? 0);
    this.#demandRoom(added);
    this.#bytes += added;
    claim.value = value;
    this.#changed(topics.resource(claim.resource));
    return true;
  }

  /**
   * Gives back all that `lease` holds and waits for.
   * @param isClean its owner said so; else what it held is given to nobody before its delay is over
   */
  dropLease(lease: number, at: number, isClean: boolean): void {
    const claims = [...(this.#byLease.get(lease)?.values() ?? [])];
    for (const claim of claims) {
      this.#remove(claim);
      const resource = this.#resources.get(claim.resource);
      if (isClean || claim.token === 0 || claim.delayMs === 0 || resource === undefined) continue;
      resource.delay = { since: at, ms: Math.max(claim.delayMs, resource.delay?.ms ?? 0) };
    }
    for (const name of new Set(claims.map(({ resource }) => resource))) this.#settle(name, at);
  }

  /** The delay that began at the entry `since` is over. @returns false when it was not the one */
  lift(name: string, since: number, at: number): boolean {
    const resource = this.#resources.get(name);
    if (resource === undefined || resource.delay?.since !== since) return false;
    resource.delay = undefined;
    this.#settle(name, at);
    return true;
  }

  /** @returns its token, 0 while it waits, undefined when there is no such claim */
  tokenOf(lease: number, ticket: number): number | undefined {
    return this.#byLease.get(lease)?.get(keyOf(lease, ticket))?.token;
  }

  holders(name: string): readonly Holder[] {
    const holders = this.#resources.get(name)?.holders.values() ?? [];
    return [...holders].map(({ token, lease, value }) => ({ token, lease, value }));
  }

  waiting(name: string): number {
    return this.#resources.get(name)?.waiters.size ?? 0;
  }

  /** For who watches the time: what is given to nobody, and since which entry. */
  *delays(): Iterable<{ readonly name: string; readonly since: number; readonly ms: number }> {
    for (const [name, { delay }] of this.#resources) if (delay) yield { name, ...delay };
  }

  save(): readonly SavedResource[] {
    return [...this.#resources].map(([name, { size, delay, holders, waiters }]): SavedResource => {
      const claims = [...holders.values(), ...waiters.values()].map((claim) => {
        const { lease, ticket, take, delayMs, value, token } = claim;
        return [lease, ticket, take, delayMs, value, token] as const;
      });
      return [name, size, delay === undefined ? null : [delay.since, delay.ms], claims];
    });
  }

  load(saved: readonly SavedResource[]): void {
    for (const [name, size, delay, claims] of saved) {
      const resource = this.#resourceFor(name, size);
      if (delay !== null) resource.delay = { since: delay[0], ms: delay[1] };
      for (const [lease, ticket, take, delayMs, value, token] of claims) {
        this.#add(resource, { resource: name, lease, ticket, take, delayMs, value, token });
      }
    }
  }

  /** Grants to whoever waits and now may have it; a resource that nobody wants is forgotten. */
  #settle(name: string, at: number): void {
    const resource = this.#resources.get(name);
    if (resource === undefined) return;
    this.#grant(name, resource, at);
    const { holders, waiters, delay } = resource;
    if (holders.size + waiters.size === 0 && delay === undefined) this.#resources.delete(name);
  }

  #grant(name: string, resource: Resource, at: number): void {
    for (const [key, claim] of resource.waiters) {
      if (resource.delay !== undefined || resource.used + claim.take > resource.size) break;
      resource.waiters.delete(key);
      claim.token = at;
      resource.holders.set(key, claim);
      resource.used += claim.take;
      this.#changed(topics.claim(claim.lease, claim.ticket));
    }
    this.#changed(topics.resource(name));
  }

  #demandRoom(added: number): void {
    if (added <= 0 || this.#bytes + added <= CLAIM_BYTES_MAX) return;
    throw new Overloaded('the group', 'bytes of claims', CLAIM_BYTES_MAX);
  }

  #resourceFor(name: string, size: number): Resource {
    const there = this.#resources.get(name);
    if (
      there !== undefined &&
      (there.size === size || there.holders.size + there.waiters.size > 0)
    ) {
      return there;
    }
    const delay = there?.delay;
    const resource = { size, used: 0, holders: new Map(), waiters: new Map(), delay };
    this.#resources.set(name, resource);
    return resource;
  }

  #add(resource: Resource, claim: Claim): void {
    const key = keyOf(claim.lease, claim.ticket);
    (claim.token === 0 ? resource.waiters : resource.holders).set(key, claim);
    if (claim.token > 0) resource.used += claim.take;
    const own = this.#byLease.get(claim.lease) ?? new Map<string, Claim>();
    this.#byLease.set(claim.lease, own.set(key, claim));
    this.#count += 1;
    this.#bytes += bytesOf(claim);
  }

  #remove(claim: Claim): void {
    const { lease, ticket } = claim;
    const key = keyOf(lease, ticket);
    const resource = this.#resources.get(claim.resource);
    if (resource?.holders.delete(key) === true) resource.used -= claim.take;
    resource?.waiters.delete(key);
    const own = this.#byLease.get(lease);
    own?.delete(key);
    if (own?.size === 0) this.#byLease.delete(lease);
    this.#count -= 1;
    this.#bytes -= bytesOf(claim);
    this.#changed(topics.claim(lease, ticket));
  }
}

/** What listeners may ask to be told of. */
export const topics = {
  lease: (id: number): string => `lease ${id}`,
  claim: (lease: number, ticket: number): string => `claim ${keyOf(lease, ticket)}`,
  resource: (name: string): string => `resource ${name}`,
  barrier: (name: string): string => `barrier ${name}`,
  store: 'store',
};

export function keyOf(lease: number, ticket: number): string {
  return `${lease}/${ticket}`;
}

/** Whoever came first is served first, also where somebody who wants less could be served now. */
function isOpenTo({ size, used, waiters, delay }: Resource, take: number): boolean {
  return delay === undefined && waiters.size === 0 && used + take <= size;
}

function bytesOf({ resource, value }: Pick<ClaimRequest, 'resource' | 'value'>): number {
  return resource.length + (value?.length ?? 0);
}

function checkRequest({ size, take, delayMs }: ClaimRequest): void {
  GIVEN.integer('size', size, [1, PERMITS_MAX]);
  GIVEN.integer('take', take, [1, size]);
  GIVEN.integer('delayMs', delayMs, [0, LOCK_DELAY_MS_MAX]);
}
