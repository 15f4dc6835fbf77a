import type { SourceFile, Tree } from './tree.ts';

/** What the checks need of a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** A folder with a `package.json`, such as `packages/actor`, and the files in it. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly files: Tree;
}

export function workspacesOf(tree: Tree): Workspace[] {
  return tree.flatMap(({ path, text }) => {
    const folder = /^((?:packages|examples)\/[^/]+|test|bench)\/package\.json$/.exec(path)?.[1];
    if (folder === undefined) return [];
    const files = tree.filter((file) => file.path.startsWith(`${folder}/`));
    return [{ folder, manifest: JSON.parse(text) as Manifest, files }];
  });
}

/** `import … from`, `export … from`, and bare imports. Formatted code begins them at column 1. */
const staticImport =
  /^(?:import\s[^'";]*?\bfrom |export (?:type )?[{*][^'";]*?\bfrom |import )'([^']+)'/gm;
const dynamicImport = /\bimport\('([^']+)'\)/g;
/** How a worker's or a page's file is named: `new URL('./worker.js', import.meta.url)`. */
const linkedFile = /\bnew URL\('(\.[^']+)', import\.meta\.url\)/g;

/** The module specifiers that `file` names. */
export function importsOf({ text }: SourceFile): string[] {
  const code = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, ''); // Examples in comments import nothing.
  return [staticImport, dynamicImport, linkedFile].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1] ?? ''),
  );
}

/** `@troupe/actor/internal` is of the package `@troupe/actor`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `specifier`, as written in the file at `from`, as a path in the tree; `.js` means its source. */
export function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

export function isCode(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}

export function isTest(path: string): boolean {
  return /^(?:(?:(?:packages|examples)\/[^/]+|bench)\/)?test\//.test(path);
}
