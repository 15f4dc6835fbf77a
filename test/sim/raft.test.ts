import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Raft } from '@troupe/raft';
import { failureOf, runWorlds } from './raft/campaign.ts';
import { type DriverMutant, driverMistakes } from './raft/mistakes.ts';
import { mutants } from './raft/mutants.ts';
import { huntFor, withMistake } from './raft/mutation.ts';
import { World } from './raft/world.ts';

const run = promisify(execFile);
const command = fileURLToPath(new URL('./main.js', import.meta.url));

/** `SEED=n npm test` replays one world; a campaign of many is `npm run sim -- raft --seeds N`. */
const only = process.env['SEED'];
const [first, count] = only === undefined ? [1, 40] : [Number(only), 1];
/** How many worlds a mistake may survive; most are found in a few. */
const SEEDS_MAX = 60;

const worlds = `${first} to ${first + count - 1}`;

test(`worlds ${worlds}: nothing is lost, and all works again when it can`, (t) => {
  for (let seed = first; seed < first + count; seed += 1) {
    t.is(failureOf(new World({ seed, Raft })), undefined, `replay with SEED=${seed} npm test`);
  }
});

test('a leader that cannot serve a snapshot does not look for one ever more often', (t) => {
  t.is(failureOf(new World({ seed: 40_823, Raft })), undefined);
});

test('a snapshot that was spoiled after it came is not taken for the one that is offered', (t) => {
  t.is(failureOf(new World({ seed: 64_420, Raft })), undefined);
});

test('a member that has asked for a snapshot is not sent a newer one half-way', (t) => {
  t.is(failureOf(new World({ seed: 81_020, Raft })), undefined);
});

test('a leader that its slow disk made one with its last answer has a tick to resign', (t) => {
  t.is(failureOf(new World({ seed: 100_714, Raft })), undefined);
});

test('a disk that was slow is not slow any more with what it was given then', (t) => {
  t.is(failureOf(new World({ seed: 115_705, Raft })), undefined);
});

test('a snapshot that is in the log already is told of when that is on disk', (t) => {
  t.is(failureOf(new World({ seed: 118_193, Raft })), undefined);
});

test('whom a deposed leader names as its heir has what a later leader has given it', (t) => {
  t.is(failureOf(new World({ seed: 129_315, Raft })), undefined);
});

/**
 * n1 asks for a snapshot of what its log goes on from, whose entries are not all on its disk, and
 * has got it when an earlier wish of its own arrives, so that n5 offers a newer one.
 */
test('who has a snapshot may be offered another, though the log behind it is not saved yet', (t) => {
  t.is(failureOf(new World({ seed: 139_634, Raft })), undefined);
});

test('a witness that comes back has all of an empty snapshot', (t) => {
  t.is(failureOf(new World({ seed: 202_760, Raft })), undefined);
});

test('the same seed makes the same world', (t) => {
  const [one, two] = [8, 8].map((seed) => {
    const world = new World({ seed, Raft, trace: true });
    world.run();
    return world;
  });

  t.deepEqual(one?.lines, two?.lines);
  t.is(one?.fingerprint, two?.fingerprint);
  t.true((one?.lines.length ?? 0) > 1_000);
});

for (const mutant of mutants) {
  test.serial(`a mistake is found: ${mutant.name} (${mutant.seen})`, async (t) => {
    const { theme, firstSeed: first = 1 } = mutant;
    const caught = huntFor(await withMistake(mutant), { first, count: SEEDS_MAX, theme });

    t.truthy(caught, `survives ${SEEDS_MAX} worlds`);
  });
}

for (const mistake of driverMistakes) {
  test.serial(`a mistake of the driver is found: ${mistake.name} (${mistake.seen})`, (t) => {
    const { name, theme }: DriverMutant = mistake;

    const caught = huntFor(Raft, { first: 1, count: SEEDS_MAX, mistake: name, theme });

    t.truthy(caught, `survives ${SEEDS_MAX} worlds`);
  });
}

test('the command runs worlds, and tells what they came to', async (t) => {
  const { stdout } = await run(process.execPath, [command, 'raft', '--seeds', '2', '--json']);

  t.like(JSON.parse(stdout), { worlds: 2, failed: 0 });
});

test('whoever waits for many worlds is told how many are done', (t) => {
  const told: string[] = [];
  const progress = (line: string): void => void told.push(line);
  const options = { first: 1, count: 3, json: true, only: '', write: () => {}, progress };

  t.true(runWorlds(Raft, { ...options, progressWorlds: 2 }));

  t.deepEqual(told, ['2 of 3 worlds']);
});

test('the command says how it is used when it is not', async (t) => {
  await t.throwsAsync(run(process.execPath, [command, 'raft', '--seeds', 'x']), {
    message: /npm run sim -- raft --seeds N/,
  });
});
