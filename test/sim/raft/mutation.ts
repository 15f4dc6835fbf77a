import type * as core from '@troupe/raft';
import { importWith } from '../mistake.ts';
import type { Mutant } from './mutants.ts';
import { World, type WorldOptions } from './world.ts';

/** The core with the mistake of `mutant`. */
export async function withMistake(mutant: Mutant): Promise<typeof core.Raft> {
  return ((await importWith('@troupe/raft', mutant)) as typeof core).Raft;
}

export interface Catch {
  readonly seed: number;
  /** How many worlds it took. */
  readonly seeds: number;
  /** What the simulator said. */
  readonly said: string;
}

export interface Hunt extends Pick<WorldOptions, 'mistake' | 'theme'> {
  readonly first: number;
  readonly count: number;
}

/** A history that no order explains is long. */
const SAID_MAX = 160;

/** Runs worlds from `first` on until one of them refuses `Raft`. */
export function huntFor(
  Raft: typeof core.Raft,
  { first, count, ...options }: Hunt,
): Catch | undefined {
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      new World({ seed, Raft, ...options }).run();
    } catch (error) {
      const said = (error instanceof Error ? error.message : String(error)).slice(0, SAID_MAX);
      return { seed, seeds: seed - first + 1, said };
    }
  }
  return undefined;
}
