import { type AnyRef, NotSerializable } from '@troupe/actor';
import { Cell, isRef, recipientOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { ValuePort } from './codec.ts';
import type { Endpoint } from './endpoint.ts';
import { identityOf, listOf } from './identity.ts';
import type { Peer } from './peer.ts';
import { GoneActor, RemoteActor } from './remote-actor.ts';
import { errorFromWire, errorToWire } from './wire-error.ts';

const ACTOR = 0;
const ENTITY = 1;
const CHANNEL_END = 2;
const ERROR = 3;

/**
 * How references, channel ends and errors cross to one peer. A reference says who it is in terms
 * that hold on every node: `[id, kind]` for an actor of the sender, with the node added for any
 * other, so that the receiver's own actors come home as themselves.
 */
export class Values implements ValuePort {
  readonly #endpoint: Endpoint;
  readonly #peer: Peer;

  constructor(endpoint: Endpoint, peer: Peer) {
    this.#endpoint = endpoint;
    this.#peer = peer;
  }

  dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (isRef(value)) return this.#dehydrateRef(value as AnyRef);
    if (value instanceof Error) {
      const { sendsStacks: stack, errorClasses: classes } = this.#endpoint;
      return { tag: ERROR, content: errorToWire(value, { stack, classes }) };
    }
    const end = this.#peer.channels.dehydrate(value);
    if (end !== undefined) return { tag: CHANNEL_END, content: end };
    return this.#peer.loans.dehydrate(value);
  }

  hydrate(tag: number, content: unknown): unknown {
    switch (tag) {
      case ACTOR:
        return this.#hydrateActor(content);
      case ENTITY: {
        const [kind, key] = listOf(content);
        if (typeof kind !== 'string' || typeof key !== 'string') throw new BadFrame('entity');
        return this.#endpoint.router.refer(kind, key);
      }
      case CHANNEL_END:
        return this.#peer.channels.hydrate(content);
      case ERROR:
        return errorFromWire(content, this.#endpoint.errorClasses);
      default: {
        const lent = this.#peer.loans.hydrate(tag, content);
        if (lent === undefined) throw new BadFrame(`unknown value tag ${tag}`);
        return lent;
      }
    }
  }

  #dehydrateRef(ref: AnyRef): { tag: number; content: unknown } {
    const recipient = recipientOf(ref);
    if (recipient instanceof Cell) {
      const id = this.#endpoint.system.export(recipient);
      return { tag: ACTOR, content: [id, recipient.definition.kind] };
    }
    if (recipient instanceof RemoteActor) {
      const { name, incarnation, address } = recipient.peer.identity;
      const content = [recipient.target, recipient.kind, name, incarnation, address];
      return { tag: ACTOR, content };
    }
    const entity = this.#endpoint.router.entityOf(recipient);
    if (entity !== undefined) return { tag: ENTITY, content: entity };
    throw new NotSerializable(recipient.address, 'this kind of reference stays on its node');
  }

  #hydrateActor(content: unknown): AnyRef {
    const [id, kind, ...home] = listOf(content);
    if (typeof id !== 'number' || typeof kind !== 'string') throw new BadFrame('actor reference');
    const identity = home.length === 0 ? this.#peer.identity : identityOf(home);
    if (!this.#endpoint.isSelf(identity)) {
      return new RemoteActor(this.#endpoint.peerOf(identity, this.#peer), id, kind).ref;
    }
    const { system } = this.#endpoint;
    return system.find(id)?.ref ?? new GoneActor(system, id, kind).ref;
  }
}
