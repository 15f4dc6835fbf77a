import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { channel, type Node, SessionLost, startNode } from 'troupe';
import { Counter } from './node-process.ts';

const program = fileURLToPath(new URL('./node-process.js', import.meta.url));

/** A node in another process; killed when the test is over. */
class Process implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #address: Promise<string>;
  /** Whatever it has printed. */
  output = '';

  constructor(name: string, join: readonly string[]) {
    this.#child = fork(program, [name, ...join], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#exit = once(this.#child, 'close');
    this.#address = once(this.#child, 'message').then(([address]) => String(address));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => (this.output += String(chunk)));
    }
  }

  get pid(): number {
    return this.#child.pid ?? NaN;
  }

  /** Where it listens, as soon as it does. */
  get address(): Promise<string> {
    return this.#address;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ends(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    await this.#exit;
    return { code: this.#child.exitCode, signal: this.#child.signalCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.#exit;
  }
}

/** Two nodes that host counters, each a process, and a client of them in this one. */
class Cluster implements AsyncDisposable {
  readonly #processes: ReadonlyMap<string, Process>;
  readonly client: Node;

  private constructor(processes: ReadonlyMap<string, Process>, client: Node) {
    this.#processes = processes;
    this.client = client;
  }

  static async start(): Promise<Cluster> {
    const a = new Process('a', []);
    const b = new Process('b', [await a.address]);
    await b.address;
    const client = await startNode({ name: 'client', join: [await a.address], actors: [] });
    const cluster = new Cluster(new Map(Object.entries({ a, b })), client);
    await cluster.until((states) => states.get('a') === 'alive' && states.get('b') === 'alive');
    return cluster;
  }

  /** A key whose counter is placed on the node, and that node's process. */
  placedOn(owner: string): { readonly key: string; readonly process: Process } {
    const found = this.#processes.get(owner);
    if (found === undefined) throw new TypeError(`BUG: no process ${owner}`);
    for (let i = 0; ; i += 1) {
      const key = `key-${i}`;
      if (this.client.ownerOf(Counter, key)?.name === owner) return { key, process: found };
    }
  }

  /** Waits until the client sees the members so. */
  async until(isSo: (states: ReadonlyMap<string, string>) => boolean): Promise<void> {
    const seen = new AbortController();
    for await (const _ of this.client.watchMembers(seen.signal)) {
      const states = new Map<string, string>();
      for (const { name, state } of this.client.members()) states.set(name, state);
      if (isSo(states)) seen.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.stop();
    for (const each of this.#processes.values()) await each[Symbol.asyncDispose]();
  }
}

test.serial(
  'SIGTERM ends a node in order: it leaves, its process ends by itself, and calls go on',
  async (t) => {
    await using cluster = await Cluster.start();
    const { key, process: owner } = cluster.placedOn('b');
    const counter = cluster.client.entity(Counter, key);
    t.is(await counter.pid(), owner.pid);

    owner.kill('SIGTERM');
    await cluster.until((states) => states.get('b') === 'left');
    const pid = await counter.pid();

    t.deepEqual(await owner.ends(), { code: 0, signal: null });
    t.is(owner.output, '');
    t.not(pid, owner.pid);
  },
);

test.serial(
  'SIGTERM lets a turn that runs come to its end, and its caller have the result',
  async (t) => {
    await using cluster = await Cluster.start();
    const { key, process: owner } = cluster.placedOn('b');
    const begun = channel<true>(1);
    const work = cluster.client.entity(Counter, key).work(begun.sender, 300);
    await begun.receive();

    owner.kill('SIGTERM');

    t.is(await work, 'done');
    t.deepEqual(await owner.ends(), { code: 0, signal: null });
  },
);

test.serial('a second SIGTERM does not wait for anything', async (t) => {
  await using cluster = await Cluster.start();
  const { key, process: owner } = cluster.placedOn('b');
  const begun = channel<true>(1);
  const work = t.throwsAsync(cluster.client.entity(Counter, key).work(begun.sender, 60_000));
  await begun.receive();

  owner.kill('SIGTERM');
  await cluster.until((states) => states.get('b') !== 'alive');
  owner.kill('SIGTERM');

  t.deepEqual(await owner.ends(), { code: null, signal: 'SIGTERM' });
  t.like(await work, { executed: 'unknown' });
});

test.serial(
  'after kill -9 of its owner, the next call activates an entity elsewhere',
  async (t) => {
    await using cluster = await Cluster.start();
    const { key, process: owner } = cluster.placedOn('b');
    const counter = cluster.client.entity(Counter, key);
    t.is(await counter.add(5), 5);
    const begun = channel<true>(1);
    const work = t.throwsAsync(counter.work(begun.sender, 60_000), { instanceOf: SessionLost });
    await begun.receive();

    owner.kill('SIGKILL');
    t.is((await work)?.executed, 'unknown'); // Told at once, and not repeated: it had begun.
    const sum = await counter.add(1);

    t.is(sum, 1); // Entities live in memory: it begins anew.
    t.not(await counter.pid(), owner.pid);
    t.deepEqual(await owner.ends(), { code: null, signal: 'SIGKILL' });
  },
);

test.serial('kill -9 of one node harms no entity of another', async (t) => {
  await using cluster = await Cluster.start();
  const [near, far] = [cluster.placedOn('a'), cluster.placedOn('b')];
  const counter = cluster.client.entity(Counter, near.key);
  t.is(await counter.add(1), 1);

  far.process.kill('SIGKILL');
  const sums = [await counter.add(1), await counter.add(1), await counter.add(1)];
  await cluster.until((states) => states.get('b') === 'down');

  t.deepEqual(sums, [2, 3, 4]);
  t.is(await counter.add(1), 5);
});
