import { join } from 'node:path';
import test from 'ava';
import { layerChecks } from './tidy/layers.ts';
import { lockFileChecks } from './tidy/lock-file.ts';
import { sizeChecks } from './tidy/sizes.ts';
import { textChecks } from './tidy/text.ts';
import { readTree, treeOf } from './tidy/tree.ts';

/** The laws of the house that neither the compiler nor the linter can see. */
const repository = readTree(join(import.meta.dirname, '../..'));

for (const check of [...layerChecks, ...sizeChecks, ...textChecks, ...lockFileChecks]) {
  test(check.claim, (t) => {
    t.deepEqual(check.find(repository), []);
  });
  test(`a breach is found: ${check.claim}`, (t) => {
    t.deepEqual(check.find(treeOf(check.bad)), check.found);
  });
}

test('the tree that is checked is the whole repository', (t) => {
  const paths = new Set(repository.map((file) => file.path));

  for (const path of ['.ci/run', 'package-lock.json', 'packages/actor/src/index.ts', 'LICENSE']) {
    t.true(paths.has(path), path);
  }
});
