import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type ActorRef, type Node, startNode } from 'troupe';
import { Member } from './leader-process.ts';

const program = fileURLToPath(new URL('./leader-process.js', import.meta.url));
const NAMES = ['a', 'b', 'c'];
const HELD_MS = 2_000;
const PATIENCE_MS = 30_000;

/** Three nodes, each a process, and a fourth one here that can ask them. */
class Cluster implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  readonly #members = new Map<string, ActorRef<Member>>();
  readonly #directory: string;
  #client: Node | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param hows where the groups of each of the three run */
  static async start(hows: readonly ('default' | 'loop')[]): Promise<Cluster> {
    const cluster = new Cluster(await mkdtemp(join(tmpdir(), 'troupe-')));
    const addresses: string[] = [];
    for (const [i, how] of hows.entries()) {
      const name = NAMES[i] ?? '';
      const child = fork(program, [name, how, join(cluster.#directory, name), ...addresses]);
      cluster.#children.push(child);
      const [address] = (await once(child, 'message')) as [string];
      addresses.push(address);
    }
    const client = await startNode({ listen: '127.0.0.1:0', join: addresses, actors: [] });
    cluster.#client = client;
    await eventually(async () => client.members().length === NAMES.length + 1);
    for (const name of NAMES) cluster.#members.set(name, await client.at(name).spawn(Member));
    return cluster;
  }

  at(name: string): ActorRef<Member> {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`no node ${name} runs`);
    return member.with({ timeoutMs: PATIENCE_MS });
  }

  /** Who leads, and since when, once all know the same. */
  async lead(): Promise<string> {
    let leads: readonly string[] = [];
    await eventually(async () => {
      leads = await Promise.all(NAMES.map((name) => this.at(name).lead()));
      return new Set(leads).size === 1 && !leads[0]?.startsWith('undefined');
    });
    return leads[0] ?? '';
  }

  /** Makes `name` the leader. */
  async giveTo(name: string): Promise<string> {
    const leader = (await this.lead())[0] ?? '';
    if (leader !== name) await this.at(leader).give(name);
    return this.lead();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.stop();
    for (const child of this.#children) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (!(await holds()) && performance.now() < until) await new Promise((r) => setTimeout(r, 20));
}

test('a leader whose main loop is blocked leads on, unless its groups are on that', async (t) => {
  await using cluster = await Cluster.start(['default', 'loop', 'default']);

  const onThread = await cluster.giveTo('a');
  const holding = cluster.at('a').hold(HELD_MS);
  const first = await Promise.race([cluster.at('c').add(1), holding]);
  await holding;
  const afterThread = await cluster.lead();
  const second = await cluster.at('a').add(2);
  const onLoop = await cluster.giveTo('b');
  await cluster.at('b').hold(HELD_MS);
  const afterLoop = await cluster.lead();

  t.is(first, 1); // Others are served meanwhile.
  t.is(afterThread, onThread);
  t.is(second, 3);
  t.true(onLoop.startsWith('b'));
  t.not(afterLoop, onLoop);
});
