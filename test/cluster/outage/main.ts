// npm run outage: processes are killed, stopped and cut off, for real; see --help.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Crew, type Threading, threadings } from './crew.ts';
import { Hosts } from './hosts.ts';
import {
  blocked,
  cutOneWay,
  killed,
  type Outage,
  partitioned,
  paused,
  restarted,
} from './outages.ts';

const HELP = `usage: npm run outage -- [options]

Starts nodes in processes of their own on this machine, and lets things go wrong: five are killed,
three stand still, the main loops of three and of a leader compute, one is restarted under its
name. Then, where this machine allows network
namespaces (Linux, root, iproute2), nodes on hosts of their own: a link is cut one way, and the
hosts are parted in two halves and joined again. Nobody with whom nothing is wrong may be given up.

  --processes N   on loopback                             (default 50; 0 leaves them out)
  --hosts N       each in a network namespace             (default 12; 0 leaves them out)
  --kill N        killed at once                          (default 5)
  --pause N       standing still at once                  (default 3)
  --pause-ms N    for how long                            (default 10000)
  --block N       blocked at once, beside one that leads  (default 3)
  --block-ms N    for how long                            (default 2000)
  --cut-ms N      how long one link is cut one way        (default 30000)
  --part-ms N     how long the halves are apart           (default 60000)
  --limit-ms N    for finding together, and finding out   (default 120000)
  --thread WHICH  none, mixed, all: those whose groups and gossip are on threads, mixed: every
                  second                                  (default none)
  --json          print the figures as JSON, a line each
  --help

Beside each outage is the load average of the machine (of one minute, at its start and at its end):
where more wants to run than there are processors, figures tell of the machine, and not of Troupe.
Progress goes to stderr, figures to stdout. Exit code: 0 when all is well, 1 when it is not, 2 when
the options are wrong.
`;

type Option =
  | 'processes'
  | 'hosts'
  | 'kill'
  | 'pause'
  | 'pause-ms'
  | 'block'
  | 'block-ms'
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
      block: number(3),
      'block-ms': number(2_000),
      'cut-ms': number(30_000),
      'part-ms': number(60_000),
      'limit-ms': number(120_000),
      thread: { type: 'string', default: 'none' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { json, help, thread: which, ...given } = values;
  const thread = threadings.find((one) => one === which);
  const entries = Object.entries(given).map(([name, value]) => [name, Number(value)] as const);
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!entries.every(([, value]) => Number.isSafeInteger(value) && value >= 0)) {
    process.stderr.write('each number is whole and at least 0\ntry: npm run outage -- --help\n');
    return 2;
  }
  if (thread === undefined) {
    const known = threadings.join(', ');
    process.stderr.write(
      `--thread knows ${known}, not '${which}'\ntry: npm run outage -- --help\n`,
    );
    return 2;
  }
  const outages: Outage[] = [];
  let [before] = loadavg();
  for await (const outage of run(Object.fromEntries(entries) as Numbers, thread)) {
    outages.push(outage);
    const [after] = loadavg();
    const seen = { ...outage, load: [before ?? 0, after ?? 0] };
    before = after;
    process.stdout.write(json ? `${JSON.stringify(seen)}\n` : textOf(seen));
  }
  return outages.every(({ wrong }) => wrong.length === 0) ? 0 : 1;
}

async function* run(numbers: Numbers, thread: Threading): AsyncGenerator<Outage> {
  const { processes, hosts: count, 'limit-ms': limitMs } = numbers;
  if (processes > 0) {
    await using crew = new Crew({ thread });
    progress(`${processes} processes start`);
    await crew.gather(processes, limitMs);
    progress('some are killed');
    yield await killed(crew, numbers.kill, { limitMs });
    progress('some stand still');
    yield await paused(crew, numbers.pause, { forMs: numbers['pause-ms'], limitMs });
    progress('main loops are blocked');
    yield await blocked(crew, numbers.block, { forMs: numbers['block-ms'], limitMs });
    progress('one is restarted');
    yield await restarted(crew, { limitMs });
  }
  if (count === 0) return;
  const whyNot = Hosts.whyNot();
  if (whyNot !== undefined) return progress(`NO HOSTS OF THEIR OWN: ${whyNot}`);
  using hosts = Hosts.create(Array.from({ length: count }, (_, i) => `n${i}`));
  await using crew = new Crew({ hosts, thread });
  progress(`${count} hosts start`);
  await crew.gather(count, limitMs);
  progress('a link is cut one way');
  yield await cutOneWay(crew, hosts, { forMs: numbers['cut-ms'], limitMs });
  progress('the hosts are parted');
  yield await partitioned(crew, hosts, { forMs: numbers['part-ms'], limitMs });
}

/** With the load of the machine before and after it. */
interface Seen extends Outage {
  readonly load: readonly number[];
}

function textOf({ what, figures, wrong, load }: Seen): string {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`);
  const busy = `load ${load.map((one) => one.toFixed(1)).join(' to ')}`;
  const lines = [`${what} (${busy}): ${text.join(', ')}`, ...wrong.map((one) => `  WRONG: ${one}`)];
  return `${lines.join('\n')}\n`;
}

function progress(line: string): void {
  process.stderr.write(`outage: ${line}\n`);
}
