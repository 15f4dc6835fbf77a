import test from 'ava';
import { type FaultKind, History, type Place, type Simulated, testSeeds } from '@troupe/sim';
import { client, demandAgreement, type Recorded } from './consensus/clients.ts';
import { type Host, starter } from './consensus/hosts.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const UNTIL_MS = 20_000;
/** So many that no key has more unknown outcomes than can be tried in every order. */
const KEYS = ['w', 'x', 'y', 'z'];

/** Three begin the group; the others wait to be added. */
function start(place: Place): Promise<Host> {
  const voters = names.slice(0, 3);
  const isVoter = voters.includes(place.name);
  const limits = { snapshotEntries: 40, keepEntries: 10 };
  return starter({ voters: isVoter ? voters : [], ...limits, log: { reserveBytes: 16_384 } })(
    place,
  );
}

/** Adds a node to four or fewer, or removes one of more than three, whichever chance says. */
async function operator(world: Simulated<Host>): Promise<void> {
  const random = world.world.random.fork('operator');
  while (world.nowMs < UNTIL_MS) {
    await world.sleep(random.between(500, 3_000));
    const leader = [...world.nodes].find(([, { group }]) => group.status().role === 'leader');
    if (leader === undefined) continue;
    const [host, { group }] = leader;
    const { voters, learners } = group.members();
    const outside = names.filter((name) => !voters.includes(name) && !learners.includes(name));
    const isRemoval = voters.length > 3 || outside.length === 0;
    const change = isRemoval
      ? { remove: random.pick([...voters]) }
      : { add: random.pick(outside), as: 'candidate' as const };
    await world
      .on(host, (it) => it.group.changeMembers([change], { timeoutMs: 2_000 }))
      .catch(() => undefined); // Refused, or nobody knows: the next change will do.
  }
}

/** Starts nodes anew whose group has ended, as a disk that fails makes it. */
async function supervisor(world: Simulated<Host>): Promise<void> {
  while (world.nowMs < UNTIL_MS + 5_000) {
    await world.sleep(500);
    const ended = [...world.nodes].filter(([, { engine }]) => engine.groups.length === 0);
    for (const [host] of ended) {
      world.crash(host);
      await world.start(host).catch(() => world.crash(host));
    }
  }
}

async function scenario(world: Simulated<Host>): Promise<void> {
  const history: Recorded = new History(() => world.nowMs);
  const clients = ['p', 'q', 'r'].map((name) =>
    client(world, { name, history, untilMs: UNTIL_MS, keys: KEYS }),
  );
  const supervised = supervisor(world);
  await Promise.all([...clients, operator(world)]);
  await world.heal();
  await supervised;
  await world.heal();
  const leader = [...world.nodes.values()].find(({ group }) => group.status().role === 'leader');
  if (leader === undefined) throw new Error('nobody leads');
  await demandAgreement(world, leader.group.members().voters, history);
}

const faultKinds: readonly FaultKind[] = [
  'crash',
  'stall',
  'partition',
  'one-way',
  'network',
  'clock',
  'disk',
];

testSeeds(
  test,
  {
    title: 'disks fail, are full and hang, and members change: what clients saw has one order',
    count: 6,
    nodes: names,
    start,
    faults: 'swarm',
    faultKinds,
  },
  scenario,
);
