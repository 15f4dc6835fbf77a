import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readTree } from '../tidy/tree.ts';
import { commandsOf, fencesOf, type Program, programsOf } from './fences.ts';
import { compile } from './run-programs.ts';

/**
 * Every block of code in README.md, packages/*\/README.md and docs is proved here:
 *
 * - `ts` is compiled against the built packages and run as a program of its own; it must end by
 *   itself. Blocks of one document that say `ts program=name` are one program, in their order.
 * - `expression; // => value` on one line is a claim: the value must be deeply equal, and reached.
 *   So is `const name = expression; // => value`. Types and rejections are claimed in code.
 * - `sh`, and a block that is only indented, holds commands that anybody can type after cloning:
 *   npm with a script of the root package, or node with a file of the repository.
 * - `json` is parsed, `text` is output to look at. Any other language is refused.
 */
const root = join(import.meta.dirname, '../../..');
const tree = readTree(root);
const scripts = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  }
).scripts;

interface Document {
  readonly path: string;
  readonly programs: readonly Program[];
  /** What is wrong with the other blocks, a line each. */
  readonly complaints: readonly string[];
}

/** What `text` has to prove; its programs are named for the document, to be told apart. */
function documentOf({ path, text }: { path: string; text: string }): Document {
  const fences = fencesOf(text);
  const prefix = path.replaceAll(/[^\w.-]+/g, '-');
  const complaints = fences.flatMap((fence) => {
    const { language, line, lines } = fence;
    if (language === 'ts' || language === 'text') return [];
    if (language === 'json') return isJson(lines.join('\n')) ? [] : [`${path}:${line} is no JSON`];
    if (language !== 'sh') return [`${path}:${line} cannot be proved: '${language}'`];
    return commandsOf(fence)
      .filter((command) => !isKnown(command))
      .map((command) => `${path}:${line} nobody can run '${command}'`);
  });
  const programs = programsOf(fences).map((each) => ({ ...each, name: `${prefix}-${each.name}` }));
  return { path, programs, complaints };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // Which is the answer.
  }
}

function isKnown(command: string): boolean {
  const [tool, verb = '', script = ''] = command.split(/\s+/);
  if (tool === 'node') return tree.some((file) => file.path === verb);
  if (tool !== 'npm') return false;
  return verb === 'ci' || verb in scripts || (verb === 'run' && script in scripts);
}

const documents = tree
  .filter(({ path }) => /^(?:packages\/[^/]+\/)?README\.md$|^docs\/.*\.md$/.test(path))
  .map(documentOf);
const right = fixture('right.md');
const wrong = fixture('wrong.md');
const programs = compile([...documents, right, wrong].flatMap((document) => document.programs));

function fixture(name: string): Document {
  const file = tree.find(({ path }) => path === `test/docs/fixtures/${name}`);
  return documentOf({ path: name, text: file?.text ?? '' });
}

for (const { path, programs: all, complaints } of [...documents, right]) {
  test(`${path}: every block is a program, a command, JSON or output`, (t) => {
    t.deepEqual(complaints, []);
  });
  for (const { name } of all) {
    test(`${path}: ${name} compiles, runs, and what it claims is true`, async (t) => {
      t.is(await programs.run(name), '');
    });
  }
}

test('blocks of one name are one program, the others stand alone', (t) => {
  t.deepEqual(
    right.programs.map(({ name }) => name),
    ['right.md-sum', 'right.md-line-23'],
  );
});

const breaches: readonly [program: string, complaint: RegExp][] = [
  ['wrong.md-false-claim', /Expected values to be strictly deep-equal/],
  ['wrong.md-wrong-type', /wrong\.md-wrong-type\.ts\(14,7\): error TS2322/],
  ['wrong.md-unreached-claim', /never reached: the claims of the lines 21/],
  ['wrong.md-throws', /RangeError: thrown on purpose/],
];

for (const [program, complaint] of breaches) {
  test(`a program that is wrong is found: ${program}`, async (t) => {
    t.regex(await programs.run(program), complaint);
  });
}

test('commands that nobody could type, and languages that nothing proves, are found', (t) => {
  t.deepEqual(wrong.complaints, [
    "wrong.md:32 nobody can run 'troupe start'",
    "wrong.md:32 nobody can run 'npm run fly'",
    "wrong.md:36 nobody can run 'yarn install'",
    "wrong.md:39 cannot be proved: 'python'",
    'wrong.md:43 is no JSON',
  ]);
});

test('a fence that does not end is an error, with its line', (t) => {
  t.throws(() => fencesOf('one\n```ts\ntwo\n'), { message: /line 2 does not end/ });
});
