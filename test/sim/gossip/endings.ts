import { claimNameOf } from './claimant.ts';
import { healthyBut, type Scenario, settles, some, type Stage } from './stage.ts';
import type { Process } from './world.ts';

const relapse: Scenario = {
  name: 'S9',
  title: 'one that is suspected, heard for a while and lost then is given up as soon as any other',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([4, 8, 16, 40]));
    const [sick] = some(stage, 1) as [Process];
    healthyBut(stage, [sick]);
    const isSick = (address: string): boolean => address === sick.address;
    // It hears nobody, so it objects to nothing.
    world.isCut = (from, to) => isSick(from) || isSick(to);
    const isSuspected = world.runUntil(() => statesOf(world.running, sick).has('suspect'), {
      limitMs: 10_000,
    });
    if (!isSuspected) stage.fail(`nobody suspects ${sick.name}, which is not there`);
    world.run(random.integer(0, 500));
    world.isCut = (_, to) => isSick(to);
    world.run(random.integer(50, 1_500));
    world.kill(sick, { host: true });
    isGivenUp(stage, sick, { limitMs: 10_000 });
    settles(stage, 10_000);
  },
};

const names: Scenario = {
  name: 'S10',
  title: 'a name is kept by one that stands still for a while, and had by the next when it is gone',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([2, 3, 5, 16]));
    const [holder] = some(stage, 1) as [Process];
    const isLost = random.chance(0.3);
    healthyBut(stage, isLost ? [holder] : []);
    if (isLost) world.kill(holder, { host: true });
    else world.hold(holder, 'whole');
    const untilMs = world.nowMs + FROZEN_MS;
    world.run(random.integer(0, isLost ? 5_000 : FROZEN_MS));
    const { process: second } = claimNameOf(holder, stage);
    if (isLost) {
      // A claim is upheld for so long.
      if (!world.runUntil(() => second.gossip.size > 1, { limitMs: 8_000 })) {
        stage.fail(`the name of ${holder.name}, which is gone, is not given to the next`);
      }
    } else {
      world.run(untilMs - world.nowMs);
      world.letGo(holder);
      if (!world.runUntil(() => !second.isRunning, { limitMs: 5_000 })) {
        stage.fail(`a second ${holder.name} is not told that the first is there`);
      }
    }
    settles(stage, 20_000);
  },
};

/** As long as a Node.js process may stand still without being given up. */
const FROZEN_MS = 2_500;

const alone: Scenario = {
  name: 'S11',
  title: 'one that is left alone finds that out, whoever still talks to it',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([4, 8, 16]));
    healthyBut(stage, world.running);
    const [last, deaf] = some(stage, 2) as [Process, Process];
    const who = random.pick(['nobody', 'deaf', 'stranger'] as const);
    const lost = world.running.filter((process) => process !== last && process !== deaf);
    // It speaks and does not hear: all others seem gone to it, and it calls them again and again.
    if (who === 'deaf') world.isCut = (_, to) => to === deaf.address;
    else lost.push(deaf);
    if (who === 'stranger') {
      stage.startOne('stranger', { versions: { min: 3, max: 4 }, seeds: [last.address] });
    }
    world.run(random.integer(0, 3_000));
    for (const process of lost) world.kill(process, { host: true });
    // It doubts itself for two minutes after the last answer, and the deaf one's counts as one.
    for (const process of lost) isGivenUp(stage, process, { limitMs: 180_000, by: [last] });
  },
};

const closed: Scenario = {
  name: 'S12',
  title: 'a live one whose address takes no streams is given up once at most by each',
  run(stage) {
    const { world, random } = stage;
    stage.start(random.pick([4, 8, 16]));
    const [one] = some(stage, 1) as [Process];
    const givenUpBy = new Set<Process>();
    world.observers.push({
      onEvent(process, event) {
        if (event.kind !== 'failed' || event.member.name !== one.name) return;
        if (givenUpBy.has(process)) stage.fail(`${process.name} gives up ${one.name} once more`);
        givenUpBy.add(process);
      },
    });
    world.isRefused = (_, to) => to === one.address;
    world.run(120_000);
    settles(stage, 1_000);
  },
};

/** What they hold of one of them, or of one that was. */
function statesOf(
  processes: readonly Process[],
  { name }: Process,
): ReadonlySet<string | undefined> {
  const others = processes.filter(({ gossip }) => gossip.self.name !== name);
  return new Set(others.map(({ gossip }) => gossip.get(name)?.state));
}

function isGivenUp(
  stage: Stage,
  lost: Process,
  { limitMs, by = stage.world.running }: { limitMs: number; by?: readonly Process[] },
): void {
  const isFailed = (): boolean => [...statesOf(by, lost)].join() === 'failed';
  if (stage.world.runUntil(isFailed, { limitMs })) return;
  stage.fail(`${lost.name} is not given up within ${limitMs} ms of its end`);
}

/** What may not last for ever. */
export const endings: readonly Scenario[] = [relapse, names, alone, closed];
