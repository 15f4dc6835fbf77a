import { type Check, everyLine } from './check.ts';
import { isTest } from './workspace.ts';

const LINES_MAX = 600;
const TEST_LINES_MAX = 800;
const README_LINES_MAX = 120;
const COLUMNS_MAX = 100;

function linesOf(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}

/** Functions and their parameters are counted by oxlint, which can parse them. */
export const sizeChecks: readonly Check[] = [
  {
    claim: `no file is longer than ${LINES_MAX} lines, no test than ${TEST_LINES_MAX}`,
    find: (tree) =>
      tree.flatMap(({ path, text }) => {
        if (!/\.(?:[cm]?[jt]s|md|html)$/.test(path)) return [];
        const limit = isTest(path) ? TEST_LINES_MAX : LINES_MAX;
        const lines = linesOf(text);
        return lines > limit ? [`${path} has ${lines} lines, over ${limit}`] : [];
      }),
    bad: {
      'packages/actor/src/long.ts': '\n'.repeat(601),
      'packages/actor/src/well.ts': '\n'.repeat(600),
      'packages/actor/test/long.test.ts': '\n'.repeat(801),
      'test/well.test.ts': '\n'.repeat(800),
    },
    found: [
      'packages/actor/src/long.ts has 601 lines, over 600',
      'packages/actor/test/long.test.ts has 801 lines, over 800',
    ],
  },
  {
    claim: `no README of a package is longer than ${README_LINES_MAX} lines`,
    find: (tree) =>
      tree
        .filter(({ path }) => /^packages\/[^/]+\/README\.md$/.test(path))
        .filter(({ text }) => linesOf(text) > README_LINES_MAX)
        .map(({ path, text }) => `${path} has ${linesOf(text)} lines, over ${README_LINES_MAX}`),
    bad: { 'packages/actor/README.md': 'prose\n'.repeat(121) },
    found: ['packages/actor/README.md has 121 lines, over 120'],
  },
  {
    claim: `no line is wider than ${COLUMNS_MAX} columns, but for tables, addresses and test titles`,
    find: (tree) =>
      everyLine(
        tree,
        (path) => !/\.(?:json|html|svg)$|\/traces\/[^/]+\.txt$/.test(path),
        (line) => {
          const columns = Array.from(line).length;
          const exempt = line.startsWith('|') || /https?:\/\/|^test[.\w]*\('/.test(line);
          return columns > COLUMNS_MAX && !exempt ? `has ${columns} columns` : undefined;
        },
      ),
    bad: {
      'packages/actor/src/wide.ts': `// ${'x'.repeat(97)}\n// ${'…'.repeat(98)}\n`,
      'README.md': `| ${'x'.repeat(200)} |\n`,
      'test/long.test.ts': `test.serial('${'so '.repeat(40)}', (t) => {\n`,
    },
    found: ['packages/actor/src/wide.ts:2 has 101 columns'],
  },
];
