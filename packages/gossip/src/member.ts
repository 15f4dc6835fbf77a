import type { Alive, State, Update } from './message.ts';
import type { Suspicion } from './suspicion.ts';

/** Incarnations end here; who reaches it begins a new generation. */
export const INCARNATION_MAX: number = 2 ** 32 - 1;

/** What users of the core see of a member. */
export interface MemberStatus {
  readonly name: string;
  readonly address: string;
  readonly generation: number;
  readonly incarnation: number;
  readonly state: State;
  readonly meta: Uint8Array;
}

/** One row of a view. Times are whole milliseconds, which cost no memory of their own. */
export class Member implements MemberStatus {
  readonly name: string;
  /** Its place on the ring. */
  readonly hash: number;
  /** The last word of the member itself. */
  said: Alive;
  incarnation: number;
  state: State = 'alive';
  changedAtMs: number;
  heardAtMs = -1;
  suspicion: Suspicion | undefined = undefined;
  /** Whether refusals of its address once proved that it has ended; if it speaks, wrongly. */
  wasConvicted = false;
  /** Answers that came by stream since the last by datagram. */
  deaf = 0;

  constructor(said: Alive, nowMs: number) {
    this.name = said.name;
    this.hash = hashOf(said.name);
    this.said = said;
    this.incarnation = said.incarnation;
    this.changedAtMs = Math.floor(nowMs);
  }

  get address(): string {
    return this.said.address;
  }

  get generation(): number {
    return this.said.generation;
  }

  get meta(): Uint8Array {
    return this.said.meta;
  }

  get isPresent(): boolean {
    return this.state === 'alive' || this.state === 'suspect';
  }

  /** Datagrams do not seem to reach it, or not to come back. */
  get isDeaf(): boolean {
    return this.deaf >= 2;
  }

  status(): MemberStatus {
    const { name, address, generation, incarnation, state, meta } = this;
    return { name, address, generation, incarnation, state, meta };
  }

  /** What this view holds of it, as news for somebody else. */
  news(by: string): Update {
    const { name, generation, incarnation, state } = this;
    switch (state) {
      case 'alive':
        return this.said;
      case 'suspect':
        return {
          kind: 'suspect',
          name,
          generation,
          incarnation,
          by: this.suspicion?.by ?? by,
          health: 0,
        };
      case 'failed':
        return { kind: 'failed', name, generation, incarnation, by, proof: false };
      case 'left':
        return { kind: 'left', name, generation, incarnation };
    }
  }

  /** Whether news of that life of it is of an earlier one, or of an earlier moment. */
  isAfter(generation: number, incarnation: number): boolean {
    if (this.generation !== generation) return this.generation > generation;
    return this.incarnation > incarnation;
  }
}

/** FNV-1a, then mixed so that names that differ in their last letter lie apart. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return mix(hash);
}

/** The finaliser of MurmurHash3. */
export function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
