import { parseArgs } from 'node:util';
import { campaignOptions, seedsOf, type Talk, tellUsage } from '../seeds.ts';
import { runMutants, runScenarios } from './campaign.ts';
import { measure } from './measure.ts';
import { scenarios } from './scenarios.ts';

const usage = `npm run sim -- gossip [--seeds N] [--seed FIRST] [--scenario S1…S12] [--json]
                        [--mutants] [--measure]

Runs each scenario N times (default 20) from seed FIRST (default 1) on: members of a simulated
network in which things go wrong, watched for what no correct core may do.

${scenarios.map(({ name, title }) => `  ${name}  ${title}`).join('\n')}

--mutants: puts known mistakes into the core, one at a time, and tells which run finds each.
--measure: detection, false alarms, load and speed, beside SWIM, Lifeguard and memberlist as
configurations of the same core; takes several minutes.`;

/** @returns the exit code */
export async function runGossip(args: readonly string[], talk: Talk): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...campaignOptions,
      seeds: { type: 'string', default: '20' },
      scenario: { type: 'string', multiple: true, default: [] },
      measure: { type: 'boolean', default: false },
    },
  });
  const { json, scenario: only } = values;
  const seeds = seedsOf(values);
  const areKnown = only.every((name) => scenarios.some((scenario) => scenario.name === name));
  if (values.help || seeds === undefined || !areKnown) return tellUsage(usage, values.help, talk);
  if (values.measure) {
    measure({ json, ...talk });
    return 0;
  }
  const options = { ...seeds, json, only, ...talk };
  const isGood = values.mutants ? await runMutants(options) : runScenarios(options);
  return isGood ? 0 : 1;
}
