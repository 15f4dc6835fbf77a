import test from 'ava';
import { type Place, simulate, type Simulated } from '@troupe/sim';
import { type ClusterEvent, type Node, startNode } from 'troupe';

const HOSTS = Array.from({ length: 20 }, (_, i) => `n${i}`);

/** Twenty nodes that know the first of them, with the membership that a node has by itself. */
function start({ name, env, transport, listen }: Place): Promise<Node> {
  return startNode({ name, env, transport, listen, join: ['n0:7000'], actors: [] });
}

function statesOf(world: Simulated<Node>, of: string): ReadonlySet<string | undefined> {
  const all = [...world.nodes.values()].map((node) => {
    return node.members().find(({ name }) => name === of)?.state;
  });
  return new Set(all);
}

/** @throws when not all nodes see all others alive */
function assertWhole(world: Simulated<Node>): void {
  for (const node of world.nodes.values()) {
    const alive = node.members().filter(({ state }) => state === 'alive').length;
    if (alive !== world.nodes.size) throw new Error(`${node.name} sees ${alive} members alive`);
  }
}

/** @throws when a node that runs is down or suspected anywhere */
function assertNoneAccused(world: Simulated<Node>): void {
  for (const node of world.nodes.values()) {
    for (const { name, state } of node.members()) {
      if (world.nodes.has(name) && state !== 'alive') {
        throw new Error(`${node.name} takes ${name} to be ${state}`);
      }
    }
  }
}

const nodes = { seed: 11, nodes: HOSTS, start } as const;

test('twenty nodes that know one of them find together within five seconds', async (t) => {
  await t.notThrowsAsync(
    simulate<Node>(nodes, async (world) => {
      await world.sleep(5_000);
      assertWhole(world);
    }),
  );
});

test('a process that is killed is down everywhere within a second, and nobody else is accused', async (t) => {
  await t.notThrowsAsync(
    simulate<Node>(nodes, async (world) => {
      await world.sleep(10_000);
      world.check('nobody is accused', () => assertNoneAccused(world));
      world.crash('n7');
      await world.sleep(1_000);
      const states = statesOf(world, 'n7');
      if (states.size !== 1 || !states.has('down')) throw new Error([...states].join());
    }),
  );
});

test('a host that loses power is down everywhere within eight seconds, and nobody else is', async (t) => {
  await t.notThrowsAsync(
    simulate<Node>(nodes, async (world) => {
      await world.sleep(10_000);
      world.check('nobody is accused', () => assertNoneAccused(world));
      world.crash('n7', { power: true });
      await world.sleep(8_000);
      const states = statesOf(world, 'n7');
      if (states.size !== 1 || !states.has('down')) throw new Error([...states].join());
    }),
  );
});

test('who stands still is suspected, objects, and doubts its own judgement for a while', async (t) => {
  const kinds: string[] = [];
  const own: string[] = [];
  await simulate<Node>(nodes, async (world) => {
    await world.sleep(10_000);
    const onEvent = (event: ClusterEvent): void => {
      if ('member' in event && event.member.name === 'n7') kinds.push(event.kind);
    };
    world.node('n3').observeCluster(onEvent);
    world.node('n7').observeCluster(({ kind }) => own.push(kind));
    world.world.stall('n7', 2_500);
    await world.sleep(30_000);
    assertWhole(world);
  });

  t.deepEqual(kinds, ['suspected', 'refuted']);
  t.true(own.includes('degraded'));
  t.true(own.includes('stable'));
  t.false(own.includes('failed'));
});

test('the halves of a partition give each other up, and find together when it heals', async (t) => {
  await t.notThrowsAsync(
    simulate<Node>(nodes, async (world) => {
      await world.sleep(10_000);
      world.world.partition(HOSTS.slice(0, 9), HOSTS.slice(9));
      await world.sleep(60_000);
      const alive = world
        .node('n0')
        .members()
        .filter(({ state }) => state === 'alive').length;
      if (alive !== 9) throw new Error(`n0 sees ${alive} members alive`);
      await world.heal();
      await world.sleep(60_000);
      assertWhole(world);
    }),
  );
});

test('two runs of one seed with twenty nodes are the same run', async (t) => {
  const run = () =>
    simulate<Node>({ ...nodes, faults: 'swarm', safetyMs: 5_000 }, (world) => world.sleep(8_000));

  const [first, second] = [await run(), await run()];

  t.true(first.events > 1_000);
  t.deepEqual(first, second);
});
