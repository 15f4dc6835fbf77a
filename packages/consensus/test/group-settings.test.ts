import test from 'ava';
import { add, Adder, type Replica } from '@troupe/consensus/conformance';
import { TestWorld } from './world.ts';

const voters = ['a', 'b', 'c'];

async function three(): Promise<{
  readonly world: TestWorld;
  readonly leader: string;
  readonly others: readonly Replica[];
}> {
  const world = new TestWorld();
  const replicas = await Promise.all(voters.map((node) => world.start(node, voters)));
  const [first] = replicas;
  if (first === undefined) throw new Error('BUG: no node');
  await world.settle(first.consensus.propose(add(1)));
  const { leader = '' } = first.consensus.status();
  const others = replicas.filter(({ consensus }) => consensus.status().node !== leader);
  return { world, leader, others };
}

for (const last of [0, 1]) {
  test(`of two who could lead, the one of the lower rank does: not ${last}`, async (t) => {
    const { world, leader, others } = await three();

    others[last]?.consensus.configure({ rank: 5 });
    await world.crash(leader);
    await world.env.advance(3_000);

    t.is(others[1 - last]?.consensus.status().role, 'leader');
  });
}

test('a node of a high rank leads where nobody else can', async (t) => {
  const world = new TestWorld({ rank: 3 });
  await Promise.all(voters.map((node) => world.start(node, voters)));

  await world.env.advance(3_000);

  t.true(voters.some((node) => world.of(node).group('g')?.status().role === 'leader'));
});

test('a group falls silent, or not, as its leader is told while it runs', async (t) => {
  const { world, leader } = await three();
  const group = world.of(leader).group('g');

  group?.configure({ quietAfterMs: 300 });
  await world.env.advance(2_000);
  const quiet = group?.status();
  group?.configure({ quietAfterMs: 0 });
  await world.env.advance(2_000);

  t.like(quiet, { isQuiet: true });
  t.like(group?.status(), { isQuiet: false });
});

for (const [settings, message] of [
  [{ rank: -1 }, 'rank is -1: give an integer from 0 to 100'],
  [{ rank: 101 }, 'rank is 101: give an integer from 0 to 100'],
  [{ quietAfterMs: Infinity }, 'quietAfterMs is Infinity: give milliseconds, or 0'],
] as const) {
  test(`what makes no sense changes nothing: ${message}`, async (t) => {
    const world = new TestWorld();
    const { consensus } = await world.start('a', ['a']);

    t.throws(() => consensus.configure(settings), { instanceOf: RangeError, message });
    await t.throwsAsync(world.of('a').open({ ...settings, group: 'h', machine: new Adder() }), {
      message,
    });
  });
}
