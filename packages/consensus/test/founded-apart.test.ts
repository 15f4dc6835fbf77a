import test, { type ExecutionContext } from 'ava';
import { add, type Replica } from '@troupe/consensus/conformance';
import { threaded } from './thread/world.ts';
import { TestWorld } from './world.ts';

/**
 * A group that `node` has founded, and the epoch that it has got to, one for each of its starts.
 * All that was added is of the first, so that logs of two such groups agree as far as both go.
 */
async function founded(
  world: TestWorld,
  node: string,
  { values, epoch }: { readonly values: readonly number[]; readonly epoch: number },
): Promise<Replica> {
  let replica = await world.start(node, [node]);
  for (const value of values) await world.settle(replica.consensus.propose(add(value)));
  for (let i = 1; i < epoch; i += 1) {
    await world.crash(node);
    replica = await world.start(node, [node]);
  }
  return replica;
}

interface Case {
  readonly name: string;
  /** The epochs that the two groups have got to when they meet. */
  readonly epochs: { readonly a: number; readonly g: number };
  readonly isThreaded?: boolean;
}

const endsApart = test.macro({
  title: (_, { name }: Case) => `a node with a group of its own is not taken into another: ${name}`,
  async exec(t: ExecutionContext, { epochs, isThreaded = false }: Case) {
    const world: TestWorld = isThreaded
      ? new TestWorld({}, (given) => threaded({ ...given, env: world.env }).engine)
      : new TestWorld();
    const { consensus: a } = await founded(world, 'a', { values: [1, 2, 3], epoch: epochs.a });
    const { consensus: g, machine } = await founded(world, 'g', { values: [7], epoch: epochs.g });

    const adding = await t.throwsAsync(world.settle(a.changeMembers([{ add: 'g' }])));
    const ended = await t.throwsAsync(g.propose(add(8)));
    await world.settle(a.changeMembers([{ remove: 'g' }]));
    await world.settle(a.propose(add(4)));
    await world.crash('g');
    const { consensus: again, machine: after } = await world.start('g', ['g']);
    await world.settle(again.propose(add(9)));

    t.like(adding, { code: 'ERR_DEADLINE_EXCEEDED' });
    t.like(ended, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
    t.like(ended?.cause, { code: 'ERR_FOUNDED_APART', group: 'g', node: 'g', leader: 'a' });
    t.deepEqual(machine.seen, [7]);
    t.deepEqual(after.seen, [7, 9]); // What it had is as it was.
  },
});

test(endsApart, { name: 'which is in a later epoch', epochs: { a: 3, g: 1 } });
test(endsApart, { name: 'which is in the same', epochs: { a: 1, g: 1 } });
test(endsApart, {
  name: 'which is in an earlier one, until it is elected anew',
  epochs: { a: 1, g: 3 },
});
test(endsApart, { name: 'on a thread too', epochs: { a: 3, g: 1 }, isThreaded: true });

test('one that was left behind by its only learner is told that, and not that it is another', async (t) => {
  const world = new TestWorld();
  const { consensus: first } = await world.start('a', ['a']);
  await world.start('b', []);
  await world.settle(first.changeMembers([{ add: 'b', as: 'learner' }]));
  await world.settle(first.propose(add(1)));
  await world.env.advance(1_000);
  await world.crash('a');
  await world.crash('b');
  await world.recoverAlone('b');
  const { consensus: survivor } = await world.start('b', []);
  const { consensus: old } = await world.start('a', ['a']);

  void survivor.changeMembers([{ add: 'a' }]).catch(() => {});
  await world.env.advance(1_000);

  const ended = await t.throwsAsync(old.propose(add(2)));
  t.like(ended?.cause, { code: 'ERR_DISQUALIFIED', reason: 'left-behind' });
});
