import { parseArgs } from 'node:util';
import { Raft } from '@troupe/raft';
import { runMutants, runWorlds } from './campaign.ts';

const usage = `npm run sim -- raft --seeds N [--seed FIRST] [--json] [--mutants [--only PART]]

Runs N simulated worlds from FIRST on (default 1), each with everything that can go wrong, and
says what no correct core could have done. One seed alone is shown with its messages.
--mutants: puts known mistakes into the core, one at a time, and tells which seed finds each;
--only tries those with PART in their names.`;

/** @returns the exit code */
export async function runRaft(
  args: readonly string[],
  { write, progress }: { write(line: string): void; progress(line: string): void },
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      mutants: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [first, count] = [Number(values.seed), Number(values.seeds)];
  const isUsable = [first, count].every((number) => Number.isSafeInteger(number) && number > 0);
  if (values.help || !isUsable) {
    (values.help ? write : progress)(usage);
    return values.help ? 0 : 2;
  }
  const options = { first, count, json: values.json, only: values.only, write };
  const isGood = values.mutants ? await runMutants(options) : runWorlds(Raft, options);
  return isGood ? 0 : 1;
}
