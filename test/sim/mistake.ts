import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** One place of a compiled package: a file, what it says, and what it says with the mistake. */
interface Place {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mistake extends Place {
  readonly name: string;
  /** Where a mistake shows only together with another, which is at the other end of a message. */
  readonly and?: Place;
}

const [modules = ''] = /^.*[\\/]node_modules/.exec(fileURLToPath(import.meta.resolve('ava'))) ?? [];

/** The package as it is with mistakes: a copy of what was compiled, changed in those places. */
export async function importWith(
  specifier: string,
  ...mistakes: readonly Mistake[]
): Promise<unknown> {
  const compiled = dirname(fileURLToPath(import.meta.resolve(specifier)));
  const folder = await mkdtemp(join(tmpdir(), 'troupe-mutant-'));
  try {
    await cp(compiled, folder, { recursive: true, filter: (path) => !path.endsWith('.map') });
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await symlink(modules, join(folder, 'node_modules')); // For what the package itself imports.
    for (const { name, and, ...place } of mistakes) {
      for (const { file, find, replace } of and === undefined ? [place] : [place, and]) {
        const text = await readFile(join(folder, file), 'utf8');
        const parts = text.split(find);
        if (parts.length !== 2) {
          throw new Error(`'${name}' is at ${parts.length - 1} places of ${file}: mend the mutant`);
        }
        await writeFile(join(folder, file), parts.join(replace));
      }
    }
    const index = pathToFileURL(join(folder, 'index.js')).href;
    return (await import(index)) as unknown;
  } finally {
    await rm(folder, { recursive: true });
  }
}
