import test from 'ava';
import {
  command,
  type Consensus,
  type ConsensusEvent,
  Machine,
  type MachineClass,
  MachineOutdated,
  type Outcome,
  query,
  type Replica,
  Replicated,
  replicate,
} from '@troupe/consensus';
import { TestWorld } from './world.ts';

/** A class as an earlier release of a program has it. */
class Before extends Machine {
  total = 0;
  @command add(by: number): number {
    return (this.total += by);
  }
  @query sum(): number {
    return this.total;
  }
}

class After extends Before {
  static override readonly version: number = 2;
  @command({ since: 2 }) double(): number {
    return (this.total *= 2);
  }
}

/** As it is written in haste: nothing says that there is a new command. */
class Hasty extends Before {
  @command double(): number {
    return (this.total *= 2);
  }
}

interface Opened<M extends Machine> {
  readonly group: Consensus<Outcome>;
  readonly replica: Replica<M>;
}

const voters = ['a', 'b', 'c'];

async function open<M extends Machine>(
  world: TestWorld,
  node: string,
  type: MachineClass<M>,
): Promise<Opened<M>> {
  const machine = new Replicated(type);
  const group = await world.engine(node).open({ group: 'sum', machine, voters });
  return { group, replica: replicate(group, machine, { env: world.env }) };
}

/** The event with which the group ends on its node. */
async function fatal(group: Consensus): Promise<ConsensusEvent | undefined> {
  for await (const event of group.events(new AbortController().signal)) {
    if (event.kind === 'fatal') return event;
  }
  return undefined;
}

const refused = { code: 'ERR_MEMBERS_OUTDATED', executed: 'no', command: 'double', needed: 2 };

test('a new command is refused, and nobody stops, until all members know it', async (t) => {
  const world = new TestWorld();
  const [a, b, c] = await Promise.all([
    open(world, 'a', After),
    open(world, 'b', After),
    open(world, 'c', Before),
  ]);
  await world.settle(a.replica.add(3));
  const early = await world.settle(t.throwsAsync(b.replica.double()));
  const sum = await world.settle(c.replica.sum());

  await world.crash('c');
  const down = await world.settle(t.throwsAsync(a.replica.double()));
  const again = await open(world, 'c', After);
  const doubled = await world.settle(a.replica.double());

  t.like(early, { ...refused, behind: [{ node: 'c', version: 1 }] });
  t.regex(early?.message ?? '', /double came with version 2, .* c runs version 1: start them/);
  t.like(down, { ...refused, behind: [{ node: 'c', version: 1 }] });
  t.is(sum, 3);
  t.is(doubled, 6);
  t.is(await world.settle(again.replica.sum()), 6);
  for (const node of voters) await world.crash(node);
});

test('a member that has said that it knows a command is waited for no more when it is down', async (t) => {
  const world = new TestWorld();
  const [a] = await Promise.all(voters.map((node) => open(world, node, After)));
  await world.settle(a?.replica.add(1) ?? Promise.resolve(0));
  await world.settle(a?.replica.double() ?? Promise.resolve(0));
  await world.crash('c');

  t.is(await world.settle(a?.replica.double() ?? Promise.resolve(0)), 4);
  for (const node of ['a', 'b']) await world.crash(node);
});

test('who was removed is waited for no more, and what all run is in the snapshot', async (t) => {
  const world = new TestWorld();
  const [a] = await Promise.all([
    open(world, 'a', After),
    open(world, 'b', After),
    open(world, 'c', Before),
  ]);
  await world.settle(a.replica.add(3));
  await world.settle(t.throwsAsync(a.replica.double(), { code: 'ERR_MEMBERS_OUTDATED' }));
  await world.settle(removed(world, 'c'));

  t.is(await world.settle(a.replica.double()), 6);
  await world.settle(a.group.snapshot());
  await world.crash('a');
  const machine = new Replicated(After);
  await world.settle(world.engine('a').open({ group: 'sum', machine, voters }));
  t.deepEqual(machine.versions.save(), [2, ['a', 'b'].map((node) => [node, 2] as const)]);
  for (const node of voters) await world.crash(node);
});

/** By whoever leads. */
async function removed(world: TestWorld, node: string): Promise<void> {
  for (const each of voters) {
    const group = world.of(each).group('sum');
    if (group?.status().role !== 'leader') continue;
    await group.changeMembers([{ remove: node }]);
  }
}

for (const [how, type, needed] of [['its command does not say so', Hasty, 1]] as const) {
  test(`a node of an older class stops and resumes after the upgrade: ${how}`, async (t) => {
    const world = new TestWorld();
    const [a, , c] = await Promise.all([
      open(world, 'a', type),
      open(world, 'b', type),
      open(world, 'c', Before),
    ]);
    const end = fatal(c.group);
    await world.settle(a.replica.add(3));
    await world.settle(a.replica.double());

    const event = await world.settle(end);
    const stale = await t.throwsAsync(c.replica.with({ consistency: 'stale' }).sum());
    const late = await t.throwsAsync(c.replica.add(1));
    await world.settle(a.replica.add(1));
    await world.crash('c');
    const again = await open(world, 'c', type);
    const sum = await world.settle(again.replica.sum());
    await world.settle(again.replica.add(1));

    const expected = { code: 'ERR_MACHINE_OUTDATED', what: 'command double', needed, running: 1 };
    t.like(event, { kind: 'fatal', error: expected });
    for (const error of [stale, late]) {
      t.like(error, { code: 'ERR_GROUP_CLOSED', executed: 'no', cause: expected });
    }
    t.is(sum, 7);
    t.is(await world.settle(a.replica.sum()), 8);
    for (const node of voters) await world.crash(node);
  });
}

test('a node that comes back with an earlier class refuses its own later snapshot', async (t) => {
  const world = new TestWorld();
  const a = await world.engine('a').open({ group: 'sum', machine: new Replicated(After) });
  await world.settle(a.read());
  await world.settle(a.snapshot());
  await world.crash('a');

  const opening = world.engine('a').open({ group: 'sum', machine: new Replicated(Before) });
  const error = await t.throwsAsync(opening, { instanceOf: MachineOutdated });

  t.like(error, { machine: 'Before', needed: 2, running: 1 });
  t.regex(error?.message ?? '', /^the snapshot at \d+ came with version 2 of Before/);
  await world.crash('a');
});
