import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { knownBugs } from './raft/known-bugs.ts';
import { driverMistakes } from './raft/mistakes.ts';
import { mutants } from './raft/mutants.ts';

const root = join(import.meta.dirname, '../../..');
const folders = ['packages/raft/test', 'packages/consensus/test', 'test/sim'];
const traces = readdirSync(join(root, 'packages/raft/test/traces')).map(
  (name) => `'trace: ${name.replace('.txt', '').replaceAll('-', ' ')}`,
);
const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
);
const titles = [...sources, ...traces].join('\n');
const known = new Set<string>([...mutants, ...driverMistakes].map(({ name }) => name));

test('each bug that others had has a test and a mutant here', (t) => {
  t.is(knownBugs.length, 51);
  for (const { what, tests, mutants: names } of knownBugs) {
    for (const title of tests) t.true(titles.includes(`'${title}`), `${what}: no test '${title}'`);
    for (const name of names) t.true(known.has(name), `${what}: no mutant '${name}'`);
  }
});
