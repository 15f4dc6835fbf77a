import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { type Node, type NodeOptions, startNode } from '@troupe/cluster';
import { BadMachine, command, Machine, MemoryStore, query, type Replica } from '@troupe/consensus';
import { MemoryNetwork } from '@troupe/remote';

class Ledger extends Machine {
  total = 0;
  @command add(by: number): number {
    return (this.total += by);
  }
  @query sum(): number {
    return this.total;
  }
}

class Other extends Machine {
  @command nothing(): void {}
}

/** Nodes on a network in memory, in virtual time, each with a store that is lost with it. */
class TestCluster {
  readonly env: VirtualEnv = virtualEnv();
  readonly network: MemoryNetwork = new MemoryNetwork();

  /** All nodes join node a, which joins nobody. */
  async node(name: string, options: NodeOptions = {}): Promise<Node> {
    const starting = startNode({
      name,
      listen: `${name}:1`,
      join: name === 'a' ? [] : ['a:1'],
      env: this.env,
      transport: this.network.transport(name),
      consensus: { store: new MemoryStore() },
      ...options,
    });
    await this.env.settled();
    return starting;
  }

  /** Three nodes that have begun a group together. */
  async three(): Promise<readonly { node: Node; ledger: Replica<Ledger> }[]> {
    const voters = ['a', 'b', 'c'];
    const nodes: Node[] = [];
    for (const name of voters) {
      const store = new MemoryStore();
      nodes.push(
        await this.node(name, { secret: 'a secret of tests', consensus: { store, voters } }),
      );
    }
    return Promise.all(
      nodes.map(async (node) => ({ node, ledger: await node.replicated(Ledger, 'ledger') })),
    );
  }

  /** Time goes on until `promise` is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const settled = new AbortController();
    const done = (): void => settled.abort();
    promise.then(done, done);
    for (let waited = 0; waited < 60_000 && !settled.signal.aborted; waited += 10) {
      await this.env.advance(10);
    }
    return promise;
  }
}

test('a node by itself is a group of one, with no configuration', async (t) => {
  await using node = await startNode();
  const ledger = await node.replicated(Ledger, 'ledger');

  const sums = [await ledger.add(2), await ledger.add(3), await ledger.sum()];

  t.deepEqual(sums, [2, 5, 5]);
  t.like(node.consensus.get('ledger')?.status(), { role: 'leader', leader: node.name });
  t.is(await node.replicated(Ledger, 'ledger'), ledger);
});

test('what a node has in its directory is there when it comes back', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'troupe-'));
  const before = await startNode({ name: 'a', data });
  const ledger = await before.replicated(Ledger, 'ledger');
  await ledger.add(2);

  const second = await t.throwsAsync(startNode({ name: 'a', data }));
  await before.stop();
  const after = await startNode({ name: 'a', data });
  const again = await after.replicated(Ledger, 'ledger');

  t.like(second, { code: 'ERR_DIRECTORY_IN_USE', executed: 'no' });
  t.is(await again.add(3), 5);
  await after.stop();
  await rm(data, { recursive: true });
});

test('three nodes agree, over the addresses that they have for everything else', async (t) => {
  const cluster = new TestCluster();
  const [a, b, c] = await cluster.three();

  await cluster.settle(a?.ledger.add(2) ?? Promise.reject(new Error('no node a')));
  const sum = await cluster.settle(b?.ledger.add(3) ?? Promise.reject(new Error('no node b')));
  const seen = await cluster.settle(c?.ledger.sum() ?? Promise.reject(new Error('no node c')));

  t.is(sum, 5);
  t.is(seen, 5);
});

test('nodes that join wait to be added to a group, and then have all of it', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  const ledger = await a.replicated(Ledger, 'ledger');
  await cluster.settle(ledger.add(2));
  const b = await cluster.node('b');
  const theirs = await b.replicated(Ledger, 'ledger');
  await cluster.env.advance(3_000);

  const alone = a.consensus.get('ledger')?.members();
  await cluster.settle(a.consensus.get('ledger')?.changeMembers([{ add: 'b' }]) ?? fail());
  const seen = await cluster.settle(theirs.sum());

  t.deepEqual(alone?.voters, ['a']);
  t.deepEqual(b.consensus.get('ledger')?.members().voters, ['a', 'b']);
  t.is(seen, 2);
});

function fail(): Promise<never> {
  return Promise.reject(new Error('the group is not open'));
}

test('members are changed from any node of the group: who leads is asked', async (t) => {
  const cluster = new TestCluster();
  const all = await cluster.three();
  const d = await cluster.node('d', { secret: 'a secret of tests' });
  await d.replicated(Ledger, 'ledger');
  await cluster.settle(all[0]?.ledger.add(1) ?? fail());
  const follower = all.find(({ node }) => roleOn(node) === 'follower')?.node;

  const add = follower?.consensus.changeMembers('ledger', [{ add: 'd' }], { timeoutMs: 9_000.5 });
  const members = await cluster.settle(add ?? fail());
  const expected = { voters: ['a', 'b', 'c'] };
  const late = follower?.consensus.changeMembers('ledger', [{ remove: 'a' }], { expected });
  const tooLate = await t.throwsAsync(cluster.settle(late ?? fail()));
  const everybody = members.voters.map((remove) => ({ remove }));
  const removal = follower?.consensus.changeMembers('ledger', everybody);
  const refused = await t.throwsAsync(cluster.settle(removal ?? fail()));

  t.deepEqual(members.voters, ['a', 'b', 'c', 'd']);
  t.like(tooLate, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'other-members' });
  t.like(refused, { code: 'ERR_CHANGE_REFUSED', executed: 'no' });
});

test('a node that stops hands the lead over first, so that nobody waits for an election', async (t) => {
  const cluster = new TestCluster();
  const all = await cluster.three();
  await cluster.settle(all[0]?.ledger.add(1) ?? fail());
  const leader = all.find(({ node }) => roleOn(node) === 'leader');
  const others = all.filter((each) => each !== leader);
  const epoch = leader?.node.consensus.get('ledger')?.status().epoch ?? 0;

  await cluster.settle(leader?.node.stop() ?? fail());
  const leading = others.filter(({ node }) => roleOn(node) === 'leader');

  t.is(leading.length, 1);
  t.is(others[0]?.node.consensus.get('ledger')?.status().epoch, epoch + 1);
  t.is(await cluster.settle(others[0]?.ledger.add(1) ?? fail()), 2);
});

function roleOn(node: Node): string | undefined {
  return node.consensus.get('ledger')?.status().role;
}

test('a group that has ended on a node can be opened again, as the node knows it', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  const before = await a.replicated(Ledger, 'ledger');
  await cluster.settle(before.add(2));

  await a.consensus.get('ledger')?.stop();
  const after = await a.replicated(Ledger, 'ledger');

  t.is(await cluster.settle(after.add(1)), 3);
});

test('a group has one machine, and one of another class is refused', async (t) => {
  await using node = await startNode();
  await node.replicated(Ledger, 'ledger');

  await t.throwsAsync(node.replicated(Other, 'ledger'), {
    instanceOf: BadMachine,
    message: 'Other is not what group ledger replicates: that is Ledger',
  });
});

test('a class that cannot be replicated does not take the name of its group', async (t) => {
  class Idle extends Machine {}
  await using node = await startNode();

  for (let times = 0; times < 2; times += 1) {
    const error = await t.throwsAsync(node.replicated(Idle, 'ledger'), { instanceOf: BadMachine });
    t.like(error, { code: 'ERR_BAD_MACHINE', machine: 'Idle' });
  }
  const ledger = await node.replicated(Ledger, 'ledger');

  t.is(await ledger.add(1), 1);
});

const badGroups: readonly [what: string, group: string, options: object, option: string][] = [
  ['no name', '', {}, 'group'],
  ['a name that leads elsewhere', '../x', {}, 'group'],
  ['a name that is too long', 'x'.repeat(65), {}, 'group'],
  ['the name of the coordination', 'coordination', {}, 'group'],
  ['limits that are none', 'ledger', { keepEntries: '7' }, 'keepEntries'],
  ['a voter without a name', 'ledger', { voters: ['a', ''] }, 'voters[1]'],
  ['a voter twice', 'ledger', { voters: ['a', 'a'] }, 'voters[1]'],
];
for (const [what, group, options, option] of badGroups) {
  test(`a group with ${what} is not opened, and the error says what to give`, async (t) => {
    await using node = await startNode({ name: 'a' });

    const error = await t.throwsAsync(node.replicated(Ledger, group, options));

    t.like(error, { code: 'ERR_BAD_OPTION', option });
    t.is(await (await node.replicated(Ledger, 'ledger')).add(1), 1);
  });
}

const badSettings: readonly [what: string, consensus: object, option: string][] = [
  ['voters that are no list', { voters: 'a,b' }, 'consensus.voters'],
  ['a voter twice', { voters: ['a', 'b', 'a'] }, 'consensus.voters[2]'],
  ['a store that is a path', { store: './data' }, 'consensus.store'],
  ['ticks that take no time', { tickMs: 0 }, 'consensus.tickMs'],
  ['tuning of a log that is none', { log: 5 }, 'consensus.log'],
  ['tuning of a log that it does not have', { log: { reserveBytes: 0 } }, 'consensus.log'],
];
for (const [what, consensus, option] of badSettings) {
  test(`a node does not start with ${what}`, async (t) => {
    const error = await t.throwsAsync(startNode({ name: 'a', consensus }));

    t.like(error, { code: 'ERR_BAD_OPTION', option });
  });
}

for (const thread of [false, true]) {
  const where = thread ? 'on a thread' : 'on the main loop';
  test(`the log of a node uses its disk as it is told, ${where}`, async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'troupe-'));
    t.teardown(() => rm(data, { recursive: true }));
    const start = (segmentBytes: number): Promise<Node> => {
      const log = { segmentBytes, reserveBytes: 0, sparesMax: 0 };
      return startNode({ name: 'a', data, consensus: { thread, log } });
    };

    const bad = await t.throwsAsync(start(7));
    const node = await start(65_536);
    await (await node.replicated(Ledger, 'ledger')).add(1);
    await node.stop();

    t.like(bad, { code: 'ERR_BAD_OPTION', option: 'segmentBytes' });
    const files = await readdir(data);
    t.false(files.includes('reserve'));
    const sizes = files
      .filter((name) => name.startsWith('log-'))
      .map(async (name) => {
        return (await stat(join(data, name))).size;
      });
    t.deepEqual(new Set(await Promise.all(sizes)), new Set([65_536]));
  });
}

test('a name that no node has is not made a member, and the group goes on', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  const ledger = await a.replicated(Ledger, 'ledger');
  await cluster.settle(ledger.add(1));

  const change = a.consensus.changeMembers('ledger', [{ add: 'bb' }]);
  const error = await t.throwsAsync(cluster.settle(change));

  t.like(error, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'invalid' });
  t.regex(error?.message ?? '', /no node bb is in the cluster \(there are a\): start it first/);
  t.is(await cluster.settle(ledger.add(1)), 2);
});

test('a node that has founded a group of that name itself is not made a member', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  const ledger = await a.replicated(Ledger, 'ledger');
  await cluster.settle(ledger.add(1));
  const consensus = { store: new MemoryStore() };
  const alone = await cluster.node('b', { join: [], consensus });
  const theirs = await alone.replicated(Ledger, 'ledger');
  await cluster.settle(theirs.add(10));
  await cluster.settle(alone.stop());
  const b = await cluster.node('b', { consensus });
  await b.replicated(Ledger, 'ledger');
  await cluster.env.advance(3_000);

  const change = a.consensus.changeMembers('ledger', [{ add: 'b' }]);
  const error = await t.throwsAsync(cluster.settle(change));

  t.like(error, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'invalid' });
  t.regex(
    error?.message ?? '',
    /b has a group of that name already, .* delete its data, and start/,
  );
  t.is(await cluster.settle(ledger.sum()), 1);
});

test('a node that has not opened the group says so, when it is to change its members', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');

  const change = a.consensus.changeMembers('ledger', [{ add: 'b' }]);
  const error = await t.throwsAsync(cluster.settle(change));

  t.like(error, { code: 'ERR_CHANGE_REFUSED', executed: 'no', reason: 'invalid' });
  t.regex(error?.message ?? '', /it is not open on a: open it here first, or ask a node that/);
});

test('a node that joins while it is being added is waited for', async (t) => {
  const cluster = new TestCluster();
  const a = await cluster.node('a');
  const ledger = await a.replicated(Ledger, 'ledger');
  await cluster.settle(ledger.add(1));

  const change = a.consensus.changeMembers('ledger', [{ add: 'b' }]);
  const b = await cluster.node('b');
  const theirs = await b.replicated(Ledger, 'ledger');
  const members = await cluster.settle(change);

  t.deepEqual(members.voters, ['a', 'b']);
  t.is(await cluster.settle(theirs.sum()), 1);
});

const refusals: readonly [why: string, options: NodeOptions, message: RegExp][] = [
  ['has a directory and no name', { data: 'x' }, /name is undefined: .*'x' .* pass its name too/],
  [
    'has two places for its log',
    { name: 'a', data: 'x', consensus: { store: new MemoryStore() } },
    /pass either data or/,
  ],
];

for (const [why, options, message] of refusals) {
  test(`a node that ${why} does not start`, async (t) => {
    await t.throwsAsync(startNode(options), { code: 'ERR_BAD_OPTION', message });
  });
}

test('a node that others count on opens no group that it would forget', async (t) => {
  const { env, network } = new TestCluster();
  const place = { env, transport: network.transport('a') };
  const forgetful = await startNode({ ...place, listen: 'a:1' });
  const unreachable = await startNode({ ...place, join: ['b:1'] });

  const code = 'ERR_BAD_OPTION';
  await t.throwsAsync(forgetful.replicated(Ledger, 'ledger'), { code, message: /pass data/ });
  await t.throwsAsync(unreachable.replicated(Ledger, 'ledger'), { code, message: /pass listen/ });
});
