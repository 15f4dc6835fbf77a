import type { Message, NodeId, Raft } from '@troupe/raft';
import { checkLinearizable, registers } from '@troupe/sim';
import { showMessage } from '@troupe/raft/testing';
import { Clients } from './clients.ts';
import { strike } from './faults.ts';
import type { Machine } from './machine.ts';
import { SimNode } from './node.ts';
import { Random } from './random.ts';
import { demand, Specification } from './specification.ts';
import { type Swarm, swarm } from './swarm.ts';
import { Timeline } from './timeline.ts';

export interface WorldOptions {
  readonly seed: number;
  /** The core under test; a broken one must be found out. */
  readonly Raft: typeof Raft;
  /** Keep a line for each message, to be shown with a failure. */
  readonly trace?: boolean;
}

/** How long anything may fail, and how long nothing may while everything must recover. */
const FAULTS_UNTIL = 5_000;
const RECOVERED_BY = 9_000;
const EVENTS_MAX = 100_000;
const SENT_MAX = 300;

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
  readonly lines: string[] = [];
  /** Links that carry nothing: `from>to`. */
  readonly cut = new Set<string>();
  readonly witnesses = new Set<NodeId>();
  /** The last that were sent, for a network that repeats itself. */
  readonly #sent: Message[] = [];
  events = 0;
  messages = 0;
  /** Of everything that happened, in order: two runs of one seed must agree. */
  fingerprint = 0;
  isCalm = false;
  #names = 0;
  /** By index: what every state machine must be after it. */
  readonly #hashes = new Map<number, number>();
  readonly #isTraced: boolean;

  constructor({ seed, Raft, trace = false }: WorldOptions) {
    this.seed = seed;
    this.Raft = Raft;
    this.#isTraced = trace;
    this.swarm = swarm(seed);
    this.random = new Random(seed);
    const voters = Array.from({ length: this.swarm.voters }, () => this.newName());
    this.specification = new Specification(voters);
    for (const id of voters) this.addNode(id, voters);
    this.clients = new Clients(this);
  }

  /** Safety while anything may fail; then everything is healed, and must work again. */
  run(): void {
    this.clients.start();
    this.#scheduleFault();
    this.#runUntil(FAULTS_UNTIL);
    this.#heal();
    this.#runUntil(RECOVERED_BY - 1_500);
    this.clients.stop();
    this.#runUntil(RECOVERED_BY);
    this.#checkEnd();
  }

  newName(): NodeId {
    this.#names += 1;
    return `n${this.#names}`;
  }

  addNode(id: NodeId, voters: readonly NodeId[]): void {
    const seed = this.random.between(1, 2 ** 31);
    const node = new SimNode(this, { ...this.swarm.settings, id, voters, seed });
    this.nodes.set(id, node);
    node.start();
  }

  isWitness(id: NodeId): boolean {
    return this.witnesses.has(id);
  }

  send(message: Message): void {
    this.specification.sent(message);
    this.messages += 1;
    this.#note(message);
    this.#sent[this.messages % SENT_MAX] = message;
    if (this.cut.has(`${message.from}>${message.to}`)) return;
    const { loss, duplication, delayMax } = this.swarm;
    if (!this.isCalm && this.random.chance(loss)) return;
    const copies = !this.isCalm && this.random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      // Now and then one is so late that everything has changed meanwhile.
      const isLate = !this.isCalm && this.random.chance(0.02);
      const delay = this.random.between(1, isLate ? 600 : delayMax);
      this.timeline.after(delay, () => this.#deliver(message));
    }
  }

  /** Delivers some of what was sent lately again, and again in another order. */
  replay(count: number): void {
    for (let number = 0; number < count; number += 1) {
      const message = this.random.anyOf(this.#sent);
      if (message === undefined) return;
      this.timeline.after(this.random.between(1, 20), () => this.#deliver(message));
    }
  }

  /** Whoever has applied the same entries must have the same state. */
  checkMachine(id: NodeId, { applied, hash }: Machine): void {
    const expected = this.#hashes.get(applied) ?? hash;
    demand(hash === expected, () => `${id} has another state than others after ${applied}`);
    this.#hashes.set(applied, hash);
  }

  #deliver(message: Message): void {
    const node = this.nodes.get(message.to);
    if (node === undefined) return;
    const wait = node.pausedUntil - this.timeline.now;
    if (wait > 0) this.timeline.after(wait, () => this.#deliver(message));
    else node.receive(message);
  }

  #note(message: Message): void {
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

  #runUntil(until: number): void {
    while (this.timeline.step(until)) {
      this.events += 1;
      demand(this.events < EVENTS_MAX, () => `${EVENTS_MAX} events are not the end`);
    }
    this.timeline.now = until;
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
    this.cut.clear();
    for (const node of this.nodes.values()) {
      node.pausedUntil = 0;
      node.diskDelayMax = Math.min(node.diskDelayMax, 5);
      if (!node.isUp) node.start();
    }
  }

  #checkEnd(): void {
    const { specification, clients } = this;
    demand(clients.lateSuccesses > 0, () => 'nothing succeeds after all is healed');
    const { voters, outgoing, learners } = specification.committedConfiguration;
    demand(outgoing.length === 0, () => 'a joint change does not end');
    for (const id of [...voters, ...learners]) {
      const status = this.nodes.get(id)?.status;
      const reached = status?.applied;
      const { committedIndex } = specification;
      demand(reached === committedIndex, () => `${id} stays at ${reached} of ${committedIndex}`);
    }
    const leaders = voters.filter((id) => this.nodes.get(id)?.status?.role === 'leader');
    demand(leaders.length === 1, () => `in the end ${leaders.join(' and ') || 'nobody'} leads`);
    const verdict = checkLinearizable(registers(), clients.history.operations);
    demand(verdict.kind !== 'violated', () => `not linearizable: ${JSON.stringify(verdict)}`);
  }
}
