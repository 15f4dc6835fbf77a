import { type Member, mix } from './member.ts';
import type { State } from './message.ts';

const STATES: readonly State[] = ['alive', 'suspect', 'failed', 'left'];

/** All known members but this one: by name, on the ring, and in the order in which to probe. */
export class Roster {
  readonly #random: () => number;
  readonly #selfHash: number;
  readonly #byName = new Map<string, Member>();
  /** Those that are present, by hash; this member is not among them. */
  readonly #ring: Member[] = [];
  readonly suspects: Set<Member> = new Set<Member>();
  #order: Member[] = [];
  #turn = 0;
  #digest = 0;

  /** @param random numbers in [0, 1) */
  constructor(selfHash: number, random: () => number) {
    this.#selfHash = selfHash;
    this.#random = random;
  }

  /** Known members, those that are gone included. */
  get known(): number {
    return this.#byName.size;
  }

  /** Members that are present. */
  get present(): readonly Member[] {
    return this.#ring;
  }

  /** Equal for equal views of those that are present. */
  get digest(): number {
    return this.#digest;
  }

  all(): IterableIterator<Member> {
    return this.#byName.values();
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  add(member: Member): void {
    this.#byName.set(member.name, member);
    this.#arrive(member);
    this.#count(member);
  }

  /** Runs `change` on a member and keeps everything else in step with it. */
  change(member: Member, change: () => void): void {
    const was = member.isPresent;
    this.#count(member);
    change();
    this.#count(member);
    if (member.state === 'suspect') this.suspects.add(member);
    else this.suspects.delete(member);
    if (was && !member.isPresent) this.#ring.splice(this.#place(member.hash, member.name), 1);
    if (!was && member.isPresent) this.#arrive(member);
  }

  /** One that is gone. */
  forget(member: Member): void {
    this.#byName.delete(member.name);
  }

  /** To make room: of those that are gone, the one that has been gone longest. */
  forgetOldest(): void {
    let oldest: Member | undefined;
    for (const member of this.#byName.values()) {
      if (member.isPresent) continue;
      if (oldest === undefined || member.changedAtMs < oldest.changedAtMs) oldest = member;
    }
    if (oldest !== undefined) this.forget(oldest);
  }

  /** The next in turn: everybody once, in random order, before anybody twice (SWIM §4.3). */
  next(): Member | undefined {
    for (let tries = this.#order.length + this.#ring.length; tries >= 0; tries -= 1) {
      const member = this.#order[this.#turn];
      if (member === undefined) {
        if (this.#ring.length === 0) return undefined;
        this.#order = this.#shuffled(this.#ring);
        this.#turn = 0;
        continue;
      }
      this.#turn += 1;
      if (member.isPresent) return member;
    }
    return undefined;
  }

  /** Present members at random, each at most once, without those that `skip` names. */
  some(count: number, skip: (member: Member) => boolean = never): Member[] {
    const picked: Member[] = [];
    const { length } = this.#ring;
    for (let tries = 3 * count + 3; tries > 0 && picked.length < count; tries -= 1) {
      if (length === 0) break;
      const member = this.#ring[Math.floor(this.#random() * length)] as Member;
      if (!picked.includes(member) && !skip(member)) picked.push(member);
    }
    return picked;
  }

  /** Those that this member watches: the `count` after it on the ring. */
  after(count: number): Member[] {
    const start = this.#place(this.#selfHash, '');
    const many = Math.min(count, this.#ring.length);
    return Array.from(
      { length: many },
      (_, i) => this.#ring[(start + i) % this.#ring.length] as Member,
    );
  }

  /** Whether `member` is among the `count` after this one. */
  isAfter(member: Member, count: number): boolean {
    const { length } = this.#ring;
    const start = this.#place(this.#selfHash, '');
    for (let i = 0; i < count && i < length; i += 1) {
      if (this.#ring[(start + i) % length] === member) return true;
    }
    return false;
  }

  /** One that failed, at random. */
  someFailed(): Member | undefined {
    let picked: Member | undefined;
    let seen = 0;
    for (const member of this.#byName.values()) {
      if (member.state !== 'failed') continue;
      seen += 1;
      if (this.#random() * seen < 1) picked = member;
    }
    return picked;
  }

  /** Into the digest, or out of it again. */
  #count(member: Member): void {
    if (member.isPresent) this.#digest ^= rowHash(member);
  }

  #arrive(member: Member): void {
    this.#ring.splice(this.#place(member.hash, member.name), 0, member);
    // Somewhere in the rest of this round: else who joins in a crowd is probed by all at once.
    const at = this.#turn + Math.floor(this.#random() * (this.#order.length - this.#turn + 1));
    const moved = this.#order[at];
    this.#order[at] = member;
    if (moved !== undefined) this.#order.push(moved);
  }

  /** Index of the first on the ring that does not come before this hash and name. */
  #place(hash: number, name: string): number {
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#ring[middle] as Member;
      const comesBefore = other.hash === hash ? other.name < name : other.hash < hash;
      if (comesBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #shuffled(members: readonly Member[]): Member[] {
    const order = [...members];
    for (let i = order.length - 1; i > 0; i -= 1) {
      const j = Math.floor(this.#random() * (i + 1));
      const member = order[i] as Member;
      order[i] = order[j] as Member;
      order[j] = member;
    }
    return order;
  }
}

function never(): boolean {
  return false;
}

/** Of one row of a view; the digest of a view is the exclusive or of all. */
export function rowHash(member: {
  readonly hash: number;
  readonly generation: number;
  readonly incarnation: number;
  readonly state: State;
}): number {
  const { hash, generation, incarnation, state } = member;
  const high = Math.floor(generation / 2 ** 32);
  return mix(
    hash ^ mix((generation >>> 0) ^ mix(high ^ mix(incarnation + STATES.indexOf(state) * 2 ** 30))),
  );
}
