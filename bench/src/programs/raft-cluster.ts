import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { main, type Measured, type Program, type ReplicaState } from './measure.ts';
import { freePort } from './pair.ts';

/**
 * Starts the three nodes of a group, each a process, and has them measured: by the one that leads,
 * if nothing else is said.
 *
 *     node raft-cluster.js SCRATCH FILE [ARGS…] BENCH OPERATIONS MS WARM_UP_MS
 *
 * `FILE ARGS… NAME DIRECTORY NAME=ADDRESS,…` is one node; it answers lines `ID WORD NUMBERS…` with
 * `ID JSON`, and ends when its input does.
 */
const [scratch = '', file = '', ...rest] = process.argv.slice(2, -4);

const NAMES = ['a', 'b', 'c'];
const LOOK_AGAIN_MS = 5;
/** For what should take a second or two. */
const PATIENCE_MS = 60_000;
/** How long a main loop stands still. */
const HELD_MS = 2_000;

/** One node: a process that leads a process group, so that what it started dies with it. */
class Member {
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #asked = 0;
  readonly #waiting = new Map<string, (answer: unknown) => void>();

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Resolves when it can be asked. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#child = child;
    const ready = new Promise((resolve) => this.#waiting.set('ready', resolve));
    createInterface(child.stdout).on('line', (line) => {
      const [id = ''] = line.split(' ', 1);
      this.#waiting.get(id)?.(JSON.parse(line.slice(id.length)));
      this.#waiting.delete(id);
    });
    child.on('exit', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined; // Nobody is left who could be killed.
      console.error(`a node ended with ${code}: ${this.#command.join(' ')}`);
      process.exit(1);
    });
    await ready;
  }

  async ask(word: string, ...numbers: readonly number[]): Promise<unknown> {
    const id = `${(this.#asked += 1)}`;
    const answer = new Promise<unknown>((resolve) => this.#waiting.set(id, resolve));
    this.#child?.stdin?.write(`${[id, word, ...numbers].join(' ')}\n`);
    return answer;
  }

  state(): Promise<ReplicaState> {
    return this.ask('state') as Promise<ReplicaState>;
  }

  /** At once, as a power cut would. Who waits for an answer gets none. */
  kill(): void {
    const pid = this.#child?.pid;
    this.#child = undefined;
    this.#waiting.clear();
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  }
}

class Cluster {
  readonly members: readonly Member[];
  readonly #directory: string;

  private constructor(members: readonly Member[], directory: string) {
    this.members = members;
    this.#directory = directory;
  }

  static async start(
    kind: 'durable' | 'memory',
    options: readonly string[] = [],
  ): Promise<Cluster> {
    const directory = await mkdtemp(join(scratch, 'group-'));
    const ports = await Promise.all(NAMES.map(freePort));
    const peers = NAMES.map((name, at) => `${name}=127.0.0.1:${ports[at]}`).join(',');
    const members = NAMES.map((name) => {
      const where = kind === 'memory' ? kind : join(directory, name);
      return new Member([file, ...rest, name, where, peers, ...options]);
    });
    process.on('exit', () => members.forEach((member) => member.kill()));
    await Promise.all(members.map((member) => member.start()));
    return new Cluster(members, directory);
  }

  /** Waits until exactly one of them says that it leads. */
  leader(): Promise<Member> {
    return eventually('one leads', async () => {
      const leads = await Promise.all(this.members.map((member) => member.ask('leads')));
      return leads.filter(Boolean).length === 1 ? this.members[leads.indexOf(true)] : undefined;
    });
  }

  /** Waits until all have applied as much as the one that has applied the most. */
  settled(): Promise<readonly ReplicaState[]> {
    return eventually('all have applied the same', async () => {
      const states = await Promise.all(this.members.map((member) => member.state()));
      const count = Math.max(...states.map((state) => state.count));
      return states.every((state) => state.count === count) ? states : undefined;
    });
  }

  async end(): Promise<void> {
    for (const member of this.members) member.kill();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/**
 * Commands by so many clients of the leader.
 * @param sliceMs main loops compute for half of the time, so long at once. Default: they are idle
 */
function commands(kind: 'durable' | 'memory', clients: number, sliceMs: number = 0) {
  return async ({ operations, ms, warmUpMs }: Program): Promise<Measured> => {
    const cluster = await Cluster.start(kind);
    const leader = await cluster.leader();
    if (sliceMs > 0) await Promise.all(cluster.members.map((each) => each.ask('busy', sliceMs)));
    const measured = (await leader.ask('propose', clients, operations, ms, warmUpMs)) as Measured;
    const replicas = await cluster.settled();
    for (const replica of replicas) wholeBatches(replica, operations);
    await cluster.end();
    return { ...measured, replicas };
  };
}

/** What was acknowledged in the warm-up must be there too. */
function wholeBatches({ count, sum }: ReplicaState, operations: number): void {
  const expected = (count / operations) * ((operations * (operations - 1)) / 2);
  if (count % operations === 0 && count > 0 && sum === expected) return;
  throw new Error(`a node has ${count} commands that sum up to ${sum}, not ${expected}`);
}

/** Linearizable reads by 64 clients at each of so many nodes, the leader first. */
function reads(nodes: number) {
  return async ({ operations, ms, warmUpMs }: Program): Promise<Measured> => {
    const cluster = await Cluster.start('durable');
    const leader = await cluster.leader();
    await leader.ask('propose', 64, operations, 1, 0);
    const others = cluster.members.filter((member) => member !== leader);
    const asked = [leader, ...others].slice(0, nodes);
    const each = (await Promise.all(
      asked.map((member) => member.ask('read', 64, operations, ms, warmUpMs)),
    )) as Measured[];
    const replicas = await cluster.settled();
    await cluster.end();
    const all = each.reduce((sum, measured) => sum + measured.operations, 0);
    const perNs = each.reduce((sum, measured) => sum + measured.operations / measured.ns, 0);
    const check = each.reduce((sum, measured) => sum + measured.check, 0);
    return { operations: all, ns: all / perNs, check, replicas };
  };
}

/** The leader is killed, again and again: how long until the next command is accepted? */
async function failover({ operations }: Program): Promise<Measured> {
  const cluster = await Cluster.start('durable');
  const times: number[] = [];
  let check = 0;
  for (let value = 0; value < operations; value += 1) {
    const leader = await cluster.leader();
    await cluster.settled();
    const others = cluster.members.filter((member) => member !== leader);
    const killedAt = performance.now();
    leader.kill();
    const accepting = others.map((member) => member.ask('accept', value));
    await Promise.race(accepting);
    times.push((performance.now() - killedAt) * 1e6);
    await Promise.all(accepting);
    check += value;
    await leader.start();
  }
  const replicas = await cluster.settled();
  await cluster.end();
  times.sort((a, b) => a - b);
  const ns = times.reduce((sum, time) => sum + time, 0);
  const medianNs = times[times.length >> 1] ?? 0;
  return { operations, ns, check, medianNs, worstNs: times.at(-1) ?? 0, replicas };
}

/** The main loop of the leader stands still: how long does a client of another node wait? */
async function stalled({ operations }: Program): Promise<Measured> {
  const cluster = await Cluster.start('durable');
  const times: number[] = [];
  for (let round = 0; round < operations; round += 1) {
    const leader = await cluster.leader();
    await cluster.settled();
    const other = cluster.members.find((each) => each !== leader) ?? leader;
    const waited = other.ask('wait', HELD_MS + 500);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await leader.ask('hold', HELD_MS);
    times.push(((await waited) as number) * 1e6);
  }
  const replicas = await cluster.settled();
  await cluster.end();
  const ns = times.reduce((sum, time) => sum + time, 0);
  times.sort((a, b) => a - b);
  const check = (operations * (operations - 1)) / 2; // Nobody is asked for a sum.
  const medianNs = times[times.length >> 1] ?? 0;
  return { operations, ns, check, medianNs, worstNs: times.at(-1) ?? 0, replicas };
}

/** A node is killed and started anew, until it has applied all that is in its log. */
async function restart({ operations }: Program): Promise<Measured> {
  const cluster = await Cluster.start('durable', [`${Number.MAX_SAFE_INTEGER}`]);
  const leader = await cluster.leader();
  await leader.ask('propose', 1_024, operations, 1, 0);
  await cluster.settled();
  const member = cluster.members.find((each) => each !== leader) ?? leader;
  member.kill();
  const startedAt = performance.now();
  await member.start();
  const replicas = await cluster.settled();
  const ns = (performance.now() - startedAt) * 1e6;
  await cluster.end();
  return { operations, ns, check: replicas[0]?.sum ?? 0, replicas };
}

process.on('uncaughtException', (error) => {
  console.error(error);
  console.error(error.message); // The harness quotes what comes last.
  process.exit(1);
});

await main({
  'durable-64': commands('durable', 64),
  'durable-1024': commands('durable', 1_024),
  'memory-1024': commands('memory', 1_024),
  'busy-5': commands('durable', 64, 5),
  'busy-20': commands('durable', 64, 20),
  stalled,
  'log-bytes': commands('durable', 1_024),
  latency: commands('durable', 1),
  'reads-leader': reads(1),
  'reads-two': reads(2),
  'reads-all': reads(3),
  failover,
  restart,
});
