import { parseArgs } from 'node:util';
import { Raft } from '@troupe/raft';
import { runMutants, runWorlds } from './raft/campaign.ts';

const usage = `npm run sim -- raft --seeds N [--seed FIRST] [--json] [--mutants]

Runs N simulated worlds from FIRST on (default 1), each with everything that can go wrong, and
says what no correct core could have done. One seed alone is shown with its messages.
--mutants: puts known mistakes into the core, one at a time, and tells which seed finds each.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const [first, count] = [Number(values.seed), Number(values.seeds)];
const isUsable = [first, count].every((number) => Number.isSafeInteger(number) && number > 0);

if (values.help || positionals.join() !== 'raft' || !isUsable) {
  (values.help ? process.stdout : process.stderr).write(`${usage}\n`);
  process.exitCode = values.help ? 0 : 2;
} else {
  const options = { first, count, json: values.json, write };
  const isGood = values.mutants ? await runMutants(options) : runWorlds(Raft, options);
  process.exitCode = isGood ? 0 : 1;
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
