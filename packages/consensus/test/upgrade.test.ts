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

for (const [how, type, needed] of [
  ['its command says since when it is there', After, 2],
  ['its command does not say so', Hasty, 1],
] as const) {
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
