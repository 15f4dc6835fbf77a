import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import test from 'ava';
import { processEnv } from '@troupe/actor';
import { type NodeOptions, startNode } from '@troupe/cluster';
import { command, Machine, MemoryStore } from '@troupe/consensus';
import { MemoryNetwork } from '@troupe/remote';
import { isThreaded } from '../dist/consensus-thread.js';
import { decodeMetadata, encodeMetadata } from '../dist/metadata.js';

class Ledger extends Machine {
  total = 0;
  @command add(by: number): number {
    return (this.total += by);
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

test('what a thread has saved is there when its node comes back, for it alone', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'troupe-'));
  const options: NodeOptions = { name: 'a', data, consensus: { thread: true } };
  const before = await startNode(options);
  const ledger = await before.replicated(Ledger, 'ledger');
  await ledger.add(2);
  await before.consensus.get('ledger')?.snapshot();
  await ledger.add(3);

  const second = await t.throwsAsync(startNode(options));
  await before.stop();
  const after = await startNode({ name: 'a', data });
  const sum = await (await after.replicated(Ledger, 'ledger')).add(4);
  await after.stop();

  t.like(second, { name: 'DirectoryInUse', code: 'ERR_DIRECTORY_IN_USE', executed: 'no' });
  t.is(sum, 9); // With a thread and without one, all is the same on disk.
  await rm(data, { recursive: true });
});

test.serial('a thread that dies ends what its node takes part in, and says so', async (t) => {
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  await using node = await startNode({
    consensus: { thread: true },
    env: processEnv({ log: quiet }),
  });
  process.off('worker', onWorker);
  const ledger = await node.replicated(Ledger, 'ledger');
  await ledger.add(1);
  const group = node.consensus.get('ledger');
  const last = async (): Promise<unknown> => {
    let event: unknown;
    for await (event of group?.events(new AbortController().signal) ?? []);
    return event;
  };

  const ending = last();
  await threads.at(-1)?.terminate();
  const fatal = await ending;

  t.like(fatal, { kind: 'fatal', error: { code: 'ERR_CONSENSUS_THREAD_FAILED' } });
  await t.throwsAsync(ledger.add(1), { code: 'ERR_GROUP_CLOSED' });
  await t.throwsAsync(node.replicated(Ledger, 'other'), { code: 'ERR_CONSENSUS_THREAD_FAILED' });
});

test('a node alone has its groups in the memory of the thread', async (t) => {
  await using node = await startNode({ consensus: { thread: true, store: new MemoryStore() } });

  const ledger = await node.replicated(Ledger, 'ledger');

  t.is(await ledger.add(2), 2);
  t.like(node.consensus.status(), { node: node.name, groups: 1 });
  t.is(node.consensus.all.length, 1);
});

const memory = new MemoryNetwork();
const kept = { name: 'a', listen: 'a:1', data: 'x' };

const decides = test.macro({
  title: (_, what: string, _options: NodeOptions, expected: boolean) =>
    `${what} has ${expected ? 'a thread' : 'no thread'} for its groups`,
  exec(t, _what: string, options: NodeOptions, expected: boolean) {
    t.is(isThreaded(options), expected);
  },
});

test(decides, 'a node that others reach, and that keeps its groups', kept, true);
test(decides, 'one that is told not to', { ...kept, consensus: { thread: false } }, false);
test(decides, 'one by itself', { name: 'a', data: 'x' }, false);
test(decides, 'one that keeps nothing', { listen: 'a:1' }, false);
test(
  decides,
  'one that keeps its groups elsewhere',
  { listen: 'a:1', consensus: { store: new MemoryStore() } },
  false,
);
test(decides, 'one of another transport', { ...kept, transport: memory.transport('a') }, false);
test(decides, 'one that is reached by way of others', { ...kept, advertise: 'b:1' }, false);
test(
  decides,
  'one that is told where it is reached',
  { ...kept, advertise: 'b:1', consensus: { thread: { listen: 'a:2' } } },
  true,
);

const refused = test.macro({
  title: (_, what: string) => `a thread is refused with ${what}`,
  async exec(t, _what: string, options: NodeOptions, message: RegExp) {
    await t.throwsAsync(startNode(options), { message });
  },
});

class OtherStore extends MemoryStore {}
const thread = true;
test(
  refused,
  'a transport of your own',
  { listen: 'a:1', transport: memory.transport('a'), consensus: { thread } },
  /leave transport out/,
);
test(
  refused,
  'a store of your own',
  { consensus: { thread, store: new OtherStore() } },
  /pass data, which that opens itself/,
);
test(
  refused,
  'a time that is none',
  { consensus: { thread: { handOverAfterMs: 0 } } },
  /handOverAfterMs is 0/,
);
test(
  refused,
  'an address that it cannot have',
  {
    listen: '127.0.0.1:0',
    consensus: { thread: { listen: '0.0.0.0:0' }, store: new MemoryStore() },
  },
  /a node needs a secret/,
);

test('a thread that listens on all addresses is reached where its node is', async (t) => {
  await using node = await startNode({
    listen: '127.0.0.1:0',
    secret: 'a secret of tests',
    consensus: { thread: { listen: '0.0.0.0:0' }, store: new MemoryStore() },
  });

  const address = node.members()[0]?.meta.consensusAddress ?? '';

  t.regex(address, /^127\.0\.0\.1:[1-9]/);
  t.not(address, node.address);
});

test('gossip carries where the thread of a member is dialled', (t) => {
  const meta = { kinds: ['room'], roles: ['front'], consensusAddress: '127.0.0.1:7002' };

  const decoded = decodeMetadata(encodeMetadata({ incarnation: 'x', meta }));
  const without = decodeMetadata(encodeMetadata({ incarnation: 'x', meta: { kinds: [] } }));

  t.deepEqual(decoded?.meta, meta);
  t.deepEqual(without?.meta, { kinds: [] });
});
