import { parseArgs } from 'node:util';
import { campaignOptions, seedsOf, type Talk, tellUsage } from '../seeds.ts';
import { runMutants, runWorlds } from './campaign.ts';

const usage = `npm run sim -- coordination --seeds N [--seed FIRST] [--json] [--mutants]

Runs N simulated worlds from FIRST on (default 1): three or five nodes that coordinate, with clocks
at rates of their own, under crashes, pauses, partitions and bad networks; and says what no correct
lock, session, store or watch could have done.
--mutants: puts known mistakes into the package, one at a time, and tells which seed finds each.`;

/** @returns the exit code */
export async function runCoordination(args: readonly string[], talk: Talk): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...campaignOptions,
      seeds: { type: 'string', default: '100' },
    },
  });
  const seeds = seedsOf(values);
  if (values.help || seeds === undefined) return tellUsage(usage, values.help, talk);
  const options = { ...seeds, json: values.json, write: talk.write };
  return (await (values.mutants ? runMutants(options) : runWorlds(options))) ? 0 : 1;
}
