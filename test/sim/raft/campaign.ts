import { Raft } from '@troupe/raft';
import { type DriverMutant, driverMistakes } from './mistakes.ts';
import { mutants } from './mutants.ts';
import { type Catch, huntFor, withMistake } from './mutation.ts';
import { World } from './world.ts';

export interface CampaignOptions {
  readonly first: number;
  readonly count: number;
  readonly json: boolean;
  /** A part of the names of those mutants that are tried. */
  readonly only: string;
  write(line: string): void;
  /** For people who wait, after so many worlds each. */
  progress(line: string): void;
  readonly progressWorlds: number;
}

/** How many of the last messages are shown when one seed is run alone. */
const LINES_MAX = 60;

/** @returns whether every world was survived */
export function runWorlds(core: typeof Raft, options: CampaignOptions): boolean {
  const { first, count, json, write, progress, progressWorlds } = options;
  const total = { worlds: 0, failed: 0, events: 0, messages: 0, committed: 0, calls: 0, ok: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const world = new World({ seed, Raft: core, trace: count === 1 });
    const failure = failureOf(world);
    total.worlds += 1;
    total.events += world.events;
    total.messages += world.network.messages;
    total.committed += world.specification.committedIndex;
    total.calls += world.clients.calls;
    total.ok += world.clients.successes;
    if (total.worlds % progressWorlds === 0) progress(`${total.worlds} of ${count} worlds`);
    if (failure === undefined) continue;
    total.failed += 1;
    if (json) write(JSON.stringify({ seed, failure }));
    else {
      for (const line of world.lines.slice(-LINES_MAX)) write(line);
      write(`seed ${seed}: ${failure}`);
      write(`replay with: npm run sim -- raft --seeds 1 --seed ${seed}`);
    }
  }
  write(json ? JSON.stringify(total) : summary(total));
  return total.failed === 0;
}

function summary(total: Readonly<Record<string, number>>): string {
  return Object.entries(total)
    .map(([name, value]) => `${value.toLocaleString('en')} ${name}`)
    .join(', ');
}

/** What a world died of; `undefined` when it lived to its end. */
export function failureOf(world: World): string | undefined {
  try {
    world.run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A mistake that somebody has made. */
interface Known {
  readonly name: string;
  readonly seen: string;
}

/** @returns whether every mutant was found */
export async function runMutants(options: CampaignOptions): Promise<boolean> {
  const { first, count, json, write } = options;
  const isMeant = ({ name }: Known): boolean => name.includes(options.only);
  let isGood = true;
  const report = ({ name, seen }: Known, caught: Catch | undefined): void => {
    isGood &&= caught !== undefined;
    if (json) write(JSON.stringify({ name, seen, ...caught }));
    else {
      const seeds = caught === undefined ? 'never' : String(caught.seeds);
      write(`${seeds.padStart(6)} seeds  ${name} (${seen}): ${caught?.said ?? 'not found'}`);
    }
  };
  for (const mutant of mutants.filter(isMeant)) {
    const { theme, firstSeed = 1 } = mutant;
    const from = first + firstSeed - 1;
    report(mutant, huntFor(await withMistake(mutant), { first: from, count, theme }));
  }
  for (const mistake of driverMistakes.filter(isMeant)) {
    const { name, theme }: DriverMutant = mistake;
    report(mistake, huntFor(Raft, { first, count, mistake: name, theme }));
  }
  return isGood;
}
