import { parseArgs } from 'node:util';
import { runMutants, runScenarios } from './campaign.ts';
import { measure } from './measure.ts';
import { scenarios } from './scenarios.ts';

const usage = `npm run sim -- gossip [--seeds N] [--seed FIRST] [--scenario S1…S8] [--json]
                        [--mutants] [--measure]

Runs each scenario N times (default 20) from seed FIRST (default 1) on: members of a simulated
network in which things go wrong, watched for what no correct core may do.

${scenarios.map(({ name, title }) => `  ${name}  ${title}`).join('\n')}

--mutants: puts known mistakes into the core, one at a time, and tells which run finds each.
--measure: detection, false alarms, load and speed, beside SWIM, Lifeguard and memberlist as
configurations of the same core; takes several minutes.`;

/** @returns the exit code */
export async function runGossip(
  args: readonly string[],
  { write, progress }: { write(line: string): void; progress(line: string): void },
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      scenario: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      measure: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { json, scenario: only } = values;
  const [first, count] = [Number(values.seed), Number(values.seeds)];
  const isUsable =
    [first, count].every((number) => Number.isSafeInteger(number) && number > 0) &&
    only.every((name) => scenarios.some((scenario) => scenario.name === name));
  if (values.help || !isUsable) {
    (values.help ? write : progress)(usage);
    return values.help ? 0 : 2;
  }
  if (values.measure) {
    measure({ json, write, progress });
    return 0;
  }
  const options = { first, count, json, only, write, progress };
  const isGood = values.mutants ? await runMutants(options) : runScenarios(options);
  return isGood ? 0 : 1;
}
