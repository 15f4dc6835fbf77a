import test from 'ava';
import { type ConsensusEvent, recoverAlone } from '@troupe/consensus';
import {
  Adder,
  consensusCases,
  type ConsensusWorld,
  type Replica,
} from '@troupe/consensus/conformance';
import {
  type FaultKind,
  History,
  type Place,
  simulate,
  type Simulated,
  testSeeds,
  World,
} from '@troupe/sim';
import { client, demandAgreement, type ListHost, type Recorded } from './consensus/clients.ts';
import { Lists, openDisk, openGroup } from './consensus/nodes.ts';

const names = ['a', 'b', 'c'];

async function start(place: Place): Promise<ListHost> {
  const machine = new Lists();
  const limits = { snapshotEntries: 40, keepEntries: 10 };
  return { machine, group: await openGroup(place, { machine, voters: names, ...limits }) };
}

async function scenario(world: Simulated<ListHost>): Promise<void> {
  const history: Recorded = new History(() => world.nowMs);
  const clients = ['p', 'q', 'r', 's'].map((name) =>
    client(world, { name, history, untilMs: 20_000, keys: ['x', 'y', 'z'] }),
  );
  await Promise.all(clients);
  await world.heal();
  await demandAgreement(world, names, history);
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
    const writing = world.on(leader, ({ group }) => group.propose(command, { timeoutMs: 2_000 }));
    writing.catch(() => undefined);
    await world.sleep(3_000);
    await world.on(other, ({ group }) => group.propose(command, { timeoutMs: 3_000 }));
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
