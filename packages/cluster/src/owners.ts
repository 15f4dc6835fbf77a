import type { Destination } from '@troupe/remote';
import { isSameNode, type Member, type MemberView } from './member.ts';
import type { EntityId, Placement } from './placement.ts';

/** Owners that are remembered; beyond that all are found anew. */
const REMEMBERED_MAX = 65_536;

/** Where an entity belongs. */
export interface Owner {
  readonly member: Member;
  readonly isSelf: boolean;
  /** The entity as its node knows it. */
  readonly to: Destination;
}

/**
 * Whom each entity belongs to by the present view. Placement is a function of the view, and asking
 * it costs more than all else that a message to an entity needs, so its answer is remembered for
 * as long as the view stays the same.
 */
export class Owners {
  readonly #placement: Placement;
  readonly #view: () => MemberView;
  readonly #byKind = new Map<string, Map<string, Owner>>();
  #version = -1;
  #size = 0;

  constructor(placement: Placement, view: () => MemberView) {
    this.#placement = placement;
    this.#view = view;
  }

  /** @returns undefined when nobody hosts the kind */
  of({ kind, key }: EntityId): Owner | undefined {
    const view = this.#view();
    if (view.version !== this.#version || this.#size >= REMEMBERED_MAX) this.#forget(view.version);
    return this.#byKind.get(kind)?.get(key) ?? this.#find({ kind, key }, view);
  }

  #find(id: EntityId, { members, self }: MemberView): Owner | undefined {
    const candidates = members.filter(({ state, meta }) => {
      return (state === 'alive' || state === 'suspect') && meta.kinds.includes(id.kind);
    });
    const member = this.#placement.ownerOf(id, candidates);
    if (member === undefined) return undefined;
    const { kind, key } = id;
    const to = { target: [kind, key, 0] as const, address: `${kind}/${key}` };
    const owner = { member, isSelf: isSameNode(member, self), to };
    let ofKind = this.#byKind.get(id.kind);
    if (ofKind === undefined) this.#byKind.set(id.kind, (ofKind = new Map<string, Owner>()));
    ofKind.set(id.key, owner);
    this.#size += 1;
    return owner;
  }

  #forget(version: number): void {
    this.#byKind.clear();
    this.#version = version;
    this.#size = 0;
  }
}
