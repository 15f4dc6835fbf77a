import type { Random } from '@troupe/sim';
import { type Host, TTL_MS } from './host.ts';
import type { Run } from './run.ts';

/**
 * Once in a run a node stands still as soon as a renewal of its session is known to who leads, so
 * that it hears of that late, and is heard no more from then on: what it takes for certain has to
 * count from when it asked, for the group counts from hardly later.
 */
export async function lateAnswers(run: Run, random: Random): Promise<void> {
  const { world, untilMs } = run;
  await world.sleep(random.between(0, untilMs / 2));
  while (world.nowMs < untilMs - 2 * TTL_MS) {
    await world.sleep(random.between(100, 1_000));
    if (await answerLate(run, random)) return;
  }
}

/** @returns whether it could be done */
async function answerLate({ world }: Run, random: Random): Promise<boolean> {
  const nodes = [...world.nodes];
  const [, leader] = nodes.find(([, node]) => leads(node)) ?? [];
  const [owner, node] = nodes.find(([, each]) => !leads(each)) ?? [];
  const session = node?.coordination.presentSession;
  if (leader === undefined || owner === undefined || session?.state !== 'safe') {
    return false;
  }
  const others = world.world.hosts.filter((name) => name !== owner);
  const renewed = (): number =>
    [...leader.machine.leases.entries()].find(({ id }) => id === session.id)?.renewed ?? 0;
  const before = renewed();
  let isAhead = true;
  world.check('a renewal is known to who leads', () => {
    if (!isAhead || renewed() <= before) return;
    isAhead = false;
    world.world.stall(owner, random.between(0.42, 0.48) * TTL_MS); // Not as long as it waits.
    for (const name of others) world.world.network.cut(owner, name);
  });
  await world.sleep(2 * TTL_MS);
  const isDone = !isAhead;
  isAhead = false;
  for (const name of others) world.world.network.mend(owner, name);
  return isDone;
}

function leads({ coordination }: Host): boolean {
  return coordination.group.status().role === 'leader';
}
