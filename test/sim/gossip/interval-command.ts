import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Profile } from '@troupe/gossip';
import { seedsOf, type Talk, tellUsage } from '../seeds.ts';
import { type Cell, type CellRun, cells, GRID, runCell } from './interval.ts';
import type { Stall } from './world.ts';

const PROFILES = ['swim', 'lifeguard', 'memberlist', 'lan'] as const;
const WAYS = ['loops', 'io', 'whole'] as const;

const usage = `npm run sim -- interval [--anomalies C]… [--held MS]… [--free MS]… [--profile NAME]…
                         [--way loops|io|whole] [--seed FIRST] [--seeds N] [--into FILE] [--json]

Lifeguard's Interval experiment: of 128 members C are held up again and again, for --held and
with --free in between, for two minutes. Counts how often members with which nothing is wrong are
given up, for each configuration of the core, and at members with which nothing is wrong either.

  --anomalies  ${GRID.anomalies.join(', ')}; default: all of them
  --held       ${GRID.heldMs.join(', ')}
  --free       ${GRID.freeMs.join(', ')}
  --profile    ${PROFILES.join(', ')}
  --way        how they are held up: see packages/gossip/DESIGN.md; default: loops
  --seeds      times that each cell is run, from seed FIRST on; default: 1
  --into       appends each run to FILE as it ends, and leaves out those that are in it

All 64 cells with all four take some ten minutes.`;

interface Asked {
  readonly cells: readonly Cell[];
  readonly profiles: readonly Profile[];
  readonly way: Stall;
  readonly first: number;
  readonly count: number;
  readonly into: string | undefined;
  readonly json: boolean;
}

/** @returns the exit code */
export function runInterval(args: readonly string[], output: Talk): number {
  const asked = understand(args);
  if (typeof asked === 'string') return tellUsage(usage, asked === 'help', output);
  const runs = runAll(asked, output);
  for (const profile of asked.profiles) {
    const sum = summary(profile, runs);
    const text = Object.entries(sum).map(([name, value]) => `${name} ${value}`);
    output.write(asked.json ? JSON.stringify(sum) : text.join('  '));
  }
  return 0;
}

function understand(args: readonly string[]): Asked | 'help' | 'unusable' {
  const list = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      anomalies: { ...list, default: GRID.anomalies.map(String) },
      held: { ...list, default: GRID.heldMs.map(String) },
      free: { ...list, default: GRID.freeMs.map(String) },
      profile: { ...list, default: [...PROFILES] },
      way: { type: 'string', default: 'loops' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      into: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { anomalies, held, free, into, json } = values;
  const profiles = PROFILES.filter((name) => values.profile.includes(name));
  const way = WAYS.find((name) => name === values.way);
  const chosen = cells().filter(
    (cell) =>
      anomalies.includes(String(cell.anomalies)) &&
      held.includes(String(cell.heldMs)) &&
      free.includes(String(cell.freeMs)),
  );
  const seeds = seedsOf(values);
  const areKnown =
    chosen.length === anomalies.length * held.length * free.length &&
    profiles.length === values.profile.length;
  if (seeds === undefined || !areKnown || way === undefined) return 'unusable';
  return { cells: chosen, profiles, way, ...seeds, into, json };
}

/** Each cell with all configurations before the next, so that a part of it can be compared. */
function runAll(asked: Asked, { progress }: Talk): CellRun[] {
  const { profiles, way, first, count, into } = asked;
  const before = into === undefined ? [] : runsIn(into);
  const all = asked.cells.flatMap((cell) =>
    Array.from({ length: count }, (_, i) =>
      profiles.map((profile) => ({ cell, how: { profile, way, seed: first + i } })),
    ).flat(),
  );
  return all.map(({ cell, how }, i) => {
    const wanted = nameOf({ ...cell, ...how });
    const done = before.find((run) => nameOf(run) === wanted);
    if (done !== undefined) return done;
    const run = runCell(cell, how);
    progress(`${i + 1} of ${all.length}: ${wanted}: ${run.alarms}, ${run.atHealthy}`);
    if (into !== undefined) appendFileSync(into, `${JSON.stringify(run)}\n`);
    return run;
  });
}

function runsIn(file: string): CellRun[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CellRun);
}

type Name = Pick<CellRun, keyof Cell | 'profile' | 'way' | 'seed'>;

function nameOf({ anomalies, heldMs, freeMs, profile, way, seed }: Name): string {
  return `${anomalies} held up ${heldMs} ms, free ${freeMs} ms, ${profile}, ${way}, seed ${seed}`;
}

function summary(profile: Profile, runs: readonly CellRun[]): Record<string, string | number> {
  const own = runs.filter((run) => run.profile === profile);
  const [swim] = PROFILES;
  const base = runs.filter((run) => run.profile === swim);
  const sum = (of: readonly CellRun[], what: 'alarms' | 'atHealthy' | 'packets' | 'bytes') =>
    of.reduce((total, run) => total + run[what], 0);
  const share = (what: 'alarms' | 'atHealthy' | 'packets'): string =>
    base.length === 0 ? '-' : `${((100 * sum(own, what)) / sum(base, what)).toFixed(2)} %`;
  return {
    profile,
    runs: own.length,
    'false alarms': sum(own, 'alarms'),
    'of swim': share('alarms'),
    'at healthy members': sum(own, 'atHealthy'),
    "of swim's": share('atHealthy'),
    'million packets': (sum(own, 'packets') / 1e6).toFixed(2),
    "of swim's packets": share('packets'),
    megabytes: Math.round(sum(own, 'bytes') / 1e6),
  };
}
