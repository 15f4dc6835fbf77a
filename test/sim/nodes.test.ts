import test from 'ava';
import { type Place, ProcessEnded, simulate, testSeeds } from '@troupe/sim';
import { Actor, actor, isCallError, type Node, rpc, startNode } from 'troupe';

@actor({ kind: 'counter' })
class Counter extends Actor {
  #count = 0;
  @rpc add(by: number): number {
    return (this.#count += by);
  }
}

function start({ name, env, transport, listen, join }: Place): Promise<Node> {
  return startNode({ name, env, transport, listen, join, actors: [Counter], callTimeoutMs: 2_000 });
}

test('whole nodes run in a world, and two runs of one seed are the same run', async (t) => {
  const run = () =>
    simulate<Node>({ seed: 8, nodes: 5, start, faults: 'swarm' }, async (world) => {
      for (let i = 0; i < 50; i += 1) {
        await world.sleep(200);
        const [host] = world.nodes.keys();
        if (host === undefined) continue;
        const adding = world.on(host, (node) => node.entity(Counter, `c${i % 7}`).add(1));
        await adding.catch(onlyIfExpected);
      }
      await world.heal();
    });

  const first = await run();
  const second = await run();

  t.true(first.events > 1_000);
  t.true(first.faults.length > 0);
  t.deepEqual(first, second);
});

testSeeds(
  test,
  { title: 'when all is well again, every node serves all', count: 20, start, faults: 'swarm' },
  async (world) => {
    await world.sleep(20_000);
    await world.heal();
    await world.sleep(20_000);
    for (const node of world.nodes.values()) {
      for (let i = 0; i < 5; i += 1) await node.entity(Counter, `c${i}`).add(1);
    }
  },
);

testSeeds(
  test,
  {
    title: 'fifty whole nodes in one process find together after whatever happens',
    count: 1,
    nodes: 50,
    start: (place) => start({ ...place, join: place.join.slice(0, 2) }),
    faults: 'swarm',
  },
  async (world) => {
    await world.sleep(20_000);
    await world.heal();
    await world.sleep(20_000);
    for (const node of world.nodes.values()) {
      const alive = node.members().filter(({ state }) => state === 'alive').length;
      if (alive !== 50) throw new Error(`${node.name} sees ${alive} of 50`);
    }
  },
);

function onlyIfExpected(error: unknown): void {
  if (!isCallError(error) && !(error instanceof ProcessEnded)) throw error;
}
