import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as core from '@troupe/raft';
import type { Mutant } from './mutants.ts';
import { World } from './world.ts';

/** The core with the mistake of `mutant`: a copy of what was compiled, changed in one place. */
export async function withMistake({
  name,
  file,
  find,
  replace,
}: Mutant): Promise<typeof core.Raft> {
  const compiled = dirname(fileURLToPath(import.meta.resolve('@troupe/raft')));
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
    return ((await import(index)) as typeof core).Raft;
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface Catch {
  readonly seed: number;
  /** How many worlds it took. */
  readonly seeds: number;
  /** What the simulator said. */
  readonly said: string;
}

/** Runs worlds from `first` on until one of them refuses `Raft`. */
export function huntFor(
  Raft: typeof core.Raft,
  { first, count }: { readonly first: number; readonly count: number },
): Catch | undefined {
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      new World({ seed, Raft }).run();
    } catch (error) {
      const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      return { seed, seeds: seed - first + 1, said };
    }
  }
  return undefined;
}
