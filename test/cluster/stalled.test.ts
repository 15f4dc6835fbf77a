import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type Node, startNode } from 'troupe';
import { Busy } from './busy-process.ts';

const program = fileURLToPath(new URL('./busy-process.js', import.meta.url));

/** A node in another process, its gossip on the main loop or on a thread; killed in the end. */
class Process implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;

  constructor(name: string, how: 'loop' | 'thread', join: string) {
    this.#child = fork(program, [name, how, join]);
    this.#exit = once(this.#child, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

async function eventually(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !holds(); i += 1) await new Promise((r) => setTimeout(r, 20));
}

/** What `node` is told of the member `b` while that holds up its loop, until it answers again. */
async function told(node: Node, heldMs: number): Promise<readonly string[]> {
  await eventually(() =>
    node.members().some(({ name, state }) => name === 'b' && state === 'alive'),
  );
  const busy = await node.at('b').spawn(Busy);
  const seen: string[] = [];
  node.observeCluster((event) => {
    if ('member' in event && event.member.name === 'b') seen.push(event.kind);
  });
  // In a cluster of two it may be given up meanwhile, and the call with it.
  await Promise.allSettled([busy.with({ timeoutMs: 30_000 }).hold(heldMs)]);
  await eventually(() => seen.length >= 2);
  return seen;
}

test.serial('a main loop that is busy for three seconds is stalled, and not dead', async (t) => {
  await using a = await startNode({ name: 'a', listen: '127.0.0.1:0', actors: [] });
  await using _b = new Process('b', 'thread', a.address);

  const seen = await told(a, 3_000);

  t.deepEqual(seen.slice(0, 2), ['stalled', 'resumed']);
  t.false(seen.includes('failed'));
});

test.serial('without a thread of its own gossip falls silent with the main loop', async (t) => {
  await using a = await startNode({ name: 'a', listen: '127.0.0.1:0', actors: [] });
  await using _b = new Process('b', 'loop', a.address);

  const seen = await told(a, 4_500);

  t.is(seen[0], 'suspected');
  t.false(seen.includes('stalled'));
});
