import {
  Actor,
  type ActorSystem,
  type AnyRef,
  DeadlineExceeded,
  NoSuchActor,
  rpc,
  type RpcOptions,
  Unreachable,
} from '@troupe/actor';
import { Caller, type Cell, recipientOf, refusal } from '@troupe/actor/internal';
import type { MemberChange, MemberKind } from '@troupe/consensus';
import {
  connectionRefused,
  type DatagramReceiver,
  type DatagramSocket,
  type Endpoint,
  type Peer,
} from '@troupe/remote';
import { EXCHANGE_PROTOCOL } from '@troupe/remote/handshake';
import { type Entities, ENTITIES_SERVICE } from './entities.ts';
import { isSameNode, type NodeId } from './member.ts';
import type { MembershipNet } from './membership.ts';
import { type GroupChange, type Groups, GROUPS_SERVICE } from './groups.ts';
import { ACTORS_SERVICE, begin } from './place.ts';

const MEMBERS_SERVICE = 'members';

/** How long a node that could not be dialled is asked over its session instead. */
const DIAL_AGAIN_MS = 30_000;

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
  { entities, groups }: { readonly entities: Entities; readonly groups: Groups },
): Services {
  const net = new ServiceNet(endpoint);
  const members = system.spawn(MembersService, (payload: unknown) => net.answer(payload));
  const activations = system.spawn(EntitiesService, entities);
  const actors = system.spawn(ActorsService, system, entities);
  const changes = system.spawn(GroupsService, groups);
  const cells = new Map([
    [GROUPS_SERVICE, recipientOf(changes) as Cell],
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
  @rpc(FOR_NODES) activation(kind: unknown, key: unknown): Promise<AnyRef> {
    if (typeof kind === 'string' && typeof key === 'string') {
      return relayed(() => this.#entities.activateHere({ kind, key }));
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
  @rpc({ ...FOR_NODES, interleave: true }) async begin(
    kind: unknown,
    args: unknown,
  ): Promise<AnyRef> {
    if (typeof kind !== 'string' || !Array.isArray(args)) {
      throw new TypeError('an actor is started by its kind and a list of arguments');
    }
    const target = this.#entities.classOf(kind);
    if (target !== undefined) return relayed(() => begin(this.#system, target, args));
    const { name } = this.#system;
    throw refusal(
      new NoSuchActor(
        `${name}/${kind}`,
        `node ${name} has no class of kind '${kind}': list the class, or the URL of a module ` +
          'that exports it, in its startNode({ actors }); workers know only what modules export',
      ),
    );
  }
}

/** Makes changes of members for nodes that do not lead. */
class GroupsService extends Actor {
  readonly #groups: Groups;
  constructor(groups: Groups) {
    super();
    this.#groups = groups;
  }
  @rpc({ ...FOR_NODES, interleave: true }) change(
    group: unknown,
    changes: unknown,
    options: unknown,
  ): Promise<unknown> {
    const { deadlineMs: timeoutMs, expected } = fieldsOf(options);
    const isRight = typeof group === 'string' && typeof timeoutMs === 'number';
    if (!isRight || !Array.isArray(changes)) {
      throw new TypeError('a change is of a group, a list, and has a deadline');
    }
    const change = { group, changes: changes.map(changeOf), timeoutMs };
    const wanted = expectedFrom(expected);
    return relayed(() => this.#groups.changeHere({ ...change, expected: wanted }));
  }
  @rpc({ ...FOR_NODES, interleave: true }) founded(group: unknown): readonly string[] {
    return typeof group === 'string' ? this.#groups.foundedHere(group) : [];
  }
}

/** What `work`, done for another node, ends with: what its error says is true of the work. */
async function relayed<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusal(error);
  }
}

/** None of what is no object. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' ? { ...value } : {};
}

/** @throws {TypeError} for what no members can be compared with */
function expectedFrom(value: unknown): GroupChange['expected'] {
  const { voters, learners, witnesses } = fieldsOf(value);
  return {
    ...(voters !== undefined && { voters: namesFrom(voters) }),
    ...(learners !== undefined && { learners: namesFrom(learners) }),
    ...(witnesses !== undefined && { witnesses: namesFrom(witnesses) }),
  };
}

function namesFrom(value: unknown): readonly string[] {
  const isRight = Array.isArray(value) && value.every((name) => typeof name === 'string');
  if (isRight) return value;
  throw new TypeError('expected members are lists of names');
}

/** @throws {TypeError} for what is no change of members */
function changeOf(value: unknown): MemberChange {
  const { add, remove, as } = fieldsOf(value);
  if (typeof remove === 'string') return { remove };
  const kind = MEMBER_KINDS.find((known) => known === as);
  if (typeof add === 'string' && (as === undefined || kind !== undefined)) {
    return kind === undefined ? { add } : { add, as: kind };
  }
  throw new TypeError('a change names a node to add, or one to remove');
}

const MEMBER_KINDS: readonly MemberKind[] = ['voter', 'candidate', 'learner', 'witness'];

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

/**
 * Carries the exchanges of the membership beside the session of two nodes, so that they wait for
 * nothing that is sent there. A node that cannot be dialled, or is of an older version, is asked
 * over the session, by calls to a service of each node.
 */
class ServiceNet implements MembershipNet {
  readonly #endpoint: Endpoint;
  /** Peers with a session that could not be dialled, and when that was tried last. */
  readonly #undialled = new WeakMap<Peer, number>();
  answer: (payload: unknown) => unknown = () => {
    throw new Error('the node has not joined yet');
  };

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    endpoint.exchanges.onAsk((payload) => this.answer(payload));
  }

  async exchange(to: string | NodeId, payload: unknown, timeoutMs: number): Promise<unknown> {
    if (typeof to !== 'string') return this.#call(this.#connected(to), payload, timeoutMs);
    // The session says that there is a node, and which version it speaks.
    const { exchanges, system } = this.#endpoint;
    const peer = await this.#endpoint.connect(to);
    const triedAt = this.#undialled.get(peer) ?? -Infinity;
    const isDialled = peer.speaks(EXCHANGE_PROTOCOL) && system.env.now() - triedAt >= DIAL_AGAIN_MS;
    if (!isDialled) return this.#call(peer, payload, timeoutMs);
    try {
      return await exchanges.ask(to, payload, timeoutMs);
    } catch (error) {
      const wasAsked = !(error instanceof Unreachable || error instanceof DeadlineExceeded);
      if (wasAsked || error.executed !== 'no' || !peer.isConnected) throw error;
      this.#undialled.set(peer, system.env.now());
      if (error instanceof DeadlineExceeded) throw error;
      return this.#call(peer, payload, timeoutMs);
    }
  }

  #call(peer: Peer, payload: unknown, timeoutMs: number): Promise<unknown> {
    const address = `${peer.identity.name}/${MEMBERS_SERVICE}`;
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
