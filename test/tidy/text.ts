import { type Check, everyLine } from './check.ts';
import { isCode, isTest } from './workspace.ts';

const inSource = (path: string): boolean => /^packages\/[^/]+\/src\/.*\.ts$/.test(path);

const machinePath = /(?:^|[\s'"`(=])\/(?:work|home|root|Users)\//;
const invisible = /[\u00a0\u00ad\u200b-\u200d\u2060\ufeff\r\t]/;
const namedForNothing = /(?:^|\/)(?:utils?|commons?|helpers?|types|misc|shared)(?:\/|\.[a-z]+$)/;

export const textChecks: readonly Check[] = [
  {
    claim: 'every file and folder is named for a concept, in kebab-case',
    find: (tree) =>
      tree
        .map((file) => file.path)
        .filter((path) => isCode(path))
        .filter((path) => namedForNothing.test(path) || !/^[a-z0-9./-]+$/.test(path))
        .map((path) => `${path} needs a better name`),
    bad: {
      'packages/actor/src/utils.ts': '',
      'packages/actor/src/helpers/gate.ts': '',
      'packages/actor/src/mailBox.ts': '',
      'packages/actor/test/actor.types.ts': '',
    },
    found: [
      'packages/actor/src/utils.ts needs a better name',
      'packages/actor/src/helpers/gate.ts needs a better name',
      'packages/actor/src/mailBox.ts needs a better name',
    ],
  },
  {
    claim: 'nothing is left to be done in a comment',
    find: (tree) =>
      everyLine(
        tree,
        () => true,
        (line) => /\b(?:FIXME|TODO|XXX)\b/.exec(line)?.[0].concat(' is left'),
      ),
    bad: { 'packages/actor/src/go.ts': '// TODO: later\nconst TODOS = 1; // FIXME\n' },
    found: ['packages/actor/src/go.ts:1 TODO is left', 'packages/actor/src/go.ts:2 FIXME is left'],
  },
  {
    claim: 'no test runs alone',
    find: (tree) =>
      everyLine(tree, isTest, (line) => (/\.only\(/.test(line) ? 'runs alone' : undefined)),
    bad: { 'packages/actor/test/go.test.ts': "test.serial.only('goes', (t) => t.pass());\n" },
    found: ['packages/actor/test/go.test.ts:1 runs alone'],
  },
  {
    claim: 'a test that is skipped says why, beside or above',
    find: (tree) =>
      everyLine(
        tree,
        (path) => isTest(path) && isCode(path),
        (line, before) => {
          const skips = /\.(?:skip|failing|todo)\b/.test(line.replace(/^\s*(?:\/\/|\*).*/, ''));
          const explained = line.includes('// ') || /^\s*\/\/ /.test(before);
          return skips && !explained ? 'gives no reason' : undefined;
        },
      ),
    bad: {
      'packages/actor/test/go.test.ts':
        "test.skip('goes', (t) => t.pass());\n// Needs a browser.\ntest.skip('comes', go);\n",
    },
    found: ['packages/actor/test/go.test.ts:1 gives no reason'],
  },
  {
    claim: 'no test sleeps, but those of real processes in test/cluster',
    find: (tree) =>
      everyLine(
        tree,
        (path) => isTest(path) && !/^(?:examples|test\/cluster)\//.test(path),
        (line) => {
          const sleeps = /\bset(?:Timeout|Interval)\(|timers\/promises|\bAtomics\.wait\(/;
          return sleeps.test(line) ? 'sleeps' : undefined;
        },
      ),
    bad: {
      'packages/actor/test/go.test.ts':
        "import { setTimeout } from 'node:timers/promises';\nawait new Promise((r) => setTimeout(r, 5));\n",
      'test/cluster/kill.test.ts': 'await new Promise((r) => setTimeout(r, 5));\n',
    },
    found: ['packages/actor/test/go.test.ts:1 sleeps', 'packages/actor/test/go.test.ts:2 sleeps'],
  },
  {
    claim: 'a module exports names, never all that another has',
    find: (tree) =>
      everyLine(tree, isCode, (line) =>
        line.startsWith('export *') ? 'exports whatever there is' : undefined,
      ),
    bad: {
      'packages/actor/src/index.ts': "export { go } from './go.ts';\nexport * from './a.ts';\n",
    },
    found: ['packages/actor/src/index.ts:2 exports whatever there is'],
  },
  {
    claim: 'no module of a package keeps state',
    find: (tree) =>
      everyLine(tree, inSource, (line) =>
        /^(?:export )?(?:let|var) .*\s=\s|^(?:export )?const .* = (?:new (?:Map|Set|Array)\b.*\(\)|\[\]|\{\});/.test(
          line,
        )
          ? 'is state that all nodes of a process would share'
          : undefined,
      ),
    bad: {
      'packages/actor/src/go.ts': [
        'let count = 0;',
        'const nodes = new Map<string, Node>();',
        'export const queue: Job[] = [];',
        'let attach: (actor: Actor) => void;', // Set once, in a static block: no state.
        "const kinds = new Set(['a']);",
      ].join('\n'),
    },
    found: [1, 2, 3].map(
      (line) => `packages/actor/src/go.ts:${line} is state that all nodes of a process would share`,
    ),
  },
  {
    claim: 'no cast in a package goes by way of unknown',
    find: (tree) =>
      everyLine(tree, inSource, (line) =>
        /\bas unknown as\b/.test(line) ? 'casts through unknown' : undefined,
      ),
    bad: { 'packages/actor/src/go.ts': 'const task = job as unknown as Task;\n' },
    found: ['packages/actor/src/go.ts:1 casts through unknown'],
  },
  {
    claim: 'no path of one machine is written down',
    find: (tree) =>
      everyLine(
        tree,
        () => true,
        (line) => (machinePath.test(line) ? 'names a machine path' : undefined),
      ),
    bad: { 'README.md': 'cd /work/troupe\nGET https://host/work/1\n' },
    found: ['README.md:1 names a machine path'],
  },
  {
    claim: 'no character is invisible',
    find: (tree) =>
      everyLine(
        tree,
        (path) => !path.endsWith('.go'), // Formatted with tabs, as all Go is.
        (line) => (invisible.test(line) ? 'has an invisible character' : undefined),
      ),
    bad: {
      'packages/actor/src/go.ts': 'a\u00a0b\nc\r\nd\te\nf g\n',
      'bench/go/main.go': '\tpanic(err)\n',
    },
    found: [1, 2, 3].map((line) => `packages/actor/src/go.ts:${line} has an invisible character`),
  },
  {
    claim: 'quotes are plain, but in the words of a page',
    find: (tree) =>
      everyLine(
        tree,
        (path) => !path.includes('/public/'),
        (line) => (/[‘’“”]/.test(line) ? 'has typographic quotes' : undefined),
      ),
    bad: { 'README.md': 'It’s here\n', 'examples/chat/public/chat.js': "say('It’s here');\n" },
    found: ['README.md:1 has typographic quotes'],
  },
  {
    claim: 'every package carries the licence',
    find: (tree) => {
      const licence = tree.find((file) => file.path === 'LICENSE')?.text;
      return tree
        .map((file) => /^(packages\/[^/]+)\/package\.json$/.exec(file.path)?.[1])
        .filter((folder) => folder !== undefined)
        .filter((folder) => tree.find((f) => f.path === `${folder}/LICENSE`)?.text !== licence)
        .map((folder) => `${folder} carries another licence, or none`);
    },
    bad: {
      LICENSE: 'MIT',
      'packages/actor/package.json': '{ "name": "@troupe/actor" }',
      'packages/actor/LICENSE': 'MIT',
      'packages/remote/package.json': '{ "name": "@troupe/remote" }',
    },
    found: ['packages/remote carries another licence, or none'],
  },
];
