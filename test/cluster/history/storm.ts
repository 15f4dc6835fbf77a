import type { Random } from '@troupe/sim';
import type { Crew, CrewChange } from './crew.ts';
import { FAULTS } from './line.ts';
import { pause } from './pause.ts';
import type { Recorder } from './recorder.ts';
import type { Server } from './server.ts';
import type { Way, Servers } from './servers.ts';

export const faultKinds = [
  'kill',
  'restart',
  'stop',
  'block',
  'partition',
  'transfer',
  'members',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Between the end of one fault and the next, in the mean. */
const CALM_MS = 1_200;
/** How often a fault does not wait until the one before is over. */
const OVERLAP = 0.3;
const DOWN_MS = { min: 0, max: 3_000 };
const STOPPED_MS = { min: 200, max: 4_000 };
const BLOCKED_MS = 2_000;
/** For one that is blocked to say that it goes on. */
const UNBLOCKED_MS = 10_000;
const CUT_MS = { min: 500, max: 5_000 };
const TRANSFER_MS = 3_000;
/** So many that one can be lost, and not more than two above those who began. */
const NODES_MIN = 3;
const NODES_ABOVE = 2;

export interface StormOptions {
  readonly servers: Servers;
  readonly crew: Crew;
  readonly recorder: Recorder;
  readonly random: Random;
  readonly kinds: readonly FaultKind[];
}

/** What goes wrong on purpose, one thing after the other and some at once. */
export class Storm {
  readonly #options: StormOptions;
  readonly #nodesMax: number;
  readonly counts: Record<string, number> = {};
  /** Leaders on a thread whose main loop was blocked, while nothing else went wrong. */
  readonly blockedLeads: { kept: number; lost: number } = { kept: 0, lost: 0 };
  readonly #underWay = new Set<Promise<void>>();
  /** That were begun. */
  #faults = 0;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#nodesMax = options.servers.names.length + NODES_ABOVE;
  }

  /** Resolves when `signal` has aborted; what is down then is left so. */
  async blow(signal: AbortSignal): Promise<void> {
    const { random, kinds } = this.#options;
    if (kinds.length === 0) return pause(2 ** 31 - 1, signal);
    for (;;) {
      await pause(random.exponential(CALM_MS), signal);
      if (signal.aborted) break;
      const fault = this.#inflict(random.pick(kinds), signal);
      this.#underWay.add(fault);
      void fault.finally(() => this.#underWay.delete(fault));
      if (!random.chance(OVERLAP)) await Promise.all(this.#underWay);
    }
    await Promise.all(this.#underWay);
  }

  #inflict(kind: FaultKind, signal: AbortSignal): Promise<void> {
    switch (kind) {
      case 'kill':
        return this.#kill(signal);
      case 'restart':
        return this.#restart(signal);
      case 'stop':
        return this.#stop(signal);
      case 'block':
        return this.#block();
      case 'partition':
        return this.#partition(signal);
      case 'transfer':
        return this.#transfer();
      case 'members':
        return this.#members(signal);
    }
  }

  async #kill(signal: AbortSignal): Promise<void> {
    const { servers } = this.#options;
    const { victims, of } = this.#victims();
    if (victims.length === 0) return;
    const over = this.#begin(`kill${of}`, victims.join(' '));
    await Promise.all(victims.map((name) => servers.kill(name)));
    await this.#startAgain(victims, signal);
    over();
  }

  /** In good order, and on the same disk. */
  async #restart(signal: AbortSignal): Promise<void> {
    const { servers, random } = this.#options;
    const { victims, of } = this.#victims();
    if (victims.length === 0) return;
    const over = this.#begin(`restart${of}`, victims.join(' '));
    const handsOver = random.chance(0.5);
    await Promise.all(victims.map((name) => servers.leave(name, handsOver)));
    await this.#startAgain(victims, signal);
    over();
  }

  #victims(): { readonly victims: readonly string[]; readonly of: string } {
    const { servers, random } = this.#options;
    const { leader } = servers;
    const alive = servers.all.filter(({ hasEnded }) => !hasEnded).map(({ name }) => name);
    const majority = Math.floor(servers.names.length / 2) + 1;
    const some = random.shuffled(alive);
    return random.pick([
      ...Array.from({ length: 4 }, () => ({ victims: some.slice(0, 1), of: '' })),
      ...Array.from({ length: 4 }, () => {
        return { victims: alive.filter((name) => name === leader), of: ' of the leader' };
      }),
      { victims: some.slice(0, majority), of: ' of a majority' },
      { victims: some, of: ' of all' },
    ]);
  }

  async #startAgain(victims: readonly string[], signal: AbortSignal): Promise<void> {
    const { servers, random } = this.#options;
    await Promise.all(
      victims.map(async (name) => {
        await pause(random.between(DOWN_MS.min, DOWN_MS.max), signal);
        if (!signal.aborted && servers.find(name)?.hasEnded === true) servers.start(name);
      }),
    );
  }

  async #stop(signal: AbortSignal): Promise<void> {
    const { servers, random } = this.#options;
    const victim = this.#victim(servers.up.filter(({ isStopped }) => !isStopped));
    if (victim === undefined) return;
    const { name } = victim;
    const over = this.#begin(name === servers.leader ? 'stop of the leader' : 'stop', name);
    servers.stop(name);
    await pause(random.between(STOPPED_MS.min, STOPPED_MS.max), signal);
    if (servers.find(name) === victim) servers.goOn(name);
    over();
  }

  /** The main loop of one computes; who leads on a thread leads on. */
  async #block(): Promise<void> {
    const { servers } = this.#options;
    const victim = this.#victim(servers.up.filter(({ isStopped }) => !isStopped));
    if (victim === undefined) return;
    const { name } = victim;
    const { leader, epoch } = servers;
    const faultsBefore = this.#faults;
    const isAlone = this.#underWay.size === 0;
    const over = this.#begin(name === leader ? 'block of the leader' : 'block', name);
    await victim.ask({ kind: 'block', forMs: BLOCKED_MS }, UNBLOCKED_MS);
    over();
    const isUndisturbed = isAlone && this.#faults === faultsBefore + 1;
    if (name !== leader || !servers.hasThread(name) || !isUndisturbed) return;
    this.blockedLeads[servers.epoch === epoch ? 'kept' : 'lost'] += 1;
  }

  async #partition(signal: AbortSignal): Promise<void> {
    const { servers, random } = this.#options;
    const { names, leader } = servers;
    const one = leader !== undefined && random.chance(0.5) ? leader : random.pick(names);
    const others = random.shuffled(names.filter((name) => name !== one));
    const [another = one] = others;
    const half = others.slice(0, Math.floor(names.length / 2));
    const rest = [one, ...others.slice(half.length)];
    const [ways, what] = random.pick<readonly [readonly Way[], string]>([
      [both([one], others), 'cut off'],
      [both(half, rest), 'cut in two'],
      [between([one], [another]), 'cut one way'],
      [between([one], others), 'cut of all that it says'],
      [between(others, [one]), 'cut of all that it hears'],
    ]);
    const how = random.pick(['silent', 'refused'] as const);
    const whom = what === 'cut in two' ? half.join(' ') : one;
    const over = this.#begin(`${what}, ${how}`, whom);
    servers.cut(ways, how);
    await pause(random.between(CUT_MS.min, CUT_MS.max), signal);
    servers.mend(ways);
    over();
  }

  async #transfer(): Promise<void> {
    const { servers, random } = this.#options;
    const { leader } = servers;
    const from = servers.up.find(({ name }) => name === leader);
    if (from === undefined) return;
    const to = random.pick(servers.names.filter((name) => name !== leader));
    const over = this.#begin('transfer', `${from.name} ${to}`);
    await from.ask({ kind: 'transfer', to }, TRANSFER_MS);
    over();
  }

  /** One comes, one goes, or one that is dead is replaced; one change at a time. */
  async #members(signal: AbortSignal): Promise<void> {
    const { servers, crew, random } = this.#options;
    const { names, leader } = servers;
    if (crew.isChanging) return;
    const isLed = leader !== undefined && names.includes(leader) && random.chance(0.5);
    const leaves = isLed ? leader : random.pick(names);
    const as = random.pick(['voter', 'candidate'] as const);
    const some: readonly (readonly [string, CrewChange])[] = [
      ['member added', { leaves: undefined, grows: true, as }],
      ['member removed', { leaves, grows: false, as }],
      ['dead member replaced', { leaves, grows: true, as: 'voter' }],
      ['member replaced', { leaves, grows: true, as }],
    ];
    const possible = some.filter(([, change]) => {
      if (change.leaves === undefined) return names.length < this.#nodesMax;
      return change.grows || names.length > NODES_MIN;
    });
    const [what, change] = random.pick(possible);
    const over = this.#begin(what, change.leaves ?? `${names.length} members`);
    if (what === 'dead member replaced') await servers.kill(leaves);
    await crew.change(change, signal);
    over();
  }

  /** Half the time the one that leads. */
  #victim(servers: readonly Server[]): Server | undefined {
    const { random } = this.#options;
    const leader = servers.find(({ name }) => name === this.#options.servers.leader);
    if (leader !== undefined && random.chance(0.5)) return leader;
    return servers.length === 0 ? undefined : random.pick(servers);
  }

  /** @returns what writes it down, when it is over */
  #begin(op: string, key: string): () => void {
    const { recorder } = this.#options;
    const call = recorder.now();
    this.#faults += 1;
    const kind = op.replace(/,.*/, '');
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    return () => {
      const outcome = { value: null, call, return: recorder.now(), outcome: 'ok' } as const;
      recorder.write({ client: FAULTS, op, key, ...outcome });
    };
  }
}

function between(from: readonly string[], to: readonly string[]): readonly Way[] {
  return from.flatMap((a) => to.map((b): Way => [a, b]));
}

function both(some: readonly string[], others: readonly string[]): readonly Way[] {
  return [...between(some, others), ...between(others, some)];
}
