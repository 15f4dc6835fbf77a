import { type VirtualEnv, virtualEnv } from '@troupe/actor/testing';
import {
  type Driver,
  Engine,
  type EngineOptions,
  type GroupOptions,
  type LogStore,
  MemoryStore,
  recoverAlone,
  TransportWire,
} from '@troupe/consensus';
import { Adder, type ConsensusWorld, type Replica } from '@troupe/consensus/conformance';
import { MemoryNetwork } from '@troupe/remote';

/** Time moves by so much while somebody waits. */
const STEP_MS = 10;
const PATIENCE_MS = 60_000;

/** Nodes of one group in one virtual time, on a network whose faults are method calls. */
export class TestWorld implements ConsensusWorld {
  readonly env: VirtualEnv = virtualEnv();
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly #engines = new Map<string, Driver>();
  readonly #stores = new Map<string, LogStore>();
  readonly #isolated = new Set<string>();
  readonly #options: Partial<GroupOptions<number>>;
  readonly #drive: (options: EngineOptions) => Driver;

  /** @param drive how groups are run: by default as everything else, on the one loop */
  constructor(
    options: Partial<GroupOptions<number>> = {},
    drive: (options: EngineOptions) => Driver = (given) => new Engine(given),
  ) {
    this.#options = options;
    this.#drive = drive;
  }

  /** @param machine for one that is slow, say */
  async start(
    node: string,
    voters: readonly string[],
    machine: Adder = new Adder(),
  ): Promise<Replica> {
    const engine = this.engine(node);
    const opening = engine.open({ group: 'g', machine, voters, ...this.#options });
    const consensus = await this.settle(opening);
    for (const other of this.#isolated) this.network.cut(other, node);
    return { machine, consensus };
  }

  /** The engine that runs on `node` now. */
  of(node: string): Driver {
    const engine = this.#engines.get(node);
    if (engine === undefined) throw new Error(`no engine runs on ${node}`);
    return engine;
  }

  /** What `node` has saved, in all its lives. */
  store(node: string): LogStore {
    const store = this.#stores.get(node) ?? new MemoryStore();
    this.#stores.set(node, store);
    return store;
  }

  /** Starts a node that takes part in no group yet. */
  engine(node: string): Driver {
    const store = this.store(node);
    const wire = new TransportWire({
      env: this.env,
      listen: `${node}:1`,
      addressOf: (peer) => `${peer}:1`,
      transport: this.network.transport(node),
    });
    const engine = this.#drive({ node, env: this.env, store, wire });
    this.#engines.set(node, engine);
    return engine;
  }

  async crash(node: string): Promise<void> {
    await this.settle(this.#engines.get(node)?.stop() ?? Promise.resolve());
    this.#engines.delete(node);
  }

  isolate(node: string): void {
    this.#isolated.add(node);
    for (const other of this.#engines.keys()) if (other !== node) this.network.cut(node, other);
  }

  rejoin(node: string): void {
    this.#isolated.delete(node);
    for (const other of this.#engines.keys()) if (other !== node) this.network.heal(node, other);
  }

  async recoverAlone(node: string): Promise<void> {
    await recoverAlone(this.store(node), { group: 'g', node });
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = (): void => void (isSettled = true);
    promise.then(done, done);
    for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
      await this.env.settled();
      if (isSettled) return promise;
      await this.env.advance(STEP_MS);
    }
    throw new Error('not settled after a minute');
  }
}
