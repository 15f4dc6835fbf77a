import {
  type ActorClass,
  ActorDown,
  type ActorSystem,
  type AnyRef,
  type CallError,
  Draining,
  type Env,
  NoSuchActor,
} from '@troupe/actor';
import {
  Answer,
  Caller,
  Cell,
  definitionOf,
  keyTooLong,
  OUTSIDE,
  type Recipient,
  recipientOf,
} from '@troupe/actor/internal';
import type { CallMessage, Endpoint, EndpointRouter, EntityTarget, Message } from '@troupe/remote';
import { Entity } from './entity.ts';
import type { Member } from './member.ts';
import type { Membership } from './membership.ts';
import { Moved } from './moved.ts';
import { CHANNEL_KIND, type NamedChannels, namedChannels } from './named-channel.ts';
import { Owners } from './owners.ts';
import type { EntityId, Placement } from './placement.ts';

/** Nodes that a tell may be passed on by, while their views of the cluster differ. */
const HOPS_MAX = 3;
/** How often a tell was passed on already, and who sent it. */
interface Passed {
  readonly hops: number;
  readonly caller: Caller;
}

/** The service that hands out references to activations. */
export const ENTITIES_SERVICE = 'entities';

export interface EntitiesOptions {
  readonly system: ActorSystem;
  readonly membership: Membership;
  readonly placement: Placement;
  /** Classes that this node hosts; undefined: all that it names itself. */
  readonly hosts: readonly ActorClass[] | undefined;
  /** What this node knows of channels by their names. */
  readonly channels?: NamedChannels | undefined;
}

/**
 * The entities of the cluster as one node sees them: it sends each message to the owner that
 * placement names, serves those that are its own, and points callers who err to the right node.
 */
export class Entities implements EndpointRouter {
  readonly #options: EntitiesOptions;
  readonly #owners: Owners;
  readonly #classes = new Map<string, ActorClass>();
  /** Those too that only other nodes host. */
  readonly #known = new Map<string, ActorClass>();
  /** By kind and key, so that a message need not join them to find its activation. */
  readonly #active = new Map<string, Map<string, Cell>>();
  readonly #services = new Map<string, Cell>();
  #endpoint!: Endpoint;
  /** Set between joining and leaving; outside of that nothing is placed by this node. */
  #open = false;
  #isClosed = false;

  constructor(options: EntitiesOptions) {
    this.#options = options;
    this.#owners = new Owners(options.placement, () => options.membership.view());
    for (const target of options.hosts ?? []) this.#host(target);
    // A client hosts nothing, not even channels that others have named.
    if (options.hosts?.length !== 0) this.#host(namedChannels(options.channels ?? {}));
  }

  get system(): ActorSystem {
    return this.#options.system;
  }

  get env(): Env {
    return this.#options.system.env;
  }

  get callTimeoutMs(): number {
    return this.#options.system.callTimeoutMs;
  }

  /** The kinds that this node may be given. */
  get kinds(): readonly string[] {
    return [...this.#classes.keys()];
  }

  /** The class of that kind that this node hosts, if any. */
  classOf(kind: string): ActorClass | undefined {
    return this.#classes.get(kind);
  }

  /** Entities that are active here. */
  get size(): number {
    return [...this.#active.values()].reduce((size, { size: more }) => size + more, 0);
  }

  /** The endpoint needs a router before it opens, and a router an endpoint to send by. */
  connect(endpoint: Endpoint, services: ReadonlyMap<string, Cell>): void {
    this.#endpoint = endpoint;
    for (const [name, cell] of services) this.#services.set(name, cell);
  }

  /** @returns whether this node now hosts a kind that it did not before */
  use(target: ActorClass): boolean {
    const { kind, named } = definitionOf(target);
    if (!named) {
      throw new TypeError(`class ${target.name} has no kind: decorate it with @actor({ kind: … })`);
    }
    if (!this.#classes.has(kind)) this.#known.set(kind, target);
    if (this.#options.hosts !== undefined || this.#classes.has(kind)) return false;
    this.#host(target);
    return true;
  }

  /** The others could not be told that this node hosts the kind, so it does not. */
  withdraw(target: ActorClass): void {
    this.#classes.delete(definitionOf(target).kind);
  }

  refer(kind: string, key: string): AnyRef {
    return new Entity(this, { kind, key }).ref;
  }

  entityOf(recipient: Recipient): readonly [kind: string, key: string] | undefined {
    return recipient instanceof Entity ? [recipient.id.kind, recipient.id.key] : undefined;
  }

  isIdempotent(kind: string, method: string): boolean {
    const target = this.#known.get(kind);
    return target !== undefined && definitionOf(target).methods.get(method)?.isIdempotent === true;
  }

  isOwn(kind: string): boolean {
    return kind === CHANNEL_KIND;
  }

  service(name: string): Cell | undefined {
    return this.#services.get(name);
  }

  ownerOf(id: EntityId): Member | undefined {
    return this.#owners.of(id)?.member;
  }

  /** One try at a call, at the owner of this moment. */
  attempt(id: EntityId, method: string, message: CallMessage): Answer {
    if (this.#isClosed) return this.#failed(new Draining(this.system.name), method, message);
    const owner = this.#owners.of(id);
    if (owner === undefined) return this.#failed(this.#unhosted(id), method, message);
    if (!owner.isSelf) {
      return this.#endpoint.peerOf(owner.member).outgoing.ask(owner.to, method, message);
    }
    const cell = this.#activate(id);
    if (!(cell instanceof Cell)) return this.#failed(cell, method, message);
    const answer = cell.ask(method, message.args, message.caller);
    if (message.again === undefined) return answer;
    const instead = this.#whenFailed(method, message);
    const outcome = answer.catch((error: unknown) => instead(error) ?? answer);
    return Answer.of(outcome, message.caller);
  }

  tell(id: EntityId, method: string, args: readonly unknown[], { hops, caller }: Passed): void {
    const refuse = (reason: CallError): void =>
      this.#options.system.deadLetter({ to: addressOf(id), method, reason });
    if (this.#isClosed) return refuse(new Draining(this.#options.system.name));
    const owner = this.#owners.of(id);
    if (owner === undefined) return refuse(this.#unhosted(id));
    if (!owner.isSelf) {
      if (hops > HOPS_MAX) return refuse(new Moved(addressOf(id), owner.member.name));
      const { address } = owner.to;
      const to = hops === 0 ? owner.to : { target: [id.kind, id.key, hops] as const, address };
      return this.#endpoint.peerOf(owner.member).tell(to, method, { args, caller });
    }
    const cell = this.#activate(id);
    if (cell instanceof Cell) cell.tell(method, args, caller);
    else refuse(cell);
  }

  /** A message for an entity has come from another node. */
  entity([kind, key, hops]: EntityTarget, message: Message): void {
    const id = { kind, key };
    if (!this.#open) return message.refuse(new Draining(this.#options.system.name));
    if (!message.asks) {
      const caller = Caller.within(message.context, {}, message.from);
      return this.tell(id, message.method, message.args, { hops: hops + 1, caller });
    }
    const owner = this.#owners.of(id);
    if (owner === undefined) return message.refuse(this.#unhosted(id));
    if (!owner.isSelf) return message.refuse(new Moved(addressOf(id), owner.member.name));
    const cell = this.#activate(id);
    if (cell instanceof Cell) message.deliver(cell);
    else message.refuse(cell);
  }

  /** The running incarnation of an entity, on whichever node it is. */
  async activation(id: EntityId): Promise<Recipient> {
    if (this.#isClosed) throw new Draining(this.#options.system.name);
    const owner = this.#owners.of(id);
    if (owner === undefined) throw this.#unhosted(id);
    if (owner.isSelf) return recipientOf(this.activateHere(id));
    const to = { target: ENTITIES_SERVICE, address: `${owner.member.name}/${ENTITIES_SERVICE}` };
    const message = { args: [id.kind, id.key], caller: OUTSIDE };
    const ref = await this.#endpoint.peerOf(owner.member).outgoing.ask(to, 'activation', message);
    return recipientOf(ref as AnyRef);
  }

  /** @throws {CallError} executed: no, when the entity is not this node's to run */
  activateHere(id: EntityId): AnyRef {
    const owner = this.#owners.of(id);
    if (owner === undefined) throw this.#unhosted(id);
    if (!owner.isSelf) throw new Moved(addressOf(id), owner.member.name);
    const cell = this.#activate(id);
    if (cell instanceof Cell) return cell.ref;
    throw cell;
  }

  /** Ends the activations that the present view places elsewhere. */
  rebalance(): void {
    for (const [kind, cells] of this.#active) {
      for (const [key, cell] of cells) {
        if (this.#owners.of({ kind, key })?.isSelf === false) void cell.stop();
      }
    }
  }

  /** The node has joined: the view says who owns what. */
  open(): void {
    this.#open = true;
  }

  /** From now on nothing is activated here. */
  drain(): void {
    this.#open = false;
  }

  /** The node has stopped: nobody is called from here any more. */
  close(): void {
    this.#isClosed = true;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  #host(target: ActorClass): void {
    const { kind, named } = definitionOf(target);
    if (!named) {
      throw new TypeError(`class ${target.name} has no kind: decorate it with @actor({ kind: … })`);
    }
    const other = this.#classes.get(kind);
    if (other !== undefined && other !== target) {
      throw new TypeError(`two classes of kind '${kind}': ${other.name} and ${target.name}`);
    }
    this.#classes.set(kind, target);
    this.#known.set(kind, target);
  }

  /** @returns the running or new activation, or why there can be none */
  #activate(id: EntityId): Cell | CallError {
    const running = this.#active.get(id.kind)?.get(id.key);
    if (running !== undefined) return running;
    if (!this.#open) return new Draining(this.#options.system.name);
    const target = this.#classes.get(id.kind);
    if (target === undefined) return this.#unhosted(id);
    const tooLong = keyTooLong(id.kind, id.key);
    if (tooLong !== undefined) return tooLong;
    try {
      const cell = this.#options.system.start(target, [], { key: id.key });
      this.#keep(id, cell);
      return cell;
    } catch (cause) {
      return new ActorDown(addressOf(id), 'no', { cause });
    }
  }

  /** Until it is down. */
  #keep({ kind, key }: EntityId, cell: Cell): void {
    const cells = this.#active.get(kind) ?? new Map<string, Cell>();
    this.#active.set(kind, cells.set(key, cell));
    cell.monitor(() => cells.delete(key));
  }

  /** A call of this moment that may be made again. @returns what becomes of it should it fail */
  #whenFailed(
    method: string,
    { args, caller, again }: CallMessage,
  ): (error: unknown) => Promise<unknown> | undefined {
    const { env, callTimeoutMs } = this;
    const endsAt = env.now() + (caller.options?.timeoutMs ?? callTimeoutMs);
    const context = caller.contextIn(this.system);
    return (error) => {
      const remainingMs = endsAt - env.now();
      return again?.instead(error, { method, args, caller, context, remainingMs });
    };
  }

  /** It has not left. */
  #failed(error: CallError, method: string, message: CallMessage): Answer {
    const outcome = this.#whenFailed(method, message)(error);
    return outcome === undefined ? Answer.refused(error) : Answer.of(outcome, message.caller);
  }

  #unhosted(id: EntityId): NoSuchActor {
    const hint =
      id.kind === CHANNEL_KIND
        ? 'no node of the cluster hosts channels: all members are clients, as ' +
          'startNode({ actors: [] }) makes them; start one that is none'
        : `no node of the cluster hosts kind '${id.kind}': list its class in startNode({ actors })`;
    return new NoSuchActor(addressOf(id), hint);
  }
}

function addressOf({ kind, key }: EntityId): string {
  return `${kind}/${key}`;
}
