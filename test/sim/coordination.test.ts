import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { seeds } from '@troupe/sim';
import { huntFor } from './coordination/campaign.ts';
import { kits } from './coordination/kits.ts';
import { mutants } from './coordination/mutants.ts';
import { runWorld } from './coordination/scenario.ts';

const run = promisify(execFile);
const command = fileURLToPath(new URL('./main.js', import.meta.url));

/** A campaign of many is `npm run sim -- coordination --seeds N`. */
for (const seed of seeds({ count: 2, first: 2 })) {
  test.serial(
    `nodes that coordinate: nothing is held twice, or told out of order: seed ${seed}`,
    async (t) => {
      const kitOf = await kits();
      const { answered, grants, changes } = await runWorld(kitOf(seed), seed);

      t.true(answered > 0 && grants > 0 && changes > 0);
    },
  );
}

for (const mutant of mutants.filter(({ isQuick = false }) => isQuick)) {
  test.serial(`a mistake is found: ${mutant.name}`, async (t) => {
    t.truthy(await huntFor(mutant, { first: 1, count: 3 }));
  });
}

test('the command says how it is used when it is not', async (t) => {
  await t.throwsAsync(run(process.execPath, [command, 'coordination', '--seeds', 'x']), {
    message: /npm run sim -- coordination --seeds N/,
  });
});
