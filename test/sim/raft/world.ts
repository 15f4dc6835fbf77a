import type { Message, NodeId, Raft, Settings } from '@troupe/raft';
import { showMessage } from '@troupe/raft/testing';
import { Clients } from './clients.ts';
import { strike } from './faults.ts';
import { limp, LIMPS_FOR } from './limp.ts';
import type { Machine } from './machine.ts';
import type { DriverMistake } from './mistakes.ts';
import { Network } from './network.ts';
import { SimNode } from './node.ts';
import { restartLater } from './operator.ts';
import { Random } from './random.ts';
import { demand, Specification } from './specification.ts';
import { type Swarm, swarm, type Theme } from './swarm.ts';
import { Timeline } from './timeline.ts';

export interface WorldOptions {
  readonly seed: number;
  /** The core under test; a broken one must be found out. */
  readonly Raft: typeof Raft;
  /** What its driver does wrong. */
  readonly mistake?: DriverMistake | undefined;
  /** What this world is about. Default: what its seed says. */
  readonly theme?: Theme | undefined;
  /** Keep a line for each message, to be shown with a failure. */
  readonly trace?: boolean;
}

/** Anything may fail; then one thing may stay broken; then nothing is, and all must recover. */
const FAULTS_UNTIL = 5_000;
const RECOVERS_FOR = 4_000;
const EVENTS_MAX = 200_000;

/** A group of nodes, a network and a few clients, all of it from one seed. */
export class World {
  readonly seed: number;
  readonly Raft: typeof Raft;
  readonly swarm: Swarm;
  readonly random: Random;
  readonly timeline = new Timeline();
  readonly specification: Specification;
  readonly nodes = new Map<NodeId, SimNode>();
  readonly clients: Clients;
  readonly network: Network;
  readonly mistake: DriverMistake | undefined;
  readonly lines: string[] = [];
  readonly witnesses = new Set<NodeId>();
  /** Whoever has lost what it knew, until that is made good. */
  invalid: NodeId | undefined;
  events = 0;
  reads = 0;
  /** Of everything that happened, in order: two runs of one seed must agree. */
  fingerprint = 0;
  isCalm = false;
  #names = 0;
  /** Of clients, before the phase that must bring more. */
  #before = { successes: 0, changes: 0 };
  /** By index: what every state machine must be after it. */
  readonly #hashes = new Map<number, number>();
  /** By call: the index at which it took effect. */
  readonly #effects = new Map<number, number>();
  readonly #isTraced: boolean;

  constructor({ seed, Raft, mistake, theme, trace = false }: WorldOptions) {
    this.seed = seed;
    this.Raft = Raft;
    this.mistake = mistake;
    this.#isTraced = trace;
    this.swarm = swarm(seed, theme);
    this.random = new Random(seed);
    this.network = new Network(this);
    const voters = Array.from({ length: this.swarm.voters }, () => this.newName());
    this.specification = new Specification(voters);
    for (const id of voters) this.addNode(id, voters);
    this.clients = new Clients(this);
  }

  /** Safety while anything may fail; then most, and then all is healed, and must work again. */
  run(): void {
    this.clients.start();
    this.#scheduleFault();
    this.#runFor(FAULTS_UNTIL);
    this.#heal();
    if (this.random.chance(0.5)) this.#limp();
    this.#runFor(RECOVERS_FOR - 1_500);
    this.clients.stop();
    this.#demandProgress('after all is healed');
    this.#runFor(1_500);
    this.#checkEnd();
  }

  newName(): NodeId {
    this.#names += 1;
    return `n${this.#names}`;
  }

  addNode(id: NodeId, voters: readonly NodeId[]): void {
    const seed = this.random.between(1, 2 ** 31);
    const node = new SimNode(this, { ...this.#settings(), id, voters, seed });
    this.nodes.set(id, node);
    node.start();
  }

  /** Its process ends, and begins again after a while. */
  crash(node: SimNode): void {
    if (!node.isUp) return;
    node.crash();
    restartLater(this, node);
  }

  isWitness(id: NodeId): boolean {
    return this.witnesses.has(id);
  }

  send(message: Message): void {
    this.specification.sent(message);
    this.#noteMessage(message);
    this.network.send(message);
  }

  /** A new leader is asked at once, and may hear what it was told when it led before. */
  elected({ id }: SimNode): void {
    if (this.isCalm) return;
    this.note(`${id} leads`);
    if (this.random.chance(0.5)) this.clients.probe('read', id);
    if (this.random.chance(this.swarm.letters)) this.network.deliverLetters(id);
  }

  tookEffect(call: number, index: number): void {
    const first = this.#effects.get(call) ?? index;
    demand(first === index, () => `call ${call} takes effect at ${first}, and again at ${index}`);
    this.#effects.set(call, index);
  }

  /** Whoever has applied the same entries must have the same state. */
  checkMachine(id: NodeId, { applied, hash }: Machine): void {
    const expected = this.#hashes.get(applied) ?? hash;
    demand(hash === expected, () => `${id} has another state than others after ${applied}`);
    this.#hashes.set(applied, hash);
  }

  #noteMessage(message: Message): void {
    const { type, term } = message;
    let hash = this.fingerprint;
    for (const value of [this.timeline.now, term, type.length, message.to.length]) {
      hash = Math.imul(hash ^ value, 0x01000193);
    }
    this.fingerprint = hash >>> 0;
    if (this.#isTraced) this.lines.push(`${this.timeline.now} ${showMessage(message)}`);
  }

  note(line: string): void {
    if (this.#isTraced) this.lines.push(`${this.timeline.now} ${line}`);
  }

  #runFor(duration: number): void {
    const until = this.timeline.now + duration;
    while (this.timeline.step(until)) {
      this.events += 1;
      demand(this.events < EVENTS_MAX, () => `${EVENTS_MAX} events are not the end`);
    }
    this.timeline.now = until;
  }

  #settings(): Partial<Settings> {
    const { settings, mixed, preVote } = this.swarm;
    if (!mixed) return settings;
    return {
      ...settings,
      preVote: this.random.chance(preVote),
      priority: this.random.pick([0, 0, 1]),
      messageEntriesMax: this.random.pick([1, 3, 100]),
      appendsMax: this.random.pick([1, 3, 16]),
    };
  }

  #scheduleFault(): void {
    this.timeline.after(this.random.between(1, 2 * this.swarm.calm), () => {
      if (this.isCalm) return;
      strike(this, this.random.pick(this.swarm.faults));
      this.#scheduleFault();
    });
  }

  #heal(): void {
    this.isCalm = true;
    this.network.calmDown();
    for (const node of this.nodes.values()) {
      node.pausedUntil = 0;
      node.calmDisk();
      node.isDiskFailing = false;
      node.fillDisk(0);
      if (node.hungUntil > this.timeline.now) node.crash(); // Somebody has seen to the disk.
      if (!node.isUp) node.start();
    }
    this.expectProgress();
  }

  /** What clients have achieved by now does not count any more. */
  expectProgress(): void {
    const { successes, changes } = this.clients;
    this.#before = { successes, changes };
  }

  /** What a quorum can do without one, or without one link, it must. */
  #limp(): void {
    const fault = limp(this);
    if (fault === undefined) return;
    this.note(`limps: ${fault}`);
    this.#runFor(LIMPS_FOR);
    this.#demandProgress(`while one is only ${fault}`);
    this.#heal();
  }

  #demandProgress(when: string): void {
    const { successes, changes } = this.clients;
    demand(successes > this.#before.successes, () => `nothing succeeds ${when}`);
    demand(changes > this.#before.changes, () => `nothing is written ${when}`);
  }

  #checkEnd(): void {
    const { specification, clients } = this;
    const { voters, outgoing, learners } = specification.committedConfiguration;
    demand(outgoing.length === 0, () => 'a joint change does not end');
    const states = new Set<string>();
    for (const id of [...voters, ...learners]) {
      const node = this.nodes.get(id);
      const reached = node?.status?.applied;
      const { committedIndex } = specification;
      demand(reached === committedIndex, () => `${id} stays at ${reached} of ${committedIndex}`);
      demand(node?.status?.damaged === false, () => `${id} is not made good`);
      if (!this.isWitness(id)) states.add(new TextDecoder().decode(node?.machine.save()));
    }
    demand(states.size === 1, () => `equal logs, and states ${[...states].join(' and ')}`);
    const leaders = voters.filter((id) => this.nodes.get(id)?.status?.role === 'leader');
    demand(leaders.length === 1, () => `in the end ${leaders.join(' and ') || 'nobody'} leads`);
    clients.check();
  }
}
