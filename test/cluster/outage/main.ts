// npm run outage: processes are killed, stopped and cut off, for real; see --help.
import { parseArgs } from 'node:util';
import { Crew } from './crew.ts';
import { Hosts } from './hosts.ts';
import { cutOneWay, killed, type Outage, partitioned, paused, restarted } from './outages.ts';

const HELP = `usage: npm run outage -- [options]

Starts nodes in processes of their own on this machine, and lets things go wrong: five are killed,
three stand still, one is restarted under its name. Then, where this machine allows network
namespaces (Linux, root, iproute2), nodes on hosts of their own: a link is cut one way, and the
hosts are parted in two halves and joined again. Nobody with whom nothing is wrong may be given up.

  --processes N   on loopback                             (default 50; 0 leaves them out)
  --hosts N       each in a network namespace             (default 12; 0 leaves them out)
  --kill N        killed at once                          (default 5)
  --pause N       standing still at once                  (default 3)
  --pause-ms N    for how long                            (default 10000)
  --cut-ms N      how long one link is cut one way        (default 30000)
  --part-ms N     how long the halves are apart           (default 60000)
  --limit-ms N    for finding together, and finding out   (default 120000)
  --json          print the figures as JSON, a line each
  --help

Progress goes to stderr, figures to stdout. Exit code: 0 when all is well, 1 when it is not, 2 when
the options are wrong.
`;

type Option =
  | 'processes'
  | 'hosts'
  | 'kill'
  | 'pause'
  | 'pause-ms'
  | 'cut-ms'
  | 'part-ms'
  | 'limit-ms';
type Numbers = Readonly<Record<Option, number>>;

// Processes end with the one that watches them, and networks as it exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // As `parseArgs` says it.
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!(error instanceof Error && code.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${error.message}\ntry: npm run outage -- --help\n`);
  process.exitCode = 2;
}

async function main(args: readonly string[]): Promise<number> {
  const number = (value: number) => ({ type: 'string', default: String(value) }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      processes: number(50),
      hosts: number(12),
      kill: number(5),
      pause: number(3),
      'pause-ms': number(10_000),
      'cut-ms': number(30_000),
      'part-ms': number(60_000),
      'limit-ms': number(120_000),
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { json, help, ...given } = values;
  const entries = Object.entries(given).map(([name, value]) => [name, Number(value)] as const);
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!entries.every(([, value]) => Number.isSafeInteger(value) && value >= 0)) {
    process.stderr.write('each number is whole and at least 0\ntry: npm run outage -- --help\n');
    return 2;
  }
  const outages: Outage[] = [];
  for await (const outage of run(Object.fromEntries(entries) as Numbers)) {
    outages.push(outage);
    process.stdout.write(json ? `${JSON.stringify(outage)}\n` : textOf(outage));
  }
  return outages.every(({ wrong }) => wrong.length === 0) ? 0 : 1;
}

async function* run(numbers: Numbers): AsyncGenerator<Outage> {
  const { processes, hosts: count, 'limit-ms': limitMs } = numbers;
  if (processes > 0) {
    await using crew = new Crew();
    progress(`${processes} processes start`);
    await crew.gather(processes, limitMs);
    progress('some are killed');
    yield await killed(crew, numbers.kill, { limitMs });
    progress('some stand still');
    yield await paused(crew, numbers.pause, { forMs: numbers['pause-ms'], limitMs });
    progress('one is restarted');
    yield await restarted(crew, { limitMs });
  }
  if (count === 0) return;
  const whyNot = Hosts.whyNot();
  if (whyNot !== undefined) return progress(`NO HOSTS OF THEIR OWN: ${whyNot}`);
  using hosts = Hosts.create(Array.from({ length: count }, (_, i) => `n${i}`));
  await using crew = new Crew(hosts);
  progress(`${count} hosts start`);
  await crew.gather(count, limitMs);
  progress('a link is cut one way');
  yield await cutOneWay(crew, hosts, { forMs: numbers['cut-ms'], limitMs });
  progress('the hosts are parted');
  yield await partitioned(crew, hosts, { forMs: numbers['part-ms'], limitMs });
}

function textOf({ what, figures, wrong }: Outage): string {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`);
  const lines = [`${what}: ${text.join(', ')}`, ...wrong.map((one) => `  WRONG: ${one}`)];
  return `${lines.join('\n')}\n`;
}

function progress(line: string): void {
  process.stderr.write(`outage: ${line}\n`);
}
