import type { Profile } from '@troupe/gossip';
import { settled, totals, type Totals } from './settled.ts';
import type { Process, Stall, World } from './world.ts';

const MEMBERS = 128;
const LASTS_MS = 120_000;

/** One cell of the grid of Lifeguard's Interval experiment. */
export interface Cell {
  /** Members that are held up, all at once. */
  readonly anomalies: number;
  /** How long each time. */
  readonly heldMs: number;
  /** And how long they are let go in between. */
  readonly freeMs: number;
}

/** A cell with one configuration and one seed, and what came of it. */
export interface CellRun extends Cell, Totals {
  readonly profile: Profile;
  readonly way: Stall;
  readonly seed: number;
  /** Members with which nothing was wrong, each counted at every member that gave it up. */
  readonly alarms: number;
  /** Of these, at members that were not held up themselves. */
  readonly atHealthy: number;
}

/** 64 cells from end to end of the paper's 432, which has nine, six and eight values. */
export const GRID = {
  anomalies: [1, 8, 16, 32],
  heldMs: [128, 2_048, 8_192, 32_768],
  freeMs: [1, 64, 1_024, 16_384],
} as const;

export function cells(): Cell[] {
  return GRID.anomalies.flatMap((anomalies) =>
    GRID.heldMs.flatMap((heldMs) => GRID.freeMs.map((freeMs) => ({ anomalies, heldMs, freeMs }))),
  );
}

/** Two minutes of 128 members, after they have settled. */
export function runCell(
  cell: Cell,
  { profile, way, seed }: { readonly profile: Profile; readonly way: Stall; readonly seed: number },
): CellRun {
  const world = settled(seed, profile, MEMBERS);
  const before = totals(world);
  const sick = new Set(world.random.shuffled(world.running).slice(0, cell.anomalies));
  const names = new Set(Array.from(sick, ({ name }) => name));
  let [alarms, atHealthy] = [0, 0];
  world.observers.push({
    onEvent(process, event) {
      if (event.kind !== 'failed' || names.has(event.member.name)) return;
      alarms += 1;
      if (!sick.has(process)) atHealthy += 1;
    },
  });
  holdUp(world, sick, { ...cell, way });
  const after = totals(world);
  const packets = after.packets - before.packets;
  const bytes = after.bytes - before.bytes;
  return { ...cell, profile, way, seed, alarms, atHealthy, packets, bytes };
}

/** All of `sick` held up for `heldMs` and let go for `freeMs`, again and again. */
function holdUp(
  world: World,
  sick: ReadonlySet<Process>,
  { heldMs, freeMs, way }: Cell & { readonly way: Stall },
): void {
  const untilMs = world.nowMs + LASTS_MS;
  const hold = (): void => {
    if (world.nowMs >= untilMs) return;
    for (const process of sick) world.hold(process, way);
    world.agenda.after(heldMs, () => {
      for (const process of sick) world.letGo(process);
      world.agenda.after(freeMs, hold);
    });
  };
  hold();
  world.run(LASTS_MS + heldMs);
}
