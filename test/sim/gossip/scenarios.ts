import type { Alive } from '@troupe/gossip';
import { claimNameOf } from './claimant.ts';
import { endings } from './endings.ts';
import { healthyBut, type Scenario, settles, some, type Stage } from './stage.ts';
import type { Process } from './world.ts';

const anomalies: Scenario = {
  name: 'S1',
  title: 'members held up again and again bury nobody, in three ways of being held up',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([8, 32]));
    const sick = some(stage, random.integer(1, world.processes.size / 4));
    healthyBut(stage, sick);
    const [heldMs, freeMs] = [
      random.pick([128, 2_048, 8_192, 32_768]),
      random.pick([1, 64, 1_024]),
    ];
    const way = random.pick(['loops', 'io', 'whole'] as const);
    const untilMs = world.nowMs + 60_000;
    const hold = (): void => {
      if (world.nowMs >= untilMs) return;
      for (const process of sick) world.hold(process, way);
      world.agenda.after(heldMs, () => {
        for (const process of sick) world.letGo(process);
        world.agenda.after(freeMs, hold);
      });
    };
    hold();
    world.run(60_000 + heldMs);
    settles(stage, 60_000);
  },
};

const crashes: Scenario = {
  name: 'S2',
  title: 'crashes are found soon by all, and deaf or lossy hosts harm nobody else',
  run(stage) {
    if (stage.random.chance(0.6)) crash(stage);
    else fail(stage);
  },
};

function crash(stage: Stage): void {
  const { world, random } = stage;
  const members = random.pick([5, 16, 40]);
  stage.start(members);
  const dead = some(stage, members === 40 ? random.pick([1, 2, 3, 10]) : random.integer(1, 3));
  healthyBut(stage, dead);
  const host = random.chance(0.5);
  if (random.chance(0.5)) world.quality = { ...world.quality, loss: 0.05 };
  for (const process of dead) world.kill(process, { host });
  const names = dead.map(({ name }) => name);
  const isFound = (): boolean =>
    world.running.every(({ gossip }) =>
      names.every((name) => gossip.get(name)?.state === 'failed'),
    );
  // A killed process makes its host refuse; a host that is gone is only silent.
  const limitMs = host ? (dead.length > 2 ? 30_000 : 12_000) : 4_000;
  if (!world.runUntil(isFound, { limitMs })) stage.fail(`not found within ${limitMs} ms`);
  for (const { name, gossip } of world.running) {
    // The failure of others is no reason to doubt oneself.
    const isDoubtful = gossip.health > 2 && gossip.size > 10;
    if (isDoubtful && dead.length <= 3) stage.fail(`${name} doubts itself`);
  }
  world.run(5_000);
  settles(stage, 10_000);
}

/** Some hosts hear nothing for 20 s, then all for 20 s, again and again; or lose most of all. */
function fail(stage: Stage): void {
  const { world, random } = stage;
  stage.start(random.pick([16, 40]));
  const faulty = some(stage, random.integer(1, 3));
  healthyBut(stage, faulty);
  const addresses = new Set(faulty.map(({ address }) => address));
  if (random.chance(0.5)) {
    for (let times = 0; times < 3; times += 1) {
      world.isCut = (_, to) => addresses.has(to);
      world.run(20_000);
      world.isCut = undefined;
      world.run(20_000);
    }
  } else {
    world.lossOf = (from, to) => (addresses.has(from) || addresses.has(to) ? 0.8 : 0);
    world.run(60_000);
    world.lossOf = undefined;
  }
  settles(stage, 60_000);
}

const restarts: Scenario = {
  name: 'S3',
  title: 'restarts, at once or later, with a clock set back, at another address, all are known',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([4, 12, 24]));
    const first = world.running[0] as Process;
    if (random.chance(0.3)) takeName(stage, random.pick(world.running));
    const ended = random.chance(0.3) ? world.running.slice(1) : some(stage, 3);
    for (const process of ended) {
      if (process === first) continue;
      // An old life with greater incarnations than the new one will have.
      const words = random.integer(0, 3);
      for (let i = 0; i < words; i += 1) {
        world.input(process, { kind: 'meta', meta: Uint8Array.of(i) });
        world.run(random.integer(0, 100));
      }
      world.kill(process, { host: random.chance(0.3) });
      const { name, address, gossip } = process;
      const isBack = random.chance(0.3);
      const moves = random.chance(0.3);
      world.agenda.after(random.pick([0, 50, 1_000, 15_000]), () => {
        const { self } = stage.startOne(name, {
          // A clock set back makes a generation before the last.
          ...(isBack ? { generation: gossip.self.generation - 1_000 } : {}),
          address: moves ? `${name}:${random.integer(2, 9)}` : address,
        }).gossip;
        if (!isBack) stage.specification.healthy.add(self.generation);
      });
    }
    if (random.chance(0.3)) takeAddress(stage, ended);
    world.run(20_000);
    settles(stage, 40_000);
  },
};

/**
 * A second process claims the name of one that lives, and may be held up meanwhile. It is refused
 * in time, whichever seeds are silent, unless the others have given up the first one.
 */
function takeName(stage: Stage, holder: Process): void {
  const { world, random } = stage;
  const { name } = holder;
  const { generation } = holder.gossip.self;
  const claimant = claimNameOf(holder, stage, random.chance(0.5) ? ['silent:1'] : []);
  let isGivenUp = false;
  let isReplaced = false;
  world.observers.push({
    onEvent(_, event) {
      if (!('member' in event) || event.member.generation !== generation) return;
      // That one is replaced who is given up only by what comes with it.
      isGivenUp ||= event.kind === 'failed' && !isReplaced;
      isReplaced = event.kind === 'conflict';
    },
  });
  if (random.chance(0.5)) {
    world.hold(holder, 'whole');
    world.agenda.after(random.integer(200, 10_000), () => world.letGo(holder));
  }
  if (!world.runUntil(() => claimant.isDecided, { limitMs: 10_000 })) {
    stage.fail(`a second ${name} does not learn whether there is one`);
  }
  if (claimant.step.kind === 'taken') return;
  if (!isGivenUp) stage.fail(`a second ${name} has the name of one that nobody has given up`);
  world.kill(holder); // Of two of one name, whoever runs them ends one.
}

/** One ends, and another one of another name starts at its address. */
function takeAddress(stage: Stage, ended: readonly Process[]): void {
  const { world } = stage;
  const heirless = world.running.find(
    (process, i) => i > 1 && !ended.some(({ name }) => name === process.name),
  );
  if (heirless === undefined) return;
  world.kill(heirless);
  stage.startOne('heir', { address: heirless.address });
}

const asymmetric: Scenario = {
  name: 'S4',
  title: 'one way, no datagrams, hearing nobody: nothing that lives is given up without need',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([6, 16]));
    const [one, other] = some(stage, 2) as [Process, Process];
    const kind = random.pick([
      'pair',
      'refused',
      'no datagrams',
      'one way',
      'deaf',
      'bridge',
    ] as const);
    const half = new Set(some(stage, world.processes.size / 2).map(({ address }) => address));
    healthyBut(stage, kind === 'deaf' ? [one] : kind === 'bridge' ? world.running : []);
    stage.specification.isCalm = kind === 'pair';
    if (kind === 'refused') {
      world.isRefused = (from, to) => from === one.address && to === other.address;
    }
    world.isCut = (from, to, via) => {
      switch (kind) {
        case 'pair':
          return from === one.address && to === other.address;
        case 'refused':
          return via === 'datagram' && from === one.address && to === other.address;
        case 'no datagrams':
          return via === 'datagram' && (from === one.address || to === one.address);
        case 'one way':
          return via === 'datagram' && to === one.address;
        case 'deaf':
          return to === one.address;
        case 'bridge': // Two halves, and one host that both hear.
          return from !== one.address && to !== one.address && half.has(from) !== half.has(to);
      }
    };
    // Not so long that who hears nobody must think itself alone.
    world.run(35_000);
    world.isCut = undefined;
    world.isRefused = undefined;
    stage.specification.isCalm = false;
    settles(stage, 60_000);
  },
};

const partitions: Scenario = {
  name: 'S5',
  title: 'partitions of every shape heal by themselves, and two clusters never become one',
  run(stage) {
    const { world, random } = stage;
    // Who has forgotten the other side can only call seeds.
    const forgets = random.chance(0.2);
    stage.specification.forgets = forgets;
    stage.start(random.pick([4, 9, 20]), forgets ? { settings: { tombstoneMs: 20_000 } } : {});
    const sides = random.pick([2, 3]);
    const sideOf = new Map<string, number>();
    for (const { address } of world.running) {
      sideOf.set(address, random.chance(0.3) ? 0 : random.integer(0, sides - 1));
    }
    const cut = (from: string, to: string): boolean => sideOf.get(from) !== sideOf.get(to);
    stage.specification.isApart = ({ address }, to) => cut(address, to);
    if (!forgets && random.chance(0.5)) {
      // Nobody is left who would be called as a seed.
      for (const process of world.running) world.input(process, { kind: 'join', seeds: [] });
    }
    const stranger = world.start('stranger', { cluster: 2, seeds: ['n0:1', 'n1:1'] });
    for (let flaps = random.pick([1, 1, 5]); flaps > 0; flaps -= 1) {
      world.isCut = cut;
      world.run(flaps > 1 ? 3_000 : forgets ? 90_000 : random.pick([5_000, 40_000, 90_000]));
      world.isCut = undefined;
      // With no accusation under way there is no reason for any from now on.
      if (hasGivenUp(world.running, cut)) stage.specification.isApart = () => false;
      world.run(3_000);
    }
    if (stranger.gossip.size > 1) stage.fail('a member of another cluster was let in');
    world.kill(stranger);
    settles(stage, 120_000);
  },
};

/** Whether all have given up all that they cannot reach. */
function hasGivenUp(
  processes: readonly Process[],
  isCut: (from: string, to: string) => boolean,
): boolean {
  return processes.every(({ address: from, gossip }) =>
    [...gossip.members()].every(
      ({ state, address }) => state === 'failed' || !isCut(from, address),
    ),
  );
}

const upgrades: Scenario = {
  name: 'S6',
  title: 'one after the other restarts with a later version, and who has none in common stays out',
  run(stage) {
    const { world, random } = stage;
    stage.start(8);
    if (random.chance(0.5)) world.quality = { ...world.quality, loss: 0.1, duplication: 0.1 };
    const stranger = stage.startOne('stranger', { versions: { min: 3, max: 4 } });
    const releases = random.pick([
      [{ min: 1, max: 2 }],
      [
        { min: 1, max: 2 },
        { min: 2, max: 2 },
      ],
    ]);
    for (const versions of releases) {
      for (const { name } of random.shuffled(world.running)) {
        if (name === stranger.name) continue;
        const old = world.process(name);
        world.input(old, { kind: 'leave' });
        world.run(500);
        world.kill(old);
        world.run(random.integer(0, 1_500));
        const process = stage.startOne(name, { versions, meta: Uint8Array.of(1) });
        world.run(random.integer(0, 1_500));
        world.input(process, { kind: 'meta', meta: Uint8Array.of(2) });
      }
      world.run(2_000);
    }
    if (stranger.gossip.size > 1) stage.fail('who speaks another version sees members');
    world.kill(stranger);
    settles(stage, 60_000);
    for (const { gossip } of world.running) {
      for (const { name, state, meta } of gossip.members()) {
        if (state === 'alive' && meta[0] !== 2) stage.fail(`an old word of ${name} is kept`);
      }
    }
  },
};

const storms: Scenario = {
  name: 'S7',
  title: 'a third joins, leaves or hardly runs: no storm, nobody healthy lost',
  run(stage) {
    const { world, random } = stage;
    stage.start(24);
    const third = some(stage, 8);
    healthyBut(stage, third);
    switch (random.pick(['join', 'leave', 'starve'] as const)) {
      case 'join':
        for (let i = 24; i < 36; i += 1) {
          stage.startOne(`n${i}`, { meta: new Uint8Array(200).fill(i) });
        }
        break;
      case 'leave':
        for (const process of third) {
          world.input(process, { kind: 'leave' });
          world.agenda.after(1_000, () => world.kill(process));
        }
        break;
      case 'starve': {
        stage.specification.isCalm = true;
        world.quality = { ...world.quality, latencyMs: 5, jitterMs: 20 };
        const starve = (process: Process, times: number): void => {
          world.hold(process, 'whole');
          world.agenda.after(random.integer(500, 2_500), () => {
            world.letGo(process);
            if (times === 0) return;
            world.agenda.after(random.integer(10, 100), () => starve(process, times - 1));
          });
        };
        for (const process of third) starve(process, 20);
        break;
      }
    }
    const before = sent(world.running);
    world.run(30_000);
    const each = (sent(world.running) - before) / world.running.length / 30;
    if (each > 40) stage.fail(`${each.toFixed(0)} packets a member and second`);
    settles(stage, 60_000);
  },
};

const hostile: Scenario = {
  name: 'S8',
  title: 'damaged, cut and repeated packets, and greatest numbers, break nobody',
  run(stage) {
    const { world, random } = stage;
    stage.start(6);
    const kept: Uint8Array[] = [];
    world.tamper = (bytes) => {
      if (kept.length < 200) kept.push(bytes);
      if (random.chance(0.05)) return bytes.subarray(0, random.integer(0, bytes.length));
      if (random.chance(0.05)) return random.pick(kept);
      return bytes;
    };
    const [liar, victim] = some(stage, 2) as [Process, Process];
    const { generation } = victim.gossip.self;
    const last = { name: victim.name, generation, incarnation: 2 ** 32 - 1, by: liar.name };
    const lie = random.pick([
      { kind: 'failed', ...last, proof: false },
      { kind: 'suspect', ...last, health: 0 },
      { kind: 'failed', ...last, incarnation: 0, proof: true },
      lastLife(victim),
    ] as const);
    const heard = liar.gossip.self.generation;
    for (const process of world.running) {
      world.input(process, {
        kind: 'packet',
        via: 'datagram',
        from: liar.address,
        packet: {
          cluster: 0,
          from: liar.name,
          generation: heard,
          message: { kind: 'gossip' },
          updates: [lie],
        },
      });
    }
    world.run(20_000);
    world.tamper = undefined;
    settles(stage, 60_000);
  },
};

/** Of a generation after which there is none. */
function lastLife({ name, address }: Process): Alive {
  const generation = Number.MAX_SAFE_INTEGER;
  const versions = { versionMin: 1, versionMax: 1 };
  return {
    kind: 'alive',
    name,
    address,
    generation,
    incarnation: 0,
    meta: new Uint8Array(),
    ...versions,
  };
}

function sent(processes: readonly Process[]): number {
  return processes.reduce((sum, process) => sum + process.sent, 0);
}

export const scenarios: readonly Scenario[] = [
  anomalies,
  crashes,
  restarts,
  asymmetric,
  partitions,
  upgrades,
  storms,
  hostile,
  ...endings,
];
