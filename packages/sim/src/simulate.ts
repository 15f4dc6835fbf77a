import { describeFault, type Fault, type FaultKind, swarm } from './faults.ts';
import { LAN, type LinkQuality } from './network.ts';
import { shrink } from './shrink.ts';
import { type OutsideWorld, setTraps } from './traps.ts';
import { oneAtATime } from './turnstile.ts';
import { type Place, World } from './world.ts';

const SAFETY_MS = 20_000;
/** Before a node that did not come up is started again. */
const RESTART_MS = 1_000;
const NAMES = 'abcdefghijklmnopqrstuvwxyz';

export interface SimulateOptions<N> {
  /** Decides everything. */
  readonly seed: number;
  /** How many nodes, or their names. Default: 3, called a, b and c. */
  readonly nodes?: number | readonly string[];
  /** Starts one node in its place; called again whenever it was down: `startNode({ ...place })`. */
  readonly start: (place: Place) => Promise<N>;
  /** What goes wrong: a list, or drawn from the seed. Default: nothing. */
  readonly faults?: readonly Fault[] | 'swarm';
  /** Kinds of faults that `'swarm'` draws. Default: all. */
  readonly faultKinds?: readonly FaultKind[];
  /** How long faults may begin, in milliseconds. Default: 20,000. */
  readonly safetyMs?: number;
  readonly network?: Partial<LinkQuality>;
  /** Whether a run that fails is repeated with fewer faults. Default: true. */
  readonly shrinks?: boolean;
  /** Whether reading this process's own clock or randomness fails the run. Default: true. */
  readonly traps?: boolean;
}

/** What a run was. Two runs of one seed give equal reports. */
export interface SimulationReport {
  readonly seed: number;
  readonly digest: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly faults: readonly Fault[];
}

/** A run went wrong. Printing it shows what is needed to see that again. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed';
  readonly code = 'ERR_SIMULATION_FAILED';
  readonly seed: number;
  /** The shortest part of the faults that still fails. */
  readonly faults: readonly Fault[];
  /** What happened last, oldest first. */
  readonly timeline: readonly string[];

  constructor(
    cause: unknown,
    run: {
      readonly seed: number;
      readonly faults: readonly Fault[];
      readonly timeline: readonly string[];
    },
  ) {
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    const faults = run.faults.length === 0 ? ['  none'] : run.faults.map(describeFault);
    super(
      `seed ${run.seed} fails: ${why}\nfaults it takes:\n${faults.join('\n')}\n` +
        `what happened last:\n${run.timeline.join('\n')}`,
      { cause },
    );
    this.seed = run.seed;
    this.faults = run.faults;
    this.timeline = run.timeline;
  }
}

/** The process that was to do something ended before it had; nobody knows how far it came. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded';
  readonly code = 'ERR_PROCESS_ENDED';
  readonly executed = 'unknown';
  constructor(readonly host: string) {
    super(`the process on ${host} ended in the middle of it`);
  }
}

/** A run as its scenario sees it. */
export class Simulated<N> {
  readonly world: World;
  readonly #options: SimulateOptions<N>;
  readonly #nodes = new Map<string, N>();
  readonly #underWay = new Map<string, Set<(error: ProcessEnded) => void>>();
  #healed = false;

  constructor(world: World, options: SimulateOptions<N>) {
    this.world = world;
    this.#options = options;
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  /** Of every link, while nothing is wrong with it. */
  get #quality(): LinkQuality {
    return { ...LAN, ...this.#options.network };
  }

  /** The node that runs on `host` now. @throws when none does */
  node(host: string): N {
    const node = this.#nodes.get(host);
    if (node !== undefined) return node;
    throw new Error(`no node runs on ${host} at ${this.nowMs.toFixed(0)} ms`);
  }

  /** All nodes that run now, by host. */
  get nodes(): ReadonlyMap<string, N> {
    return this.#nodes;
  }

  /**
   * Does something by way of the node on `host`. What a process has begun never ends once the
   * process is gone, so whoever waits for it is told by this.
   * @throws {ProcessEnded} when the process ends first, and whatever `run` throws
   */
  on<T>(host: string, run: (node: N) => Promise<T>): Promise<T> {
    const node = this.node(host);
    const underWay = this.#underWay.get(host) ?? new Set();
    this.#underWay.set(host, underWay);
    return new Promise((resolve, reject) => {
      underWay.add(reject);
      run(node)
        .finally(() => underWay.delete(reject))
        .then(resolve, reject);
    });
  }

  sleep(ms: number): Promise<void> {
    return this.world.sleep(ms);
  }

  /** Calls `holds` after everything that happens from now on; throwing fails the run. */
  check(name: string, holds: () => void): void {
    this.world.check(name, holds);
  }

  async start(host: string): Promise<N> {
    const node = await this.world.start(host, this.#options.start);
    if (this.world.running.includes(host)) this.#nodes.set(host, node);
    return node;
  }

  /** As a supervisor of processes would: one that does not come up is started again. */
  async #startAgain(host: string): Promise<void> {
    while (!this.world.running.includes(host)) {
      try {
        await this.start(host);
      } catch (error) {
        this.world.note(`${host} does not start: ${String(error)}`);
        this.crash(host);
        await this.sleep(RESTART_MS);
      }
    }
  }

  crash(host: string, options?: { readonly power?: boolean }): void {
    this.#nodes.delete(host);
    this.world.crash(host, options);
    for (const reject of this.#underWay.get(host) ?? []) reject(new ProcessEnded(host));
    this.#underWay.delete(host);
  }

  /** From here on nothing goes wrong: the network is whole, and every node runs. */
  async heal(): Promise<void> {
    this.#healed = true;
    this.world.network.setQuality({ ...this.#quality, loss: 0, duplication: 0 });
    this.world.heal();
    const down = this.world.hosts.filter((host) => !this.world.running.includes(host));
    await Promise.all(down.map((host) => this.#startAgain(host)));
  }

  inflict(fault: Fault): void {
    const { world } = this;
    const then = (ms: number, run: () => void): void => {
      world.agenda.after(ms, () => !this.#healed && run());
    };
    then(fault.atMs - world.nowMs, () => {
      switch (fault.kind) {
        case 'crash':
          if (!world.running.includes(fault.host)) return;
          this.crash(fault.host, { power: fault.power });
          return then(fault.forMs, () => void this.#startAgain(fault.host));
        case 'stall':
          return world.stall(fault.host, fault.forMs, fault.shape);
        case 'partition':
          world.partition(...fault.groups);
          return then(fault.forMs, () => world.heal());
        case 'one-way':
          world.network.cut(fault.from, fault.to);
          world.note(`${fault.to} hears nothing of ${fault.from}`);
          return then(fault.forMs, () => world.network.mend(fault.from, fault.to));
        case 'network':
          world.network.setQuality(fault.quality);
          return then(fault.forMs, () => world.network.setQuality(this.#quality));
        case 'clock':
          return world.setWallClock(fault.host, fault.byMs);
        case 'disk':
          world.disk(fault.host).suffer(fault.trouble);
          return then(fault.forMs, () => world.disk(fault.host).goOn());
      }
    });
  }
}

/**
 * Runs whole nodes in a world of their own, where one seed decides what the network, the disks, the
 * clocks and chance do: the same seed, the same run. When the run fails, it is repeated with fewer
 * faults until none of them can be spared.
 * @param scenario is run anew each time, so what it counts must be made inside it
 * @throws {SimulationFailed} with the seed, the faults it takes and what happened last
 */
export function simulate<N>(
  options: SimulateOptions<N>,
  scenario: (simulated: Simulated<N>) => Promise<void>,
): Promise<SimulationReport> {
  return oneAtATime(() => runAndShrink(options, scenario));
}

async function runAndShrink<N>(
  options: SimulateOptions<N>,
  scenario: (simulated: Simulated<N>) => Promise<void>,
): Promise<SimulationReport> {
  const { seed, safetyMs = SAFETY_MS } = options;
  const hosts = hostsOf(options.nodes ?? 3);
  const world = new World({ seed, hosts });
  const faults =
    options.faults === 'swarm'
      ? swarm(world.random, { hosts, durationMs: safetyMs, ...kindsOf(options) })
      : (options.faults ?? []);
  const first = await runOnce(options, scenario, faults);
  if (first.failure === undefined) return first.report;
  const { shrinks = true } = options;
  const shortest = !shrinks
    ? faults
    : await shrink(faults, async (part) => {
        const { failure } = await runOnce(options, scenario, part);
        return failure !== undefined && isSameFailure(failure.error, first.failure?.error);
      });
  const last = shortest === faults ? first : await runOnce(options, scenario, shortest);
  const { error } = last.failure ?? first.failure;
  throw new SimulationFailed(error, { seed, faults: shortest, timeline: last.timeline });
}

interface Run {
  readonly report: SimulationReport;
  readonly failure: { readonly error: unknown } | undefined;
  readonly timeline: readonly string[];
}

async function runOnce<N>(
  options: SimulateOptions<N>,
  scenario: (simulated: Simulated<N>) => Promise<void>,
  faults: readonly Fault[],
): Promise<Run> {
  const { seed, network, traps = true } = options;
  const hosts = hostsOf(options.nodes ?? 3);
  const world = new World({ seed, hosts, ...(network === undefined ? {} : { network }) });
  const simulated = new Simulated(world, options);
  let caught: OutsideWorld | undefined;
  const restore = traps ? setTraps((trap) => (caught ??= trap)) : undefined;
  let failure: Run['failure'];
  try {
    await world.drive(
      (async () => {
        await Promise.all(hosts.map((host) => simulated.start(host)));
        for (const fault of faults) simulated.inflict(fault);
        await scenario(simulated);
      })(),
    );
    if (caught !== undefined) failure = { error: caught };
  } catch (error) {
    failure = { error: caught ?? error };
  } finally {
    restore?.();
  }
  const { digest, count: events } = world.trace;
  const report = { seed, digest, events, simulatedMs: world.nowMs, faults };
  return { report, failure, timeline: world.trace.tail() };
}

function hostsOf(nodes: number | readonly string[]): readonly string[] {
  if (typeof nodes !== 'number') return nodes;
  return Array.from({ length: nodes }, (_, i) => NAMES[i] ?? `n${i}`);
}

function kindsOf<N>({ faultKinds }: SimulateOptions<N>): { kinds?: readonly FaultKind[] } {
  return faultKinds === undefined ? {} : { kinds: faultKinds };
}

/** Of one class and, up to numbers, one message: shrinking must not end at another failure. */
function isSameFailure(a: unknown, b: unknown): boolean {
  const mark = (error: unknown): string =>
    error instanceof Error
      ? `${error.name} ${error.message.replaceAll(/\d+/g, '#')}`
      : String(error);
  return mark(a) === mark(b);
}

/**
 * The seeds for one run of a test: `SEED` of the environment alone if it is set, to see one failure
 * again; otherwise `count` from `first` on.
 */
export function seeds({
  count,
  first = 1,
}: {
  readonly count: number;
  readonly first?: number;
}): readonly number[] {
  const given = process.env['SEED'];
  if (given !== undefined && given !== '') return [Number(given)];
  return Array.from({ length: count }, (_, i) => first + i);
}
