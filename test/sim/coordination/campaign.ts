import { kits } from './kits.ts';
import { type Mutant, mutants } from './mutants.ts';
import { runWorld } from './scenario.ts';

export interface CampaignOptions {
  readonly first: number;
  readonly count: number;
  readonly json: boolean;
  write(line: string): void;
}

/** @returns whether every world was survived */
export async function runWorlds(options: CampaignOptions): Promise<boolean> {
  const { first, count, json, write } = options;
  const total: Record<string, number> = { worlds: 0, failed: 0 };
  const add = (name: string, value: number): void => {
    total[name] = (total[name] ?? 0) + value;
  };
  const kitOf = await kits();
  for (let seed = first; seed < first + count; seed += 1) {
    add('worlds', 1);
    try {
      const counted = await runWorld(kitOf(seed), seed);
      for (const [name, value] of Object.entries(counted)) {
        add(name, value);
      }
    } catch (error) {
      add('failed', 1);
      const failure = messageOf(error);
      write(json ? JSON.stringify({ seed, failure }) : failure);
      if (!json) write(`replay with: npm run sim -- coordination --seeds 1 --seed ${seed}`);
    }
  }
  write(json ? JSON.stringify(total) : summary(total));
  return total['failed'] === 0;
}

export interface Catch {
  readonly seed: number;
  /** How many worlds it took. */
  readonly seeds: number;
  /** What the world said. */
  readonly said: string;
}

/** Runs worlds of the package with a mistake, until one of them finds it. */
export async function huntFor(
  mutant: Mutant,
  { first, count }: { readonly first: number; readonly count: number },
): Promise<Catch | undefined> {
  const kitOf = await kits(mutant);
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      await runWorld(kitOf(seed), seed, { shrinks: false });
    } catch (error) {
      const [said = ''] = messageOf(error).split('\n');
      return { seed, seeds: seed - first + 1, said };
    }
  }
  return undefined;
}

/** @returns whether every mutant was found */
export async function runMutants(options: CampaignOptions): Promise<boolean> {
  const { json, write } = options;
  let isGood = true;
  for (const mutant of mutants) {
    const { name } = mutant;
    const caught = await huntFor(mutant, options);
    isGood &&= caught !== undefined;
    const seeds = caught === undefined ? 'never' : String(caught.seeds);
    const text = `${seeds.padStart(6)} seeds  ${name}: ${caught?.said ?? 'not found'}`;
    write(json ? JSON.stringify({ name, ...caught }) : text);
  }
  return isGood;
}

function summary(total: Readonly<Record<string, number>>): string {
  return Object.entries(total)
    .map(([name, value]) => `${value.toLocaleString('en')} ${name}`)
    .join(', ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
