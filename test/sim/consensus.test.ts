import test from 'ava';
import { isCallError } from '@troupe/actor';
import { type Consensus, type ConsensusEvent, recoverAlone } from '@troupe/consensus';
import {
  Adder,
  consensusCases,
  type ConsensusWorld,
  type Replica,
} from '@troupe/consensus/conformance';
import {
  checkLinearizable,
  type FaultKind,
  History,
  type ListInput,
  lists,
  type Place,
  simulate,
  type Simulated,
  testSeeds,
  World,
} from '@troupe/sim';
import { Lists, openDisk, openGroup } from './consensus/nodes.ts';

interface Host {
  readonly group: Consensus<null>;
  readonly machine: Lists;
}

const names = ['a', 'b', 'c'];

async function start(place: Place): Promise<Host> {
  const machine = new Lists();
  const limits = { snapshotEntries: 40, keepEntries: 10 };
  return { machine, group: await openGroup(place, { machine, voters: names, ...limits }) };
}

type Recorded = History<ListInput, readonly unknown[] | null>;

/** Appends and reads by way of any node, until `untilMs`. */
async function client(
  world: Simulated<Host>,
  { name, history, untilMs }: { name: string; history: Recorded; untilMs: number },
): Promise<void> {
  const random = world.world.random.fork(name);
  for (let i = 0; world.nowMs < untilMs; i += 1) {
    await world.sleep(random.between(20, 200));
    const hosts = [...world.nodes.keys()];
    if (hosts.length === 0) continue;
    const host = random.pick(hosts);
    const key = random.pick(['x', 'y', 'z']);
    if (random.chance(0.6)) {
      const value = Number(`${i}${name.charCodeAt(0)}`);
      const command = new TextEncoder().encode(JSON.stringify([key, value]));
      const call = history.call(name, { kind: 'append', key, value });
      await world
        .on(host, ({ group }) => group.propose(command, { deadlineMs: 3_000 }))
        .then(() => call.returns(null))
        .catch((error: unknown) => call.fails(isCallError(error) ? error.executed : 'unknown'));
    } else {
      const call = history.call(name, { kind: 'read', key });
      await world
        .on(host, async ({ group, machine }) => {
          await group.read({ deadlineMs: 3_000 });
          return machine.of(key);
        })
        .then((list) => call.returns(list))
        .catch(() => call.fails('no'));
    }
  }
}

async function scenario(world: Simulated<Host>): Promise<void> {
  const history: Recorded = new History(() => world.nowMs);
  const clients = ['p', 'q', 'r', 's'].map((name) =>
    client(world, { name, history, untilMs: 20_000 }),
  );
  await Promise.all(clients);
  await world.heal();
  const texts = [];
  for (const host of names) {
    await world.on(host, ({ group }) => group.read());
    texts.push(world.node(host).machine.text);
  }
  if (new Set(texts).size > 1) throw new Error(`three states: ${texts.join(' | ')}`);
  const verdict = checkLinearizable(lists(), history.operations);
  if (verdict.kind === 'violated') {
    throw new Error(`no order explains ${JSON.stringify(verdict.operations)}`);
  }
  const answered = history.operations.filter(({ output }) => output !== undefined).length;
  if (answered < 5) throw new Error(`only ${answered} operations were answered`);
}

const faultKinds: readonly FaultKind[] = [
  'crash',
  'stall',
  'partition',
  'one-way',
  'network',
  'clock',
];

testSeeds(
  test,
  {
    title: 'whole nodes with disks: what clients saw has one order, and all nodes end up the same',
    count: 10,
    start,
    faults: 'swarm',
    faultKinds,
  },
  scenario,
);

test('two runs of one seed with whole nodes are the same run', async (t) => {
  const run = () => simulate({ seed: 4, start, faults: 'swarm', faultKinds }, scenario);

  const [first, second] = [await run(), await run()];

  t.true(first.faults.length > 0);
  t.deepEqual(first, second);
});

test('a leader whose disk hangs steps down, and the others go on', async (t) => {
  let next: string | undefined;
  await simulate({ seed: 1, start }, async (world) => {
    const command = new TextEncoder().encode('["x",1]');
    await world.on('a', ({ group }) => group.propose(command));
    const leader = world.node('a').group.status().leader ?? '';
    const other = names.find((name) => name !== leader) ?? '';

    world.world.disk(leader).hang();
    const writing = world.on(leader, ({ group }) => group.propose(command, { deadlineMs: 2_000 }));
    writing.catch(() => undefined);
    await world.sleep(3_000);
    await world.on(other, ({ group }) => group.propose(command, { deadlineMs: 3_000 }));
    next = world.node(other).group.status().leader;
    world.world.disk(leader).goOn();
    t.not(next, leader);
  });

  t.true(names.includes(next ?? ''));
});

test('a disk that fails ends the group on its node, and tells why', async (t) => {
  const seen: ConsensusEvent[] = [];
  await simulate({ seed: 2, start }, async (world) => {
    const command = new TextEncoder().encode('["x",1]');
    await world.on('a', ({ group }) => group.propose(command));
    const { group } = world.node('b');
    void (async () => {
      for await (const event of group.events(new AbortController().signal)) seen.push(event);
    })();

    world.world.disk('b').setQuality({ errors: 1 });
    await world.on('a', ({ group: theirs }) => theirs.propose(command));
    await world.sleep(1_000);
    const closed = await t.throwsAsync(world.on('b', () => group.read()));

    t.like(closed, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  });

  t.like(seen.at(-1), { kind: 'fatal', error: { code: 'ERR_STORE_FAILED' } });
});

/** Nodes with simulated disks, whose power is lost when they crash. */
class SimulatedWorld implements ConsensusWorld {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  start(node: string, voters: readonly string[]): Promise<Replica> {
    return this.#world.start(node, async (place) => {
      const machine = new Adder();
      const options = { machine, voters, keepEntries: 1, leaseReads: true };
      return { machine, consensus: await openGroup(place, options) };
    });
  }

  crash(node: string): Promise<void> {
    this.#world.crash(node, { power: true });
    return Promise.resolve();
  }

  isolate(node: string): void {
    for (const other of this.#othersOf(node)) {
      this.#world.network.cut(node, other);
      this.#world.network.cut(other, node);
    }
  }

  rejoin(node: string): void {
    for (const other of this.#othersOf(node)) {
      this.#world.network.mend(node, other);
      this.#world.network.mend(other, node);
    }
  }

  async recoverAlone(node: string): Promise<void> {
    await this.#world.start(node, async (place) => {
      const store = await openDisk(place);
      await recoverAlone(store, { group: 'g', node });
      await store.close();
    });
    this.#world.crash(node);
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return promise; // The world is driven as long as the case runs.
  }

  #othersOf(node: string): readonly string[] {
    return this.#world.hosts.filter((host) => host !== node);
  }
}

for (const { name, run } of consensusCases) {
  test.serial(`on simulated disks: ${name}`, async (t) => {
    const world = new World({ seed: 1, hosts: ['a', 'b', 'c', 'd', 'e'] });

    await world.drive(run(() => new SimulatedWorld(world)));

    t.pass();
  });
}
