import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { xorshift } from '@troupe/actor/internal';
import { CborCodec } from '@troupe/remote';
import { Bender } from './bender.js';
import { Fuzzer } from './fuzzer.js';
import { fuzzOutsider } from './outsider-fuzzer.js';
import { fuzzSession } from './session-fuzzer.js';

const given = process.env['SEED'];
const seeds = given === undefined ? Array.from({ length: 60 }, (_, i) => i + 1) : [Number(given)];

for (const [who, talk] of [
  ['nodes', fuzzSession],
  ['clients outside', fuzzOutsider],
] as const) {
  test(`when bytes of ${who} are bent connections end at most; others are served`, async (t) => {
    let [bends, broken] = [0, 0];
    for (const seed of seeds) {
      try {
        const round = await talk(seed);
        bends += round.bends;
        broken += round.broken;
      } catch (cause) {
        throw new Error(`replay with SEED=${seed} npm test`, { cause });
      }
    }

    // Or the bends are too gentle, or so rough that nothing but first words was bent.
    t.true(bends > 5 * seeds.length, `${bends} bends`);
    t.true(broken > seeds.length, `${broken} ended`);
  });
}

test('one seed bends one sequence of writes in one way', (t) => {
  const bendAll = (seed: number): readonly Uint8Array[] => {
    const bender = new Bender(new Fuzzer(new CborCodec(), seed), xorshift(seed));
    bender.oneIn = 2;
    return Array.from({ length: 50 }, (_, i) => bender.bend(Buffer.alloc(40, i))).flat();
  };

  t.deepEqual(bendAll(7), bendAll(7));
  t.notDeepEqual(bendAll(7), bendAll(8));
});

test('the command fuzzes for as long as it is told, and says what came of it', async (t) => {
  const command = fileURLToPath(new URL('./fuzz.js', import.meta.url));
  const options = ['--minutes', '0.01', '--seed', '5'];

  const { stdout } = await promisify(execFile)(process.execPath, [command, ...options]);

  t.regex(
    stdout,
    /^fuzzing for 0.01 min from --seed 5\n\d+ rounds: \d+ inputs decoded, \d+ refused;/,
  );
});
