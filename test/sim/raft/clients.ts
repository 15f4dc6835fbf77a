import type { NodeId } from '@troupe/raft';
import {
  checkLinearizable,
  History,
  type ListInput,
  lists,
  type LockInput,
  locks,
  type Open,
  type RegisterInput,
  registers,
} from '@troupe/sim';
import {
  type Action,
  type Command,
  encode,
  type Machine,
  NO_SESSION,
  type Result,
  type Value,
} from './machine.ts';
import type { SimNode } from './node.ts';
import { demand } from './specification.ts';
import type { World } from './world.ts';

/** How long a client asks, and how long it waits for one answer before it asks again. */
const PATIENCE = 600;
const ANSWER_PATIENCE = 150;
/** While things fail, and in all. */
const CALLS_MAX = { storm: 160, all: 300 };

type Look = { readonly kind: 'read' | 'list'; readonly key: string };

interface RegisterOutput {
  readonly value?: unknown;
  readonly swapped?: boolean;
}

/** A call that is under way. */
interface Call {
  readonly id: number;
  readonly client: Client | undefined;
  readonly what: Action | Look;
  readonly returns: (value: unknown) => void;
  readonly fails: (executed: 'no' | 'unknown') => void;
  readonly then: () => void;
  /** Attempts of which nobody knows yet, or ever will, whether they took effect. */
  inDoubt: number;
  attempts: number;
  isPending: boolean;
}

interface Client {
  readonly name: string;
  /** Under which its calls are told from their repetitions. */
  session: number | undefined;
}

const kinds = [
  'read',
  'read',
  'write',
  'write',
  'cas',
  'list',
  'append',
  'acquire',
  'release',
] as const;
type Kind = (typeof kinds)[number];

/** A few clients, each of which does one thing at a time, now here, now there. */
export class Clients {
  calls = 0;
  successes = 0;
  /** Those of them that wrote something. */
  changes = 0;
  readonly #registers: History<RegisterInput, RegisterOutput>;
  readonly #lists: History<ListInput, readonly unknown[] | null>;
  readonly #locks: History<LockInput, number | boolean | null>;
  readonly #world: World;
  /** The highest index that any call is known to have taken effect at. */
  #settled = 0;
  #leader: NodeId | undefined;
  #isRunning = true;
  /** Without those that were only put in between. */
  #asked = 0;

  constructor(world: World) {
    this.#world = world;
    const now = (): number => world.timeline.now;
    this.#registers = new History(now);
    this.#lists = new History(now);
    this.#locks = new History(now);
  }

  start(): void {
    for (const name of ['ann', 'bob', 'eve']) this.#next({ name, session: undefined });
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Somebody asks just now, and just there. */
  probe(kind: 'read' | 'write', target: NodeId): void {
    const call = this.#begin(kind, undefined, () => {});
    this.#world.timeline.after(this.#world.random.between(1, 10), () => this.#ask(call, target));
  }

  /** Whether all that they saw could have happened one thing after the other. */
  check(): void {
    for (const verdict of [
      checkLinearizable(registers(), this.#registers.operations),
      checkLinearizable(lists(), this.#lists.operations),
      checkLinearizable(locks(), this.#locks.operations),
    ]) {
      demand(verdict.kind !== 'violated', () => `not linearizable: ${show(verdict)}`);
    }
  }

  #next(client: Client): void {
    const { timeline, random, isCalm } = this.#world;
    const pause = random.between(5, isCalm ? 100 : 60);
    timeline.after(pause, () => {
      if (!this.#isRunning) return;
      const callsMax = this.#world.isCalm ? CALLS_MAX.all : CALLS_MAX.storm;
      if (this.#asked >= callsMax) return this.#next(client);
      this.#asked += 1;
      const kind = random.pick(kinds);
      this.#try(this.#begin(kind, client, () => this.#next(client)));
    });
  }

  #begin(kind: Kind, client: Client | undefined, then: () => void): Call {
    this.calls += 1;
    const id = this.calls;
    const doing = { id, client, then, inDoubt: 0, attempts: 0, isPending: true };
    const call: Call = { ...doing, ...this.#record(kind, id, client?.name ?? `#${id}`) };
    this.#world.timeline.after(PATIENCE, () => this.#fail(call));
    return call;
  }

  /** Writes the call into the history that its model will judge. */
  #record(kind: Kind, id: number, by: string): Pick<Call, 'what' | 'returns' | 'fails'> {
    const { random } = this.#world;
    const key = random.pick(['x', 'y', 'z']);
    switch (kind) {
      case 'read': {
        const what = { kind, key };
        const open = this.#registers.call(by, what);
        return { what, ...outcome(open, (value) => ({ value })) };
      }
      case 'write': {
        const what = { kind, key, value: id };
        return { what, ...outcome(this.#registers.call(by, what), () => ({})) };
      }
      case 'cas': {
        const what = { kind, key, from: random.between(Math.max(0, id - 12), id), to: id };
        const open = this.#registers.call(by, what);
        return { what, ...outcome(open, (swapped) => ({ swapped: swapped === true })) };
      }
      case 'list': {
        const open = this.#lists.call(by, { kind: 'read', key });
        return { what: { kind, key }, ...outcome(open, (value) => value as readonly unknown[]) };
      }
      case 'append': {
        const what = { kind, key, value: id };
        return { what, ...outcome(this.#lists.call(by, what), () => null) };
      }
      case 'acquire':
      case 'release': {
        const what = { kind, lock: 'l', by };
        return { what, ...outcome(this.#locks.call(by, what), (value) => value as Value) };
      }
    }
  }

  /** Asks somebody, and somebody else when no answer comes: its session makes that harmless. */
  #try(call: Call): void {
    const { timeline, random } = this.#world;
    timeline.after(random.between(1, 10), () => {
      if (!call.isPending) return;
      call.attempts += 1;
      const attempt = call.attempts;
      timeline.after(ANSWER_PATIENCE, () => {
        if (attempt === call.attempts) this.#leader = undefined;
        this.#again(call, attempt);
      });
      this.#ask(call, this.#target());
    });
  }

  #again(call: Call, attempt: number): void {
    if (call.isPending && attempt === call.attempts) this.#try(call);
  }

  #ask(call: Call, id: NodeId): void {
    const node = this.#world.nodes.get(id);
    if (!call.isPending) return;
    if (node === undefined || !node.isUp || node.isPaused) this.#refused(call, call.attempts);
    else if (isLook(call.what)) this.#look(call, call.what, node);
    else this.#change(call, call.what, node);
  }

  #look(call: Call, what: Look, node: SimNode): void {
    const known = this.#settled;
    const lease = this.#world.random.chance(0.5);
    this.#world.reads += 1; // No two of one node may have the same name.
    node.read(this.#world.reads, {
      lease,
      done: (machine, index) => {
        demand(
          !call.isPending || index >= known,
          () => `a read at ${index} began after ${known} was settled`,
        );
        this.#succeed(call, seen(what, machine));
      },
    });
  }

  #change(call: Call, action: Action, node: SimNode): void {
    const { client } = call;
    const session = client === undefined ? NO_SESSION : client.session;
    const isOpening = session === undefined;
    const attempt = call.attempts;
    const command: Command = isOpening
      ? { kind: 'open' }
      : { kind: 'do', session, call: call.id, do: action };
    if (!isOpening) call.inDoubt += 1;
    node.propose(encode(command), {
      done: (result) => {
        this.#settled = Math.max(this.#settled, node.machine.applied);
        this.#leader = node.id;
        this.#answered(call, result);
      },
      never: () => {
        if (!isOpening) call.inDoubt -= 1;
        this.#leader = node.status?.leader;
        this.#refused(call, attempt);
      },
    });
  }

  #answered(call: Call, result: Result | undefined): void {
    if (!call.isPending || result === undefined) return;
    if (result.kind === 'done') return this.#succeed(call, result.value);
    const { client } = call;
    if (client === undefined) return;
    if (result.kind === 'expired') {
      client.session = undefined;
      call.inDoubt -= 1; // This attempt did nothing; an earlier one may have.
      this.#fail(call);
    } else if (client.session === undefined) {
      client.session = result.session;
      this.#try(call);
    } // Else it was opened twice; two sessions would do the same call twice.
  }

  #refused(call: Call, attempt: number): void {
    const { timeline, random } = this.#world;
    if (call.client === undefined) this.#fail(call);
    else timeline.after(random.between(10, 40), () => this.#again(call, attempt));
  }

  #succeed(call: Call, value: unknown): void {
    if (!this.#settle(call)) return;
    call.returns(value);
    this.successes += 1;
    if (!isLook(call.what)) this.changes += 1;
  }

  #fail(call: Call): void {
    if (this.#settle(call)) call.fails(call.inDoubt > 0 ? 'unknown' : 'no');
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

/** The end of it is where it went wrong. */
function show(verdict: object): string {
  return JSON.stringify(verdict).slice(-2_000);
}

function isLook(what: Action | Look): what is Look {
  return what.kind === 'read' || what.kind === 'list';
}

function outcome<T>(open: Open<T>, of: (value: unknown) => T): Pick<Call, 'returns' | 'fails'> {
  return {
    returns: (value) => open.returns(of(value)),
    fails: (executed) => open.fails(executed),
  };
}

function seen({ kind, key }: Look, machine: Machine): unknown {
  return kind === 'read' ? machine.read(key) : machine.list(key);
}
