import { parseArgs } from 'node:util';
import type { Bench, Suite } from './suite.ts';

export interface Options {
  readonly suite: Suite;
  readonly only: readonly string[];
  readonly subjects: readonly string[];
  readonly rounds: number;
  readonly ms: number;
  readonly warmUpMs: number;
  readonly json: boolean;
}

/** What the user asked for cannot be done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function usage(suites: readonly Suite[]): string {
  const lines = suites.map(({ name, about, benches, subjects }) =>
    [
      `  ${name.padEnd(8)}${about}`,
      `    benches   ${wrapped(benches.map(inBrackets))}`,
      `    subjects  ${wrapped(subjects.map((subject) => subject.name))}`,
    ].join('\n'),
  );
  const defaults = suites.map(({ name, warmUpMs }) => `${warmUpMs} for ${name}`).join(', ');
  return `Measures Troupe beside its peers, in one run, and prints a table.

  npm run bench -- SUITE [options]

${lines.join('\n')}

  --only A,B       these benches (default all but those in brackets, which take long)
  --subjects A,B   these subjects (default all)
  --rounds N       how often everything is measured, 1 to 100 (default 5)
  --ms N           how long each subject is measured in a round, 1 to 10,000 (default 400)
  --warm-up N      how long it does the same before that (default ${defaults})
  --json           one line of JSON for the machine, then one for each row
  --help           this text

A subject that cannot run here says why in its row. Ctrl-C ends all that was started.`;
}

/** @returns undefined when the user asks for help */
export function optionsOf(args: readonly string[], suites: readonly Suite[]): Options | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  const suite = suites.find((each) => each.name === name);
  const names = suites.map((each) => each.name);
  if (suite === undefined || more.length > 0) {
    const given = name === undefined ? 'none' : `'${positionals.join(' ')}'`;
    throw new UsageError(`one suite of ${names.join(', ')} is needed, not ${given}`);
  }
  return {
    suite,
    only: chosen(
      '--only',
      values.only ?? byDefault(suite),
      suite.benches.map((bench) => bench.name),
    ),
    subjects: chosen(
      '--subjects',
      values.subjects,
      suite.subjects.map((subject) => subject.name),
    ),
    rounds: integer('--rounds', values.rounds, 100),
    ms: integer('--ms', values.ms, 10_000),
    warmUpMs: integer('--warm-up', values['warm-up'] ?? `${suite.warmUpMs}`, 10_000),
    json: values.json,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        subjects: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        ms: { type: 'string', default: '400' },
        'warm-up': { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function byDefault({ benches }: Suite): string {
  return benches
    .filter(({ onlyNamed = false }) => !onlyNamed)
    .map(({ name }) => name)
    .join();
}

function chosen(option: string, text: string | undefined, known: readonly string[]): string[] {
  if (text === undefined) return [...known];
  const names = text.split(',');
  const strange = names.find((name) => !known.includes(name));
  if (strange === undefined) return known.filter((name) => names.includes(name));
  throw new UsageError(`${option} takes some of ${known.join(', ')}, not '${strange}'`);
}

function integer(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`${option} must be 1 … ${max}, not '${text}'`);
}

function inBrackets({ name, onlyNamed = false }: Bench): string {
  return onlyNamed ? `(${name})` : name;
}

function wrapped(names: readonly string[]): string {
  const lines = [''];
  for (const name of names) {
    const line = lines.at(-1) ?? '';
    if (line.length + name.length > 78) lines.push(name);
    else lines[lines.length - 1] = line === '' ? name : `${line} ${name}`;
  }
  return lines.join(`\n${' '.repeat(14)}`);
}
