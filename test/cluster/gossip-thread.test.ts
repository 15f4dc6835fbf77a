import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import { type ClusterEvent, gossip, type Node, processEnv, startNode } from 'troupe';

/** What is done to the threads on purpose is told to the log as well. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

async function eventually(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1_500 && !holds(); i += 1) await new Promise((r) => setTimeout(r, 20));
}

function sees(node: Node, name: string): boolean {
  return node.members().some((member) => member.name === name && member.state === 'alive');
}

/** Starts a node whose gossip runs on a thread. @returns the node, and all its threads so far */
async function startOnThread(): Promise<{ node: Node; threads: Worker[] }> {
  const threads: Worker[] = [];
  process.on('worker', (worker) => threads.push(worker));
  const membership = gossip({ thread: true });
  const env = processEnv({ log: quiet });
  const node = await startNode({ name: 'a', listen: '127.0.0.1:0', membership, env, actors: [] });
  return { node, threads };
}

test.serial('a thread of gossip that ends is replaced, and the others miss nobody', async (t) => {
  const { node, threads } = await startOnThread();
  await using a = node;
  const join = [a.address];
  await using b = await startNode({ name: 'b', listen: '127.0.0.1:0', join, actors: [] });
  await eventually(() => sees(a, 'b') && sees(b, 'a'));
  const seen: ClusterEvent[] = [];
  a.observeCluster((event) => seen.push(event));
  const failed: string[] = [];
  b.observeCluster((event) => void (event.kind === 'failed' && failed.push(event.member.name)));

  await threads[0]?.terminate();
  await eventually(() => threads.length === 2);
  await using c = await startNode({
    name: 'c',
    listen: '127.0.0.1:0',
    join: [b.address],
    actors: [],
  });
  await eventually(() => sees(a, 'c') && sees(c, 'a'));

  t.true(sees(a, 'c') && sees(c, 'a') && sees(a, 'b') && sees(b, 'a'));
  t.like(seen[0], { kind: 'thread-ended', isReplaced: true });
  t.deepEqual(failed, []);
});

test.serial('threads that end again and again are replaced five times a minute', async (t) => {
  const { node, threads } = await startOnThread();
  await using a = node;
  const ended: boolean[] = [];
  a.observeCluster((event) => void (event.kind === 'thread-ended' && ended.push(event.isReplaced)));

  for (let i = 0; i < 6; i += 1) {
    await eventually(() => threads.length > i);
    const thread = threads[i];
    if (thread === undefined) break;
    await once(thread, 'message'); // It runs.
    await thread.terminate();
    await eventually(() => ended.length > i);
  }

  t.deepEqual(ended, [true, true, true, true, true, false]);
});
