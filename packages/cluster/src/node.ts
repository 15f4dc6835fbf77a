import {
  type Actor,
  type ActorClass,
  type ActorFunction,
  type ActorRef,
  type ActorSystem,
  type AnyRef,
  type Down,
  type EntityRef,
  type FunctionActor,
  go,
  type Task,
  Unreachable,
} from '@troupe/actor';
import {
  checkDuration,
  checkName,
  definitionOf,
  KEY_CHARS_MAX,
  OUTSIDE,
  TIMER_MS_MAX,
} from '@troupe/actor/internal';
import type {
  Coordination,
  CoordinationOptions,
  Machine,
  MachineClass,
  Replica,
} from '@troupe/consensus';
import type { Endpoint, Outsiders } from '@troupe/remote';
import type { ClusterObserver } from './cluster-event.ts';
import type { Entities } from './entities.ts';
import type { Groups, ReplicatedOptions } from './groups.ts';
import { isSameNode, type Member, type MemberEvent, type MemberMeta } from './member.ts';
import { isPresent } from './member-table.ts';
import type { Membership } from './membership.ts';
import { type ChannelEnds, checkCapacity, NamedChannel } from './named-channel.ts';
import { ACTORS_SERVICE, begin, Place } from './place.ts';
import type { Workers } from './workers.ts';

/** How long `stop` takes at most, unless it is told otherwise. */
const STOP_TIMEOUT_MS = 10_000;
/** How long others may take to lead in place of this node, and to hear that it leaves. */
const LEAVE_TIMEOUT_MS = 1_000;

/** What a node is put together from; `startNode` does. */
export interface NodeParts {
  readonly system: ActorSystem;
  readonly endpoint: Endpoint;
  readonly membership: Membership;
  readonly entities: Entities;
  readonly groups: Groups;
  readonly workers: Workers | undefined;
  readonly outsiders: Outsiders | undefined;
  /** What it says of itself, beside the kinds that it hosts. */
  readonly said: Omit<MemberMeta, 'kinds'>;
}

/** One node: its actors, its entities, and its place in the cluster. */
export class Node implements AsyncDisposable {
  readonly system: ActorSystem;
  readonly #endpoint: Endpoint;
  readonly #membership: Membership;
  readonly #entities: Entities;
  readonly #workers: Workers | undefined;
  readonly #outsiders: Outsiders | undefined;
  readonly #said: Omit<MemberMeta, 'kinds'>;
  /** The groups that this node takes part in: what `replicated` opens, and how it is managed. */
  readonly consensus: Groups;
  readonly #running = new AbortController();
  #stopping: Promise<void> | undefined;

  constructor(parts: NodeParts) {
    this.system = parts.system;
    this.#endpoint = parts.endpoint;
    this.#membership = parts.membership;
    this.#entities = parts.entities;
    this.consensus = parts.groups;
    this.#workers = parts.workers;
    this.#outsiders = parts.outsiders;
    this.#said = parts.said;
    this.system.entities = (target, key) => this.entity(target, key);
    void this.#follow();
  }

  get name(): string {
    return this.system.name;
  }

  /** Where other nodes connect to; empty when this one does not listen. */
  get address(): string {
    return this.#endpoint.identity.address;
  }

  /** Where clients that are no members connect to; empty when there is no door for them. */
  get outsiderAddress(): string {
    return this.#outsiders?.address ?? '';
  }

  /** Starts an actor on this node. */
  spawn<T extends Actor, A extends unknown[]>(
    target: new (...args: A) => T,
    ...args: A
  ): ActorRef<T>;
  /** Starts a function with an inbox on this node. */
  spawn<M>(run: ActorFunction<M>): ActorRef<FunctionActor<M>>;
  spawn(target: ActorClass & ActorFunction<unknown>, ...args: unknown[]): AnyRef {
    return this.system.spawn(target, ...args);
  }

  /** The nodes in this one's worker threads, by name. */
  get workers(): readonly string[] {
    return this.#workers?.names ?? [];
  }

  /**
   * Another node as a place to start actors on: `node.at('b').spawn(Counter, 1)`, and the same for
   * each of `node.workers`. The node that it names is looked for when something is started.
   */
  at(place: string | Pick<Member, 'name'>): Place {
    const name = typeof place === 'string' ? place : place.name;
    return new Place(name, (target, args) => this.#spawnAt(name, target, args));
  }

  /**
   * Names the one entity of that kind and key in the cluster. The first call activates it, on the
   * node that placement chooses; when that node dies, the next call activates it elsewhere.
   * @param key of at most 512 characters
   * @throws {BadArguments} executed: no, when it is longer; a hash of it will do
   * @throws {MetadataTooLarge} when this node would host more kinds than gossip can carry
   */
  entity<T extends Actor>(target: new () => T, key: string): EntityRef<T> {
    checkName(key, { to: 'node', method: 'entity', what: 'key', charsMax: KEY_CHARS_MAX });
    if (this.#entities.use(target)) this.#announce(target);
    return this.#entities.refer(kindOf(target), key) as object as EntityRef<T>;
  }

  /**
   * Opens the one channel of that name in the cluster, and makes it if there is none: it lives on
   * the node that placement chooses. When that node ends, or the name moves to one that has joined,
   * the ends throw `ChannelLost`, and the name stands for a new channel; so it does after a close.
   * Its elements are checked where it lives, by the schema of `startNode({ channels })`.
   * @param name of at most 512 characters
   * @param options.capacity elements that may wait there, 0 … 2 ** 31; each other node that sends
   *   takes 512 or more besides, unless it sends with `{ ack: true }`. Default: what it has; for a
   *   new one, what the node where it lives was told of it, or 0.
   * @throws {BadArguments} executed: no, when the name is longer
   * @throws {BadOption} executed: no, when it is no capacity, or the channel has another one
   * @throws {DeadlineExceeded} executed: no, when the node where it lives has gone and no other can
   *   host it within `callTimeoutMs`: clients, which are started with `actors: []`, host none
   */
  async channel<T>(
    name: string,
    options: { readonly capacity?: number } = {},
  ): Promise<ChannelEnds<T>> {
    checkName(name, { to: 'node', method: 'channel', what: 'name', charsMax: KEY_CHARS_MAX });
    const { capacity } = options;
    if (capacity !== undefined) checkCapacity('capacity', capacity);
    return (await this.entity(NamedChannel, name).open(capacity)) as ChannelEnds<T>;
  }

  /**
   * The machine of that class which the group replicates: its methods, called from this node. The
   * group is opened on this node when that is done for the first time: as it was before, or as a
   * new one of the voters that `startNode({ consensus })` or `options` name, by default of this
   * node alone; a node that joins others waits to be added to it.
   * @throws {BadMachine} when the group has a machine of another class. {BadOption} when an option
   *   makes no sense, or this node could not come back with what it has promised.
   */
  replicated<M extends Machine>(
    type: MachineClass<M>,
    group: string,
    options: ReplicatedOptions = {},
  ): Promise<Replica<M>> {
    return this.consensus.replicated(type, group, options);
  }

  /**
   * Locks, elections, semaphores, barriers and keys, for all nodes together, as this node sees
   * them. Opened on this node when it is first asked for, as `replicated` opens groups; what this
   * node holds is given back when it stops.
   * @param options are those of the first call
   * @throws {BadOption} when this node could not come back with what it has promised
   */
  coordination(options: Omit<CoordinationOptions, 'env'> = {}): Promise<Coordination> {
    return this.consensus.coordination(options);
  }

  /** Where the entity is placed by this node's present view; undefined when nobody hosts it. */
  ownerOf<T extends Actor>(target: new () => T, key: string): Member | undefined {
    return this.#entities.ownerOf({ kind: kindOf(target), key });
  }

  /** The cluster as this node sees it, itself included. */
  members(): readonly Member[] {
    return this.#membership.view().members;
  }

  /** Replays the present members as `up` events, then follows changes until `signal` aborts. */
  watchMembers(signal: AbortSignal): AsyncIterable<MemberEvent> {
    return this.#membership.watch(signal);
  }

  /**
   * Calls `observer` with what becomes of members from now on, at once and in order: `joined`,
   * `suspected`, `refuted`, `failed`, `left`, `changed`, `stalled`, `resumed`; and of this node's
   * view, `degraded` and `stable`. What the observer throws is logged.
   * @returns stops that
   */
  observeCluster(observer: ClusterObserver): () => void {
    return this.#membership.observe((event) => {
      try {
        observer(event);
      } catch (error) {
        this.system.log.error(
          { error, event: event.kind },
          'an observer of the cluster has failed',
        );
      }
    });
  }

  /**
   * Gives back the memory of bytes that came from another node, when nobody uses them any more:
   * what comes next is put there. For whoever moves hundreds of megabytes a second, since V8
   * collects that memory by looking at the whole heap again and again. It is done at the end of the
   * present turn of the event loop, so that a method may still return them; from then on they, and
   * all that looks at the same memory, have length 0. Bytes on their way to a file or a socket are
   * in use.
   * @returns false when there is nothing to give back: they are of this node, were given back
   *   before, came from a client outside, or together with others (those below 32 KiB do)
   */
  recycle(bytes: Uint8Array): boolean {
    return this.#endpoint.memory.recycle(bytes);
  }

  /** Calls `onDown` once, when the actor, or the entity's present activation, is down. */
  monitor(ref: AnyRef, onDown: (down: Down) => void): () => void {
    return this.system.monitor(ref, onDown);
  }

  /** Ends an actor after the turn that runs now. */
  stopActor(ref: AnyRef): Promise<void> {
    return this.system.stopActor(ref);
  }

  /** Starts a goroutine that ends with the node. */
  go<T>(run: Parameters<typeof go<T>>[0]): Task<T> {
    return go(run, { signal: this.#running.signal, env: this.system.env });
  }

  /**
   * Leaves the cluster and ends: takes no new entities, lets running turns finish, says goodbye.
   * Methods that run are left in peace, and what they answer is still sent. When a fifth of
   * `timeoutMs` is left they are told by `ctx.signal`; whatever is not done in the end is abandoned
   * and logged. Streams and goroutines, which have no end of their own, are told at once.
   *
   * Without it the process goes on for as long as the node listens, has workers, or has its groups
   * on a thread. A node by itself keeps no process alive, be it for its groups or for what it
   * holds by `coordination`, unless somebody waits for them.
   * @param timeoutMs 0 … 2 ** 31 - 1. Default: 10,000
   * @throws {BadOption} when it is no time, and the node goes on
   */
  async stop(timeoutMs: number = STOP_TIMEOUT_MS): Promise<void> {
    checkDuration('timeoutMs', timeoutMs, [0, TIMER_MS_MAX]);
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  /** Stops the node, then lets the process end, when it is told to by SIGTERM or SIGINT. */
  stopOnSignals(): void {
    const onSignal = (): void => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, onSignal);
      void this.stop();
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Tells the others that this node hosts the class. */
  #announce(target: ActorClass): void {
    const { kinds } = this.#entities;
    try {
      this.#membership.setMeta({ kinds, ...this.#said });
    } catch (error) {
      this.#entities.withdraw(target);
      throw error;
    }
  }

  /** Keeps entities and connections in step with the members. */
  async #follow(): Promise<void> {
    for await (const { kind, member } of this.#membership.watch(this.#running.signal)) {
      this.#entities.rebalance();
      if (kind === 'down' || kind === 'left') this.consensus.unreachable(member.name);
      else this.consensus.reach(member);
      if (kind === 'down') this.#endpoint.forget(member, 'its node is down');
      if (kind === 'left') this.#endpoint.forget(member);
    }
  }

  async #spawnAt(name: string, target: ActorClass, args: readonly unknown[]): Promise<AnyRef> {
    const { self, members } = this.#membership.view();
    const member = members.find((each) => each.name === name && isPresent(each.state));
    const address = `${name}/${ACTORS_SERVICE}`;
    if (member === undefined) {
      const names = members.filter(({ state }) => isPresent(state)).map((each) => each.name);
      const reason = `no such member of the cluster; there are ${names.join(', ')}`;
      throw new Unreachable(address, reason);
    }
    if (isSameNode(member, self)) return begin(this.system, target, args);
    const to = { target: ACTORS_SERVICE, address };
    const message = { args: [kindOf(target), args], caller: OUTSIDE };
    const peer = this.#endpoint.peerOf(member);
    return (await peer.outgoing.ask(to, 'begin', message)) as AnyRef;
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#entities.drain();
    await this.consensus.handOver(Math.min(LEAVE_TIMEOUT_MS, timeoutMs));
    await this.#workers?.stop(timeoutMs);
    await this.#membership.leave({ timeoutMs: Math.min(LEAVE_TIMEOUT_MS, timeoutMs) });
    this.#running.abort();
    await this.system.stop(timeoutMs);
    await this.#outsiders?.close(); // Now that what ran for them has been answered.
    await this.consensus.stop();
    await this.#membership.stop();
    await this.#endpoint.drain(Math.min(LEAVE_TIMEOUT_MS, timeoutMs));
    await this.#endpoint.close();
    this.#entities.close();
  }
}

function kindOf(target: new () => Actor): string {
  return definitionOf(target).kind;
}
