import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as core from '@troupe/gossip';
import type { Mutant } from './mutants.ts';
import { scenarios } from './scenarios.ts';
import { failureOf } from './stage.ts';
import type { GossipClass } from './world.ts';

/** The core with the mistake of `mutant`: a copy of what was compiled, changed in one place. */
export async function withMistake({ name, file, find, replace }: Mutant): Promise<GossipClass> {
  const compiled = dirname(fileURLToPath(import.meta.resolve('@troupe/gossip')));
  const folder = await mkdtemp(join(tmpdir(), 'troupe-mutant-'));
  try {
    await cp(compiled, folder, { recursive: true, filter: (path) => !path.endsWith('.map') });
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const text = await readFile(join(folder, file), 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`'${name}' is at ${parts.length - 1} places of ${file}: mend the mutant`);
    }
    await writeFile(join(folder, file), parts.join(replace));
    const index = pathToFileURL(join(folder, 'index.js')).href;
    return ((await import(index)) as typeof core).Gossip;
  } finally {
    await rm(folder, { recursive: true });
  }
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
