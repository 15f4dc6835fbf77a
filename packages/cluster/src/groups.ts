import { type ActorSystem, type Env, isCallError, Unreachable } from '@troupe/actor';
import { Caller, checkDuration, checkNames } from '@troupe/actor/internal';
import {
  BadMachine,
  BadOption,
  checkChanges,
  type ChangeOptions,
  ChangeRefused,
  type Consensus,
  type Coordination,
  CoordinationMachine,
  type CoordinationOptions,
  type Driver,
  Engine,
  type EngineStatus,
  EndpointWire,
  type EngineThread,
  GroupClosed,
  type GroupOptions,
  type LogStore,
  type Machine,
  type MachineClass,
  type MemberChange,
  type Members,
  NotLeader,
  openCoordination,
  openDirectory,
  type Replica,
  replicate,
  Replicated,
} from '@troupe/consensus';
import { BadBytes, type Endpoint } from '@troupe/remote';
import { isThreaded, type ThreadWanted } from './consensus-thread.ts';
import type { Member } from './member.ts';
import { isPresent } from './member-table.ts';
import type { Membership } from './membership.ts';
import type { SeedProvider } from './seeds.ts';

/** Of each node, by which others have members of groups changed that it leads. */
export const GROUPS_SERVICE = 'groups';

/** Of the group that `coordination` opens. */
const COORDINATION_GROUP = 'coordination';

/** A node that has joined another one is heard of here after so long, or is not there. */
const HEARD_OF_MS = 2_000;
/** How long a change of members may take, unless it is told otherwise. */
const CHANGE_TIMEOUT_MS = 10_000;

/** What of a node's options says something about its groups. */
export interface GroupsWanted extends ThreadWanted {
  readonly name?: string;
  readonly join?: readonly string[] | SeedProvider;
  readonly membership?: object;
}

/** What groups need of their node. */
export interface GroupsHost {
  readonly system: ActorSystem;
  readonly endpoint: Endpoint;
  readonly membership: Membership;
  /** Where the groups run, if that is not the main loop. */
  readonly thread?: EngineThread | undefined;
}

/** Where a group begins that is new to this node, and how it is run; all of it has defaults. */
export type ReplicatedOptions = Omit<GroupOptions<unknown>, 'group' | 'machine'>;

export type GroupChangeOptions = Pick<ChangeOptions, 'timeoutMs' | 'expected'>;

/** What whoever leads a group is asked for. */
export interface GroupChange extends Required<GroupChangeOptions> {
  readonly group: string;
  readonly changes: readonly MemberChange[];
}

/** A group that was opened for a machine of that class. */
interface Opened {
  readonly type: MachineClass;
  /** Undefined until it is open. */
  group: Consensus | undefined;
  readonly replica: Promise<object>;
}

/**
 * Opens what the node of that name keeps on disk, if it keeps anything.
 * @throws {BadOption} when `consensus` makes no sense beside the others
 * @throws {DirectoryInUse | LogDamaged | WrongLog} for what is there
 */
export async function openStoreOf(wanted: GroupsWanted, env: Env): Promise<LogStore | undefined> {
  const { name, data, consensus = {} } = wanted;
  const { store, log } = consensus;
  if (log !== undefined && data === undefined) {
    const advice = 'a log in memory has no files: pass data, or leave it out';
    throw new BadOption('consensus.log', log, advice);
  }
  if (data === undefined) return store;
  if (store !== undefined) {
    throw new BadOption('data', data, 'pass either data or consensus: { store }');
  }
  if (name === undefined) {
    throw new BadOption(
      'name',
      name,
      `what is in '${data}' belongs to one node: pass its name too`,
    );
  }
  return isThreaded(wanted) ? undefined : openDirectory(data, { ...log, node: name, env });
}

/**
 * The consensus groups that this node takes part in. Other nodes are reached where they listen for
 * everything else, with the same proof of who is who.
 */
export class Groups {
  readonly #wanted: GroupsWanted;
  readonly #host: GroupsHost;
  readonly #store: LogStore | undefined;
  readonly #opened = new Map<string, Opened>();
  #coordination: Promise<Coordination> | undefined;
  #engine: Driver | undefined;
  #hasStopped = false;

  /** @param store what `openStoreOf` has given */
  constructor(wanted: GroupsWanted, store: LogStore | undefined, host: GroupsHost) {
    this.#wanted = wanted;
    this.#store = store;
    this.#host = host;
  }

  /**
   * Takes part in a group: as this node knows it from before, or as a new one, which `voters` says.
   * @throws {BadOption} when an option makes no sense, or the name is `coordination`
   * @throws {BadOption} when this node could not come back with what it has promised
   * @throws {GroupAlreadyOpen} when this node has the group, or is about to
   * @throws {GroupClosed} when this node has stopped
   * @throws {Error} when what is saved of the group cannot be read
   */
  async open<R>(options: GroupOptions<R>): Promise<Consensus<R>> {
    const { group, machine } = options;
    const isCoordination = machine instanceof Replicated && machine.type === CoordinationMachine;
    if (group === COORDINATION_GROUP && !isCoordination) {
      const advice = 'give another name, as node.coordination() uses that one';
      throw new BadOption('group', group, advice);
    }
    const engine = (this.#engine ??= this.#start(group));
    const voters = options.voters ?? this.#founders(engine.node);
    return engine.open({ ...options, voters });
  }

  /** The group of that name, while this node takes part in it. */
  get(group: string): Consensus | undefined {
    return this.#engine?.group(group);
  }

  /**
   * Changes who takes part in a group that this node is a member of: whoever leads it is asked.
   * Who is to count has to be in the cluster already; a `candidate` or a `learner` may come later.
   * Who has founded a group of that name itself is refused.
   * @throws as `Consensus.changeMembers` does
   * @throws {BadOption} when an option makes no sense, or there is none of its name
   * @throws {ChangeRefused} when the group is not open on this node
   * @throws {Unreachable | SessionLost} for the node that leads
   */
  async changeMembers(
    group: string,
    changes: readonly MemberChange[],
    options: GroupChangeOptions = {},
  ): Promise<Members> {
    checkChanges(changes);
    checkNames('', options, ['timeoutMs', 'expected']);
    const { timeoutMs = CHANGE_TIMEOUT_MS, expected = {} } = options;
    checkDuration('timeoutMs', timeoutMs);
    const { env, name } = this.#host.system;
    const deadlineAt = env.now() + timeoutMs;
    if (this.get(group) === undefined) {
      const advice = 'open it here first, or ask a node that takes part in it';
      throw new ChangeRefused(group, 'invalid', `it is not open on ${name}: ${advice}`);
    }
    await this.#refuseStrangers(group, changes, timeoutMs);
    let leader = name;
    for (;;) {
      const leftMs = Math.max(1, Math.floor(deadlineAt - env.now())); // Whole ones, on the wire.
      try {
        return await this.#changeAt(leader, { group, changes, timeoutMs: leftMs, expected });
      } catch (error) {
        if (!(error instanceof NotLeader) || error.leader === undefined) throw error;
        if (error.leader === leader || env.now() >= deadlineAt) throw error;
        leader = error.leader;
      }
    }
  }

  /** The same, where this node leads. */
  async changeHere({ group, changes, ...options }: GroupChange): Promise<Members> {
    const opened = this.get(group);
    if (opened === undefined) throw new NotLeader(group, undefined);
    if (opened.status().role === 'leader') {
      await this.#refuseFounders(group, changes, opened.status().members);
    }
    return opened.changeMembers(changes, options);
  }

  /** Who take part in the group by what this node knows, if it leads it or founded it alone. */
  foundedHere(group: string): readonly string[] {
    const status = this.get(group)?.status();
    if (status === undefined) return [];
    const { voters } = status.members;
    const isAlone = voters.length === 1 && voters[0] === status.node;
    return isAlone || status.role === 'leader' ? namesOf(status.members) : [];
  }

  /**
   * A node that was started by itself at first has groups of its own under the same names. Their
   * logs may agree in all that members compare, and hold other commands.
   */
  async #refuseFounders(
    group: string,
    changes: readonly MemberChange[],
    members: Members,
  ): Promise<void> {
    const known = new Set(namesOf(members));
    const added = changes.flatMap((change) => ('add' in change ? [change.add] : []));
    const strangers = added.filter((name) => !known.has(name));
    const theirs = await Promise.all(strangers.map((name) => this.#foundedAt(name, group)));
    const at = theirs.findIndex((names) => names.length > 0 && !names.some((n) => known.has(n)));
    const founder = strangers[at];
    if (founder === undefined) return;
    const problem =
      `${founder} has a group of that name already, which it founded when it was started by ` +
      'itself, and no two groups can become one: stop it, delete its data, and start it with join';
    throw new ChangeRefused(group, 'invalid', problem);
  }

  /** @returns none for a node that cannot be asked: it may come later, or be of an older version */
  async #foundedAt(name: string, group: string): Promise<readonly string[]> {
    const { endpoint, membership } = this.#host;
    const member = membership.view().members.find((each) => each.name === name);
    if (member === undefined || !isPresent(member.state)) return [];
    const to = { target: GROUPS_SERVICE, address: `${name}/${GROUPS_SERVICE}` };
    const message = { args: [group], caller: new Caller({ timeoutMs: HEARD_OF_MS }) };
    try {
      const answer = await endpoint.peerOf(member).outgoing.ask(to, 'founded', message);
      return Array.isArray(answer) ? answer.filter((each) => typeof each === 'string') : [];
    } catch (error) {
      if (isCallError(error)) return [];
      throw error;
    }
  }

  async #changeAt(name: string, change: GroupChange): Promise<Members> {
    const { system, endpoint, membership } = this.#host;
    if (name === system.name) return this.changeHere(change);
    const address = `${name}/${GROUPS_SERVICE}`;
    const member = membership.view().members.find((each) => each.name === name);
    if (member === undefined) throw new Unreachable(address, 'no such member of the cluster');
    const to = { target: GROUPS_SERVICE, address };
    const { group, changes, timeoutMs, expected } = change;
    const caller = new Caller({ timeoutMs });
    const options = { deadlineMs: timeoutMs, expected }; // As older nodes call it.
    const message = { args: [group, changes, options], caller };
    const answer = await endpoint.peerOf(member).outgoing.ask(to, 'change', message);
    return membersFrom(answer, name);
  }

  /** A name that nobody has is mostly a slip, and would be a vote that nobody casts. */
  async #refuseStrangers(
    group: string,
    changes: readonly MemberChange[],
    timeoutMs: number,
  ): Promise<void> {
    const { membership, system } = this.#host;
    const present = (): readonly string[] => {
      const members = membership.view().members.filter(({ state }) => isPresent(state));
      return members.map(({ name }) => name);
    };
    const strangers = (): readonly string[] =>
      countedIn(changes).filter((name) => !present().includes(name));
    if (strangers().length === 0) return;
    const waiting = new AbortController();
    const timer = system.env.setTimer(Math.min(timeoutMs, HEARD_OF_MS), () => waiting.abort());
    for await (const { kind } of membership.watch(waiting.signal)) {
      if (kind === 'up' && strangers().length === 0) break;
    }
    timer.cancel();
    const [stranger] = strangers();
    if (stranger === undefined) return;
    const there = `there are ${present().join(', ')}`;
    const advice = "start it first, or add it as a 'candidate', which counts once it is there";
    const problem = `no node ${stranger} is in the cluster (${there}): ${advice}`;
    throw new ChangeRefused(group, 'invalid', problem);
  }

  /** Of all groups together; undefined while none was opened yet. */
  status(): EngineStatus | undefined {
    return this.#engine?.status();
  }

  /** All that this node takes part in. */
  get all(): readonly Consensus[] {
    return this.#engine?.groups ?? [];
  }

  /**
   * The machine of that class which the group replicates, as this node sees it; opens the group if
   * it is not open yet.
   * @throws {BadMachine} when the class is none, or the group has a machine of another
   * @throws {BadOption} when an option makes no sense, or the name is `coordination`
   */
  async replicated<M extends Machine>(
    type: MachineClass<M>,
    group: string,
    options: ReplicatedOptions = {},
  ): Promise<Replica<M>> {
    let known = this.#opened.get(group);
    // One that has ended on this node is opened anew.
    if (known?.group !== undefined && known.group !== this.get(group)) known = undefined;
    if (known !== undefined && known.type !== type) {
      const { name } = known.type;
      throw new BadMachine(type.name, `is not what group ${group} replicates: that is ${name}`);
    }
    known ??= this.#replicate(type, group, options);
    const replica: object = await known.replica;
    return replica as Replica<M>; // It was made of the same class.
  }

  /** Where a member is to be found, and where its groups are. */
  reach(member: Member): void {
    if (member.name === this.#host.system.name) return;
    this.#host.thread?.reach(member.name, addressOf(member));
  }

  /** Groups need not wait for a node that the members have given up. */
  unreachable(name: string): void {
    this.#engine?.unreachable(name);
  }

  /** What the nodes agree on in a group of their own; opens it if it is not open yet. */
  coordination(options: Omit<CoordinationOptions, 'env'> = {}): Promise<Coordination> {
    return (this.#coordination ??= this.#coordinate(options));
  }

  /** Lets others lead before this node ends. */
  async handOver(timeoutMs: number): Promise<void> {
    if (timeoutMs > 0) await this.#engine?.handOver({ timeoutMs });
  }

  async stop(): Promise<void> {
    this.#hasStopped = true;
    const coordination = await this.#coordination?.catch(() => undefined);
    await coordination?.close();
    const running = this.#engine ?? this.#host.thread?.driver;
    if (running !== undefined) await running.stop();
    else await this.#store?.close();
  }

  async #coordinate(options: Omit<CoordinationOptions, 'env'>): Promise<Coordination> {
    const forget = (): void => (this.#coordination = undefined);
    try {
      const { env } = this.#host.system;
      const coordination = await openCoordination(this, { ...options, env });
      coordination.ended.addEventListener('abort', forget);
      return coordination;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #replicate<M extends Machine>(
    type: MachineClass<M>,
    name: string,
    options: ReplicatedOptions,
  ): Opened {
    const machine = new Replicated(type); // Or it throws, and the name is free.
    const open = async (): Promise<object> => {
      try {
        const group = await this.open({ ...options, group: name, machine });
        opened.group = group;
        return replicate(group, machine, { env: this.#host.system.env });
      } catch (error) {
        if (this.#opened.get(name) === opened) this.#opened.delete(name);
        throw error;
      }
    };
    const opened: Opened = { type, group: undefined, replica: Promise.resolve().then(open) };
    this.#opened.set(name, opened);
    return opened;
  }

  /** @throws {BadOption} when this node could not come back with what it has promised */
  #start(group: string): Driver {
    const { system, endpoint, membership, thread } = this.#host;
    const { listen, consensus: { tickMs } = {} } = this.#wanted;
    if (this.#hasStopped) throw new GroupClosed(group, 'no');
    const isAlone = listen === undefined && !this.#joins;
    if (!isAlone && listen === undefined) {
      const advice = 'a group needs nodes that can be reached: pass listen as well';
      throw new BadOption('listen', listen, advice);
    }
    const isKept = this.#store !== undefined || this.#wanted.data !== undefined;
    if (!isAlone && !isKept) {
      throw new BadOption(
        'data',
        undefined,
        'a node that others count on keeps its promises on disk: pass data: ' +
          `'./data/${system.name}', or consensus: { store: new MemoryStore() } if it never comes ` +
          'back under this name',
      );
    }
    if (thread !== undefined) return thread.driver;
    const { env, name: node } = system;
    const addressOfNode = (name: string): string | undefined => {
      const member = membership.view().members.find((each) => each.name === name);
      return member && addressOf(member);
    };
    const { lines } = endpoint;
    return new Engine({
      node,
      env,
      ...(this.#store !== undefined && { store: this.#store }),
      ...(!isAlone && { wire: new EndpointWire({ lines, addressOf: addressOfNode, env }) }),
      ...(tickMs !== undefined && { tickMs }),
    });
  }

  get #joins(): boolean {
    const { join = [], membership } = this.#wanted;
    return typeof join === 'function' || join.length > 0 || membership !== undefined;
  }

  /** Two nodes that each began a group of that name by itself would never find together. */
  #founders(node: string): readonly string[] {
    return this.#wanted.consensus?.voters ?? (this.#joins ? [] : [node]);
  }
}

/** Who is to have a vote after `changes`, at once or soon. */
function namesOf({ voters, learners, witnesses }: Members): readonly string[] {
  return [...voters, ...learners, ...witnesses];
}

function countedIn(changes: readonly MemberChange[]): readonly string[] {
  return changes.flatMap((change) => {
    if ('remove' in change || change.as === 'candidate' || change.as === 'learner') return [];
    return [change.add];
  });
}

/** @throws {BadBytes} when what another node answered is none */
function membersFrom(answer: unknown, node: string): Members {
  const { voters, learners, witnesses, isChanging } = (answer ?? {}) as Partial<Members>;
  const isRight = [voters, learners, witnesses].every((names) => {
    return Array.isArray(names) && names.every((name) => typeof name === 'string');
  });
  if (isRight && typeof isChanging === 'boolean') return answer as Members;
  throw new BadBytes(`what ${node} answered to a change of members`);
}

/** Where lines to it are dialled. */
function addressOf({ meta, address }: Member): string {
  return meta.consensusAddress ?? address;
}
