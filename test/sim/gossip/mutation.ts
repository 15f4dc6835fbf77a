import type * as core from '@troupe/gossip';
import { importWith } from '../mistake.ts';
import type { Mutant } from './mutants.ts';
import { scenarios } from './scenarios.ts';
import { failureOf } from './stage.ts';
import type { GossipClass } from './world.ts';

/** The core with the mistake of `mutant`. */
export async function withMistake(mutant: Mutant): Promise<GossipClass> {
  return ((await importWith('@troupe/gossip', mutant)) as typeof core).Gossip;
}

export interface Catch {
  readonly seed: number;
  /** How many runs it took. */
  readonly seeds: number;
  /** What the simulator said. */
  readonly said: string;
}

/** Runs the scenario of `mutant` from seed `first` on until it fails. */
export async function huntFor(
  mutant: Mutant,
  { first, count }: { readonly first: number; readonly count: number },
): Promise<Catch | undefined> {
  const scenario = scenarios.find(({ name }) => name === mutant.scenario);
  if (scenario === undefined) throw new Error(`there is no scenario ${mutant.scenario}`);
  const Gossip = await withMistake(mutant);
  for (let seed = first; seed < first + count; seed += 1) {
    const said = failureOf(scenario, seed, Gossip);
    if (said !== undefined) return { seed, seeds: seed - first + 1, said };
  }
  return undefined;
}
