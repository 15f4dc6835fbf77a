import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import {
  type ClusterEvent,
  gossip,
  type GossipMembership,
  type GossipOptions,
  Keyring,
  type Node,
  type NodeOptions,
  processEnv,
  startNode,
} from 'troupe';

/** What is done to the threads on purpose is told to the log as well. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** @returns whether it does in the end */
async function eventually(holds: () => boolean): Promise<boolean> {
  for (let i = 0; i < 1_500 && !holds(); i += 1) await new Promise((r) => setTimeout(r, 20));
  return holds();
}

function find(node: Node, name: string): ReturnType<Node['members']>[number] | undefined {
  return node.members().find((member) => member.name === name);
}

function sees(node: Node, name: string): boolean {
  return find(node, name)?.state === 'alive';
}

interface OnThread {
  readonly node: Node;
  readonly membership: GossipMembership;
  /** All its threads so far. */
  readonly threads: Worker[];
}

/** Starts the node `a`, whose gossip runs on a thread. */
async function startOnThread(options: GossipOptions = {}): Promise<OnThread> {
  const threads: Worker[] = [];
  process.on('worker', (worker) => threads.push(worker));
  const membership = gossip({ ...options, thread: true });
  const env = processEnv({ log: quiet });
  const node = await startNode({ name: 'a', listen: '127.0.0.1:0', membership, env, actors: [] });
  return { node, membership, threads };
}

function startNear(name: string, join: readonly string[], options: NodeOptions = {}) {
  return startNode({ name, listen: '127.0.0.1:0', join, actors: [], ...options });
}

/** Ends the thread of `a`; resolves when the next one runs. `meanwhile` runs when there is none. */
async function replaceThread({ node, threads }: OnThread, meanwhile: () => void): Promise<void> {
  const { length } = threads;
  const stop = node.observeCluster((event) => void (event.kind === 'thread-ended' && meanwhile()));
  await threads.at(-1)?.terminate();
  await eventually(() => threads.length > length);
  const next = threads.at(-1);
  if (next !== undefined) await once(next, 'message');
  stop();
}

test.serial('a node whose thread of gossip ends while it joins does not start', async (t) => {
  const silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const called = once(silent, 'connection');
  const threads: Worker[] = [];
  process.on('worker', (worker) => threads.push(worker));
  const membership = gossip({ thread: true });
  const env = processEnv({ log: quiet });
  const join = [`127.0.0.1:${port}`];
  const starting = startNear('a', join, { membership, env });
  const failed = t.throwsAsync(starting, { message: /the thread of gossip ended/ });

  const [socket] = (await called) as [Socket];
  await threads[0]?.terminate();
  socket.destroy();

  await failed;
  silent.close();
});

test.serial('a thread of gossip that ends is replaced, and the others miss nobody', async (t) => {
  const onThread = await startOnThread();
  await using a = onThread.node;
  await using b = await startNear('b', [a.address]);
  await eventually(() => sees(a, 'b') && sees(b, 'a'));
  const seen: ClusterEvent[] = [];
  a.observeCluster((event) => seen.push(event));
  const failed: string[] = [];
  b.observeCluster((event) => void (event.kind === 'failed' && failed.push(event.member.name)));

  await replaceThread(onThread, () => {});
  await using c = await startNear('c', [b.address]);

  t.true(await eventually(() => sees(a, 'c') && sees(c, 'a') && sees(a, 'b') && sees(b, 'a')));
  t.like(seen[0], { kind: 'thread-ended', isReplaced: true });
  t.deepEqual(failed, []);
});

test.serial('who has ended while a thread of gossip was replaced is given up', async (t) => {
  const onThread = await startOnThread();
  await using a = onThread.node;
  await using b = await startNear('b', [a.address]);
  await using c = await startNear('c', [a.address]);
  await eventually(() => sees(a, 'b') && sees(a, 'c') && sees(b, 'c'));

  await replaceThread(onThread, () => void Promise.all([b.stop(), c.stop()]));

  const isGone = (name: string): boolean => ['down', 'left'].includes(find(a, name)?.state ?? '');
  t.true(await eventually(() => isGone('b') && isGone('c')));
});

test.serial('a thread in the place of another one calls the same seeds', async (t) => {
  const seed = await startNear('s', []);
  const onThread = await startOnThread({ seeds: [seed.address] });
  await using a = onThread.node;
  await eventually(() => sees(a, 's'));
  await seed.stop();
  await replaceThread(onThread, () => {});

  await using again = await startNear('s', [], { listen: seed.address });

  t.true(await eventually(() => sees(a, 's') && sees(again, 'a')));
});

test.serial(
  'what a node says of itself while its thread is replaced reaches the others',
  async (t) => {
    const onThread = await startOnThread();
    await using a = onThread.node;
    await using b = await startNear('b', [a.address]);
    const role = (): string | undefined => find(b, 'a')?.meta.roles?.[0];
    for (const said of ['one', 'two', 'three']) {
      onThread.membership.setMeta({ kinds: [], roles: [said] });
      await eventually(() => role() === said);
    }

    await replaceThread(onThread, () => {
      onThread.membership.setMeta({ kinds: [], roles: ['four'] });
    });

    t.true(await eventually(() => role() === 'four'), `it is seen as ${role()}`);
  },
);

test.serial('a thread in the place of another one has the keys of that moment', async (t) => {
  const [old, next] = ['the first secret', 'the second secret'];
  const [keyring, others] = [new Keyring(old), new Keyring(old)];
  const onThread = await startOnThread({ keyring });
  await using a = onThread.node;
  const membership = gossip({ seeds: [a.address], keyring: others });
  await using b = await startNear('b', [], { membership });
  await eventually(() => sees(a, 'b') && sees(b, 'a'));
  const change = (ring: Keyring): void => {
    ring.add(next);
    ring.use(next);
    ring.remove(old);
  };

  await replaceThread(onThread, () => {
    for (const ring of [keyring, others]) change(ring);
  });
  const before = membership.counters;

  t.true(await eventually(() => membership.counters.received > before.received + 5));
  t.is(membership.counters.foreign, before.foreign);
});

test.serial(
  'who leaves while its thread of gossip is replaced is known to have left',
  async (t) => {
    const onThread = await startOnThread();
    await using a = onThread.node;
    await using b = await startNear('b', [a.address]);
    await eventually(() => sees(a, 'b') && sees(b, 'a'));
    let leaving: Promise<void> | undefined;

    await replaceThread(onThread, () => {
      leaving = onThread.membership.leave({ timeoutMs: 30_000 });
    });
    await leaving;

    t.true(await eventually(() => find(b, 'a')?.state === 'left'), find(b, 'a')?.state);
  },
);

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
