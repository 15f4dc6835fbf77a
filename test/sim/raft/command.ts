import { parseArgs } from 'node:util';
import { Raft } from '@troupe/raft';
import { campaignOptions, seedsOf, type Talk, tellUsage } from '../seeds.ts';
import { runMutants, runWorlds } from './campaign.ts';

const usage = `npm run sim -- raft --seeds N [--seed FIRST] [--json] [--mutants [--only PART]]

Runs N simulated worlds from FIRST on (default 1), each with everything that can go wrong, and
says what no correct core could have done. One seed alone is shown with its messages.
--mutants: puts known mistakes into the core, one at a time, and tells which seed finds each;
--only tries those with PART in their names.`;

/** Some seconds. */
const PROGRESS_WORLDS = 100;

/** @returns the exit code */
export async function runRaft(args: readonly string[], talk: Talk): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...campaignOptions,
      seeds: { type: 'string', default: '100' },
      only: { type: 'string', default: '' },
    },
  });
  const seeds = seedsOf(values);
  if (values.help || seeds === undefined) return tellUsage(usage, values.help, talk);
  const { json, only } = values;
  const options = { ...seeds, ...talk, json, only, progressWorlds: PROGRESS_WORLDS };
  const isGood = values.mutants ? await runMutants(options) : runWorlds(Raft, options);
  return isGood ? 0 : 1;
}
