import { parseArgs } from 'node:util';
import { runMutants, runWorlds } from './campaign.ts';

const usage = `npm run sim -- coordination --seeds N [--seed FIRST] [--json] [--mutants]

Runs N simulated worlds from FIRST on (default 1): three or five nodes that coordinate, with clocks
at rates of their own, under crashes, pauses, partitions and bad networks; and says what no correct
lock, session, store or watch could have done.
--mutants: puts known mistakes into the package, one at a time, and tells which seed finds each.`;

/** @returns the exit code */
export async function runCoordination(
  args: readonly string[],
  { write, progress }: { write(line: string): void; progress(line: string): void },
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
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
  if (values.help || !isUsable) {
    (values.help ? write : progress)(usage);
    return values.help ? 0 : 2;
  }
  const options = { first, count, json: values.json, write };
  return (await (values.mutants ? runMutants(options) : runWorlds(options))) ? 0 : 1;
}
