import test from 'ava';
import type { Consensus } from '@troupe/consensus';
import { add, type Replica } from '@troupe/consensus/conformance';
import { TestWorld } from './world.ts';

const voters = ['a', 'b', 'c'];

/** Three nodes whose group has fallen silent. */
async function silent(): Promise<{ world: TestWorld; replicas: readonly Replica[] }> {
  const world = new TestWorld({ quietAfterMs: 300 });
  const replicas = await Promise.all(voters.map((node) => world.start(node, voters)));
  await world.settle(groupOf(replicas, 'a').propose(add(1)));
  await world.env.advance(2_000);
  return { world, replicas };
}

function groupOf(replicas: readonly Replica[], node: string): Consensus<number> {
  const found = replicas.find(({ consensus }) => consensus.status().node === node);
  if (found === undefined) throw new Error(`there is no ${node}`);
  return found.consensus;
}

test('a group in which nothing happens falls silent, and is as it was when something does', async (t) => {
  const { world, replicas } = await silent();
  const before = groupOf(replicas, 'a').status();
  await world.env.advance(60_000); // Without a word, and without an election.
  const after = groupOf(replicas, 'a').status();

  const sums = [];
  for (const node of voters) {
    const { result } = await world.settle(groupOf(replicas, node).propose(add(1)));
    sums.push(result);
  }

  t.like(before, { isQuiet: true });
  t.is(after.epoch, before.epoch);
  t.deepEqual(sums, [2, 3, 4]);
});

test('a silent group wakes when the node that leads it is said to be gone', async (t) => {
  const { world, replicas } = await silent();
  const { leader = '' } = groupOf(replicas, 'a').status();
  const [survivor = ''] = voters.filter((node) => node !== leader);

  world.isolate(leader);
  world.of(survivor).unreachable(leader);
  await world.env.advance(3_000);

  const { leader: next } = groupOf(replicas, survivor).status();
  t.true(next !== undefined && next !== leader, `${next} after ${leader}`);
});
