import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Gossip } from '@troupe/gossip';
import { mutants } from './gossip/mutants.ts';
import { huntFor } from './gossip/mutation.ts';
import { scenarios } from './gossip/scenarios.ts';
import { failureOf } from './gossip/stage.ts';
import { startMany, World } from './gossip/world.ts';

const run = promisify(execFile);
const command = fileURLToPath(new URL('./main.js', import.meta.url));

/** `SEED=n npm test` replays one run; many are `npm run sim -- gossip --seeds N`. */
const only = process.env['SEED'];
const [first, count] = only === undefined ? [1, 8] : [Number(only), 1];
/** How many runs a mistake may survive; most are found in the first few. */
const RUNS_MAX = 60;

for (const scenario of scenarios) {
  test(`${scenario.name}: ${scenario.title}`, (t) => {
    for (let seed = first; seed < first + count; seed += 1) {
      t.is(failureOf(scenario, seed, Gossip), undefined, `replay with SEED=${seed} npm test`);
    }
  });
}

for (const [claim, name, seed] of [
  ['one that heard nobody asks again before it gives anybody up', 'S2', 65],
  ['accusations from before a silence do not end the time after it', 'S2', 108],
  ['a probe from a silence proves nothing', 'S4', 36],
  ['a refusal of one process is none of the next one of its name', 'S3', 94],
  ['who comes back from the other side of a partition buries nobody on this one', 'S5', 7],
  ['who breaks silences again and again puts off no probe for ever', 'S11', 68],
  ['whom a refusal has misled once is no witness of refusals', 'S12', 231],
  ['whose life elsewhere is over begins one after it, whatever its clock says', 'S3', 79],
] as const) {
  test(`once it was otherwise: ${claim}`, (t) => {
    const scenario = scenarios.find((one) => one.name === name);

    t.is(scenario && failureOf(scenario, seed, Gossip), undefined);
  });
}

for (const mutant of mutants) {
  test(`a mistake is found: ${mutant.name}`, async (t) => {
    const caught = await huntFor(mutant, { first: 1, count: RUNS_MAX });

    t.truthy(caught, `survives ${RUNS_MAX} runs of ${mutant.scenario}`);
  });
}

test('the same seed makes the same run', (t) => {
  const [one, two] = [7, 7].map((seed) => {
    const world = new World({ seed, Gossip, profile: 'lan' });
    world.quality = { ...world.quality, loss: 0.1, duplication: 0.1 };
    startMany(world, 20);
    world.run(30_000);
    return world.running.map(({ sent, sentBytes, gossip }) => [sent, sentBytes, gossip.digest]);
  });

  t.deepEqual(one, two);
  t.true((one?.[0]?.[0] ?? 0) > 50);
});

test('the command runs scenarios, and tells what they came to', async (t) => {
  const args = [command, 'gossip', '--seeds', '2', '--scenario', 'S6', '--json'];

  const { stdout } = await run(process.execPath, args);

  t.like(JSON.parse(stdout), { scenario: 'S6', runs: 2, failures: [] });
});

test('the command says how it is used when it is not', async (t) => {
  await t.throwsAsync(run(process.execPath, [command, 'gossip', '--seeds', 'x']), {
    message: /npm run sim -- gossip/,
  });
});
