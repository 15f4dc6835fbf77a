import type { NodeId } from '@troupe/raft';
import { History, type Open, type RegisterInput } from '@troupe/sim';
import { type Command, encode } from './machine.ts';
import type { SimNode } from './node.ts';
import { demand } from './specification.ts';
import type { World } from './world.ts';

const PATIENCE = 600;
/** While things fail, and in all. */
const CALLS_MAX = { storm: 160, all: 240 };

interface Output {
  readonly value?: unknown;
  readonly swapped?: boolean;
}

/** A call that is under way. */
interface Call {
  readonly id: number;
  readonly input: RegisterInput;
  readonly open: Open<Output>;
  readonly then: () => void;
  isPending: boolean;
}

/** A few clients, each of which does one thing at a time, now here, now there. */
export class Clients {
  readonly history: History<RegisterInput, Output>;
  calls = 0;
  successes = 0;
  /** What succeeded after the world was healed. */
  lateSuccesses = 0;
  readonly #world: World;
  /** The highest index that any call is known to have taken effect at. */
  #settled = 0;
  #leader: NodeId | undefined;
  #isRunning = true;
  /** Without those that were only put in between. */
  #asked = 0;

  constructor(world: World) {
    this.#world = world;
    this.history = new History(() => world.timeline.now);
  }

  start(): void {
    for (let client = 0; client < 3; client += 1) this.#next();
  }

  stop(): void {
    this.#isRunning = false;
  }

  #next(): void {
    const { timeline, random, isCalm } = this.#world;
    const pause = random.between(5, isCalm ? 100 : 60);
    timeline.after(pause, () => {
      const callsMax = this.#world.isCalm ? CALLS_MAX.all : CALLS_MAX.storm;
      if (this.#isRunning && this.#asked < callsMax) this.#call();
      else if (this.#isRunning) this.#next();
    });
  }

  #call(): void {
    this.#asked += 1;
    const { random } = this.#world;
    const kind = random.pick<RegisterInput['kind']>(['read', 'read', 'write', 'write', 'cas']);
    this.#begin(kind, this.#target(), () => this.#next());
  }

  /** Somebody asks just now, and just there. */
  probe(kind: RegisterInput['kind'], target: NodeId): void {
    this.#begin(kind, target, () => {});
  }

  #begin(kind: RegisterInput['kind'], target: NodeId, then: () => void): void {
    const { timeline, random } = this.#world;
    this.calls += 1;
    const id = this.calls;
    const key = random.pick(['x', 'y', 'z']);
    const from = random.between(Math.max(0, id - 12), id);
    const input: RegisterInput =
      kind === 'read'
        ? { kind, key }
        : kind === 'write'
          ? { kind, key, value: id }
          : { kind, key, from, to: id };
    const open = this.history.call(`#${id}`, input);
    const call: Call = { id, input, open, then, isPending: true };
    timeline.after(random.between(1, 10), () => this.#ask(call, target));
    timeline.after(PATIENCE, () => this.#fail(call, 'unknown'));
  }

  #ask(call: Call, id: NodeId): void {
    const node = this.#world.nodes.get(id);
    if (node === undefined || !node.isUp || node.isPaused) return this.#fail(call, 'no');
    if (call.input.kind === 'read') this.#read(call, node);
    else this.#write(call, node, { ...call.input, call: call.id });
  }

  #read(call: Call, node: SimNode): void {
    const known = this.#settled;
    const { key } = call.input;
    const lease = this.#world.random.chance(0.5);
    node.read(call.id, {
      lease,
      done: (machine, index) => {
        demand(
          !call.isPending || index >= known,
          () => `a read at ${index} began after ${known} was settled`,
        );
        this.#succeed(call, { value: machine.read(key) });
      },
    });
  }

  #write(call: Call, node: SimNode, command: Command): void {
    node.propose(encode(command), {
      done: (swapped) => {
        this.#settled = Math.max(this.#settled, node.machine.applied);
        this.#leader = node.id;
        this.#succeed(call, swapped === undefined ? {} : { swapped });
      },
      never: () => {
        this.#leader = node.status?.leader;
        this.#fail(call, 'no');
      },
    });
  }

  #succeed(call: Call, output: Output): void {
    if (!this.#settle(call)) return;
    call.open.returns(output);
    this.successes += 1;
    if (this.#world.isCalm) this.lateSuccesses += 1;
  }

  #fail(call: Call, executed: 'no' | 'unknown'): void {
    if (!this.#settle(call)) return;
    call.open.fails(executed);
    if (executed === 'unknown') this.#leader = undefined;
  }

  /** @returns false when the client has its answer, or has given up */
  #settle(call: Call): boolean {
    if (!call.isPending) return false;
    call.isPending = false;
    call.then();
    return true;
  }

  /** After the storm somebody has told the clients who still takes part. */
  #target(): NodeId {
    const { random, nodes, isCalm, specification } = this.#world;
    const guess = this.#leader;
    if (guess !== undefined && nodes.has(guess) && random.chance(0.7)) return guess;
    const { voters } = specification.committedConfiguration;
    const ids = isCalm && voters.length > 0 ? voters : [...nodes.keys()];
    return random.anyOf(ids.filter((id) => !this.#world.isWitness(id))) ?? 'n1';
  }
}
