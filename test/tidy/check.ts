import type { SourceFile, Tree } from './tree.ts';

/** One law of the house, with a sample that breaks it, so that the law is known to bite. */
export interface Check {
  /** What is true of a tidy tree. */
  readonly claim: string;
  /** @returns one line for each breach, beginning with the path */
  find(tree: Tree): string[];
  readonly bad: Readonly<Record<string, string>>;
  readonly found: readonly string[];
}

/** A law about single lines: `find` says what is wrong with one, or nothing. */
export function everyLine(
  tree: Tree,
  concerns: (path: string) => boolean,
  find: (line: string, before: string) => string | undefined,
): string[] {
  return tree
    .filter((file) => concerns(file.path) && !isSample(file))
    .flatMap(({ path, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, at) => {
        const wrong = find(line, lines[at - 1] ?? '');
        return wrong === undefined ? [] : [`${path}:${at + 1} ${wrong}`];
      });
    });
}

/** The checks are full of samples of what they refuse. */
function isSample({ path }: SourceFile): boolean {
  return path.startsWith('test/tidy/');
}
