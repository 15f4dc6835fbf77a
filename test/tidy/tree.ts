import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** A text file of the repository. Its path is relative to the root and written with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export type Tree = readonly SourceFile[];

const madeByTools = new Set(['node_modules', 'dist', 'dist-test', '.git', '.turbo']);
const binary = /\.(?:png|ico|woff2|tgz|log)$/;

/** Reads what a person wrote under `root`: no build output, no installed packages. */
export function readTree(root: string): Tree {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => !madeByTools.has(entry.name) && !binary.test(entry.name))
    .flatMap((entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return readTree(path).map((file) => within(entry.name, file));
      if (!entry.isFile()) return [];
      return [
        { path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') },
      ];
    });
}

function within(folder: string, { path, text }: SourceFile): SourceFile {
  return { path: `${folder}/${path}`, text };
}

/** A tree made of thin air, for samples: `{ 'packages/a/src/index.ts': '…' }`. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return Object.entries(files).map(([path, text]) => ({ path, text }));
}
