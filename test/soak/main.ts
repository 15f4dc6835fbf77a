// npm run soak: a crowd chats across processes for a while; see --help.
import { parseArgs } from 'node:util';
import { complaintsOf, reportOf } from './report.ts';
import { soak, type SoakOptions } from './run.ts';

const HELP = `usage: npm run soak -- [options]

A crowd of clients chats across real processes: rooms are entities, people's sessions are actors,
and each line travels through channels to everybody in its room. Nobody is killed, so no line may
be lost or come out of order, and no process's memory may grow.

  --minutes N   how long they talk            (default 2; fractions are allowed)
  --clients N   how many people               (default 200)
  --nodes N     how many processes            (default 3)
  --rooms N     how many rooms                (default: one for 20 people)
  --rate N      lines a person says a second  (default 1)
  --json        print the figures as JSON
  --help

Progress goes to stderr, the report to stdout. Exit code: 0 when all is well, 1 when it is not,
2 when the options are wrong, 130 after Ctrl-C.
`;

interface Command extends Omit<SoakOptions, 'signal' | 'progress'> {
  readonly json: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  let command: Command | undefined;
  try {
    command = commandOf(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\ntry: npm run soak -- --help\n`);
    return 2;
  }
  if (command === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  return run(command);
}

async function run({ json, ...options }: Command): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const progress = (line: string): void => void process.stderr.write(`soak: ${line}\n`);
  try {
    const figures = await soak({ ...options, signal: stop.signal, progress });
    process.stdout.write(json ? `${JSON.stringify(figures, null, 2)}\n` : reportOf(figures));
    return complaintsOf(figures).length === 0 ? 0 : 1;
  } catch (error) {
    progress(messageOf(error));
    return stop.signal.aborted ? 130 : 1;
  }
}

/** @returns undefined when help is asked for */
function commandOf(args: string[]): Command | undefined {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '2' },
      clients: { type: 'string', default: '200' },
      nodes: { type: 'string', default: '3' },
      rooms: { type: 'string' },
      rate: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const clients = whole('clients', values.clients, 5_000);
  return {
    seconds: positive('minutes', values.minutes, 24 * 60) * 60,
    clients,
    nodes: whole('nodes', values.nodes, 9),
    rooms: whole('rooms', values.rooms ?? String(Math.ceil(clients / 20)), clients),
    rate: positive('rate', values.rate, 1_000),
    json: values.json,
  };
}

function positive(name: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new RangeError(`--${name} must be above 0 and at most ${max}, not '${text}'`);
}

function whole(name: string, text: string, max: number): number {
  const value = positive(name, text, max);
  if (Number.isInteger(value)) return value;
  throw new RangeError(`--${name} must be a whole number, not '${text}'`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
