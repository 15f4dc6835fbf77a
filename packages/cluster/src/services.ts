import {
  Actor,
  type ActorSystem,
  type AnyRef,
  NoSuchActor,
  rpc,
  type RpcOptions,
} from '@troupe/actor';
import { Caller, type Cell, recipientOf } from '@troupe/actor/internal';
import {
  connectionRefused,
  type DatagramReceiver,
  type DatagramSocket,
  type Endpoint,
  type Peer,
} from '@troupe/remote';
import { type Entities, ENTITIES_SERVICE } from './entities.ts';
import { isSameNode, type NodeId } from './member.ts';
import type { MembershipNet } from './membership.ts';
import { ACTORS_SERVICE, begin } from './place.ts';

const MEMBERS_SERVICE = 'members';

/** What nodes ask of each other is none of an outsider's business. */
const FOR_NODES: RpcOptions = { authorize: ({ kind }) => kind === 'node' };

/** The actors of a node that the runtimes of other nodes call by name. */
export interface Services {
  readonly net: MembershipNet;
  readonly cells: ReadonlyMap<string, Cell>;
}

export function startServices(
  system: ActorSystem,
  endpoint: Endpoint,
  entities: Entities,
): Services {
  const net = new ServiceNet(endpoint);
  const members = system.spawn(MembersService, (payload: unknown) => net.answer(payload));
  const activations = system.spawn(EntitiesService, entities);
  const actors = system.spawn(ActorsService, system, entities);
  const cells = new Map([
    [MEMBERS_SERVICE, recipientOf(members) as Cell],
    [ENTITIES_SERVICE, recipientOf(activations) as Cell],
    [ACTORS_SERVICE, recipientOf(actors) as Cell],
  ]);
  return { net, cells };
}

/** Answers other nodes that look for the running incarnation of an entity. */
class EntitiesService extends Actor {
  readonly #entities: Entities;
  constructor(entities: Entities) {
    super();
    this.#entities = entities;
  }
  @rpc(FOR_NODES) activation(kind: unknown, key: unknown): AnyRef {
    if (typeof kind === 'string' && typeof key === 'string') {
      return this.#entities.activateHere({ kind, key });
    }
    throw new TypeError('an entity is named by two strings, its kind and its key');
  }
}

/** Starts actors here for other nodes. */
class ActorsService extends Actor {
  readonly #system: ActorSystem;
  readonly #entities: Entities;
  constructor(system: ActorSystem, entities: Entities) {
    super();
    this.#system = system;
    this.#entities = entities;
  }
  @rpc({ interleave: true }) async begin(kind: unknown, args: unknown): Promise<AnyRef> {
    if (typeof kind !== 'string' || !Array.isArray(args)) {
      throw new TypeError('an actor is started by its kind and a list of arguments');
    }
    const target = this.#entities.classOf(kind);
    if (target !== undefined) return begin(this.#system, target, args);
    const { name } = this.#system;
    throw new NoSuchActor(
      `${name}/${kind}`,
      `node ${name} has no class of kind '${kind}': list the class, or the URL of a module that ` +
        'exports it, in its startNode({ actors }); workers know only what modules export',
    );
  }
}

class MembersService extends Actor {
  readonly #answer: (payload: unknown) => unknown;
  constructor(answer: (payload: unknown) => unknown) {
    super();
    this.#answer = answer;
  }
  @rpc({ ...FOR_NODES, interleave: true }) exchange(payload: unknown): unknown {
    return this.#answer(payload);
  }
}

/** Carries the exchanges of the membership as calls to a service of each node. */
class ServiceNet implements MembershipNet {
  readonly #endpoint: Endpoint;
  answer: (payload: unknown) => unknown = () => {
    throw new Error('the node has not joined yet');
  };

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async exchange(to: string | NodeId, payload: unknown, timeoutMs: number): Promise<unknown> {
    const peer = typeof to === 'string' ? await this.#endpoint.connect(to) : this.#connected(to);
    const address = `${typeof to === 'string' ? to : to.name}/${MEMBERS_SERVICE}`;
    return peer.outgoing.ask({ target: MEMBERS_SERVICE, address }, 'exchange', {
      args: [payload],
      caller: new Caller({ timeoutMs }),
    });
  }

  async connect(address: string): Promise<void> {
    await this.#endpoint.connect(address);
  }

  get socketAddress(): string {
    return this.#endpoint.boundAddress;
  }

  datagrams(receive: DatagramReceiver): Promise<DatagramSocket | undefined> {
    return this.#endpoint.datagrams(receive);
  }

  #connected(node: NodeId): Peer {
    for (const peer of this.#endpoint.peers) {
      if (peer.isConnected && isSameNode(peer.identity, node)) return peer;
    }
    throw connectionRefused(`${node.name} listens nowhere, and has made none itself`);
  }

  onExchange(answer: (payload: unknown) => unknown): void {
    this.answer = answer;
  }
}
