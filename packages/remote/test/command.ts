import { parseArgs } from 'node:util';

/**
 * The numbers that a command was given, such as `--minutes 1`. Asked for its help, or given what it
 * does not know, it ends here: with exit code 0 or 2.
 */
export function numbersOf<Name extends string>(
  help: string,
  defaults: Readonly<Record<Name, number>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(defaults) as Name[];
  const options: Record<string, { readonly type: 'string' | 'boolean' }> = {
    help: { type: 'boolean' },
  };
  for (const name of names) options[name] = { type: 'string' };
  try {
    const { values } = parseArgs({ options });
    if (values['help'] === true) {
      process.stdout.write(help);
      process.exit(0);
    }
    const entries = names.map((name) => [name, numberOf(name, values[name] ?? defaults[name])]);
    return Object.fromEntries(entries) as Record<Name, number>;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${help}`);
    process.exit(2);
  }
}

function numberOf(name: string, value: unknown): number {
  const number = Number(value);
  if (Number.isFinite(number) && number >= 0 && value !== '') return number;
  throw new RangeError(`--${name} takes a number of at least 0, not '${String(value)}'`);
}
