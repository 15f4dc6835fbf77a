import test from 'ava';
import { CborCodec } from '../dist/index.js';
import { Fuzzer } from './fuzzer.ts';

const INPUTS = 3_000;
const seeds = process.env['SEED'] === undefined ? [1, 2, 3, 4] : [Number(process.env['SEED'])];

const survives = test.macro({
  title: (_, seed: number) => `bent frames are decoded or refused, and do no harm: seed ${seed}`,
  exec(t, seed: number) {
    const fuzzer = new Fuzzer(new CborCodec(), seed);

    t.notThrows(() => {
      for (let i = 0; i < INPUTS; i += 1) fuzzer.step();
    }, `replay with SEED=${seed} npm test`);
    // Both ways are taken, or the bends are too gentle or too rough to find anything.
    t.true(fuzzer.refused > INPUTS / 5, `${fuzzer.refused} refused`);
    t.true(fuzzer.decoded > INPUTS / 5, `${fuzzer.decoded} decoded`);
  },
});
for (const seed of seeds) test(survives, seed);
