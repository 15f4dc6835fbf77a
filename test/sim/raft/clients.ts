import type { NodeId } from '@troupe/raft';
import { type Command, encode } from './machine.ts';
import type { Call } from './register-history.ts';
import { demand } from './specification.ts';
import type { World } from './world.ts';

const PATIENCE = 600;
/** While things fail, and in all. */
const CALLS_MAX = { storm: 160, all: 240 };

/** A few clients, each of which does one thing at a time, now here, now there. */
export class Clients {
  readonly calls: Call[] = [];
  /** What succeeded after the world was healed. */
  lateSuccesses = 0;
  readonly #world: World;
  /** The highest index that any call is known to have taken effect at. */
  #settled = 0;
  #leader: NodeId | undefined;
  #isRunning = true;

  constructor(world: World) {
    this.#world = world;
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
      if (this.#isRunning && this.calls.length < callsMax) this.#call();
      else if (this.#isRunning) this.#next();
    });
  }

  #call(): void {
    const { timeline, random } = this.#world;
    const id = this.calls.length + 1;
    const call: Call = {
      id,
      key: random.pick(['x', 'y', 'z']),
      kind: random.pick(['read', 'read', 'write', 'write', 'swap']),
      from: random.between(Math.max(0, id - 12), id),
      value: id,
      calledAt: timeline.now,
      returnedAt: Infinity,
      outcome: 'pending',
      result: undefined,
    };
    this.calls.push(call);
    const node = this.#target();
    const delay = random.between(1, 10);
    timeline.after(delay, () => this.#ask(call, node));
    timeline.after(PATIENCE, () => this.#end(call, 'unknown', undefined));
  }

  #ask(call: Call, id: NodeId): void {
    const { random } = this.#world;
    const node = this.#world.nodes.get(id);
    if (node === undefined || !node.isUp || node.isPaused) return this.#end(call, 'no', undefined);
    if (call.kind === 'read') {
      const known = this.#settled;
      const lease = random.chance(0.5);
      node.read(call.id, {
        lease,
        done: (machine, index) => {
          if (call.outcome !== 'pending') return;
          demand(index >= known, () => `a read at ${index} began after ${known} was settled`);
          this.#end(call, 'ok', machine.read(call.key));
        },
      });
      return;
    }
    const { key, value, from } = call;
    const command: Command =
      call.kind === 'write'
        ? { kind: 'write', key, value, call: call.id }
        : { kind: 'swap', key, from, value, call: call.id };
    node.propose(encode(command), {
      done: (result) => {
        this.#settled = Math.max(this.#settled, node.machine.applied);
        this.#leader = id;
        this.#end(call, 'ok', result);
      },
      never: () => {
        this.#leader = node.status?.leader;
        this.#end(call, 'no', undefined);
      },
    });
  }

  #end(call: Call, outcome: 'ok' | 'no' | 'unknown', result: number | boolean | undefined): void {
    if (call.outcome !== 'pending') return;
    call.outcome = outcome;
    call.result = result;
    call.returnedAt = this.#world.timeline.now;
    if (outcome === 'unknown') this.#leader = undefined;
    if (outcome === 'ok' && this.#world.isCalm) this.lateSuccesses += 1;
    this.#next();
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
