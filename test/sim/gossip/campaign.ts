import { Gossip } from '@troupe/gossip';
import { mutants } from './mutants.ts';
import { huntFor } from './mutation.ts';
import { scenarios } from './scenarios.ts';
import { failureOf } from './stage.ts';

export interface CampaignOptions {
  readonly first: number;
  readonly count: number;
  readonly json: boolean;
  /** Names of scenarios. Empty: all. */
  readonly only: readonly string[];
  write(line: string): void;
  /** For people who wait. */
  progress(line: string): void;
}

/** @returns whether every run went well */
export function runScenarios(options: CampaignOptions): boolean {
  const { first, count, json, only, write, progress } = options;
  let isGood = true;
  for (const scenario of scenarios) {
    const { name, title } = scenario;
    if (only.length > 0 && !only.includes(name)) continue;
    const failures: { seed: number; failure: string }[] = [];
    for (let seed = first; seed < first + count; seed += 1) {
      if (seed % 100 === 0) progress(`${name} ${seed}`);
      const failure = failureOf(scenario, seed, Gossip);
      if (failure !== undefined) failures.push({ seed, failure });
    }
    isGood &&= failures.length === 0;
    if (json) write(JSON.stringify({ scenario: name, title, runs: count, failures }));
    else {
      write(`${name}  ${count} runs, ${failures.length} failed: ${title}`);
      for (const { seed, failure } of failures) {
        write(`  seed ${seed}: ${failure}`);
        write(`  again: npm run sim -- gossip --scenario ${name} --seeds 1 --seed ${seed}`);
      }
    }
  }
  return isGood;
}

/** @returns whether every mutant was found */
export async function runMutants(options: CampaignOptions): Promise<boolean> {
  const { first, count, json, write, progress } = options;
  let isGood = true;
  for (const mutant of mutants) {
    const { name, scenario } = mutant;
    progress(`mutant: ${name}`);
    const caught = await huntFor(mutant, { first, count });
    isGood &&= caught !== undefined;
    if (json) write(JSON.stringify({ name, scenario, ...caught }));
    else {
      const seeds = caught === undefined ? 'never' : String(caught.seeds);
      write(`${seeds.padStart(6)} runs of ${scenario}  ${name}: ${caught?.said ?? 'not found'}`);
    }
  }
  return isGood;
}
