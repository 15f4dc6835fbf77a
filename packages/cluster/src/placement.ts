import type { Member } from './member.ts';

export interface EntityId {
  readonly kind: string;
  readonly key: string;
}

/** Which member an entity belongs on. A plug-in: a function of the view and nothing else. */
export interface Placement {
  readonly kind: string;
  /**
   * @param candidates the members that may host the entity, in any order
   * @returns the same member on every node that has the same candidates; undefined for none
   */
  ownerOf(entity: EntityId, candidates: readonly Member[]): Member | undefined;
}

/**
 * Rendezvous hashing: every member draws a number for the entity, the highest draws it home. When
 * a member goes, only its own entities move; when one comes, only those that it draws.
 * @see Thaler & Ravishankar 1998, "Using name-based mappings to increase hit rates"
 */
export function rendezvous(): Placement {
  return {
    kind: 'rendezvous',
    ownerOf({ kind, key }, candidates) {
      const entity = hash(`${kind}/${key}`);
      let owner: Member | undefined;
      let highest = -1;
      for (const member of candidates) {
        const draw = mix(entity ^ hash(member.name));
        const wins = draw > highest || (draw === highest && member.name < (owner?.name ?? ''));
        if (!wins) continue;
        owner = member;
        highest = draw;
      }
      return owner;
    },
  };
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** The finaliser of MurmurHash3: every input bit changes every output bit half of the time. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
