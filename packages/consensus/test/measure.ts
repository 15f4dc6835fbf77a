// npm run measure -w @troupe/consensus: the log on a disk of yours; see --help.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { processEnv } from '@troupe/actor';
import type { Entry } from '@troupe/raft';
import { type DiskStore, nodeFiles, openStore } from '@troupe/consensus';
import { recordOf } from '@troupe/consensus/store-conformance';

const HELP = `npm run measure -w @troupe/consensus -- [options]

Appends to a log on a disk, for 1, 64 and 1,024 clients, and opens a long one again.

  --dir PATH    a folder on the disk to be measured       (default: packages/consensus)
  --seconds N   how long each number of clients appends   (default 3)
  --entries N   in the log that is opened again           (default 1000000)
  --help
`;

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: '.' },
    seconds: { type: 'string', default: '3' },
    entries: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
for (const name of ['seconds', 'entries'] as const) {
  if (Number(values[name]) > 0) continue;
  process.stderr.write(`--${name} takes a number above 0, not '${values[name]}'\n${HELP}`);
  process.exit(2);
}
const env = processEnv();
const COMMAND_BYTES = 64;
const data = new Uint8Array(COMMAND_BYTES).fill(7);

async function open(directory: string): Promise<DiskStore> {
  const files = await nodeFiles(directory);
  const opened = await openStore(files, { cluster: 'measure', node: 'a', env });
  if (opened.verdict === 'corrupt') throw new Error(opened.damage.reason);
  return opened.store;
}

function entriesFrom(index: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'command',
    index: index + i,
    term: 3,
    data,
  }));
}

function append(store: DiskStore, first: number, count: number): Promise<void> {
  const hardState = { term: 3, votedFor: 'a', commit: first - 1 };
  const record = recordOf({ entries: entriesFrom(first, count), hardState });
  return new Promise((resolve, reject) => {
    store.append([{ group: 'g', record }], (error) =>
      error === undefined ? resolve() : reject(error),
    );
  });
}

function percentile(sorted: readonly number[], part: number): string {
  return (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3);
}

/**
 * `clients` have one command under way each, as proposals of one turn have: all that are answered
 * together come back together, as one record.
 */
async function measureAppends(store: DiskStore, clients: number, seconds: number): Promise<void> {
  const until = env.now() + seconds * 1_000;
  const latencies: number[] = [];
  const before = store.size.writtenBytes;
  let count = 0;
  let next = 1;
  while (env.now() < until) {
    const began = env.now();
    await append(store, next, clients);
    latencies.push(env.now() - began);
    next += clients;
    count += clients;
  }
  latencies.sort((a, b) => a - b);
  const bytes = (store.size.writtenBytes - before) / count;
  print(`${clients} clients`, {
    'commands/s': Math.round(count / seconds).toLocaleString('en'),
    'p50 ms': percentile(latencies, 0.5),
    'p99 ms': percentile(latencies, 0.99),
    'bytes/command': bytes.toFixed(1),
    'of the command': (bytes / COMMAND_BYTES).toFixed(2),
  });
}

async function measureRestart(directory: string, entries: number): Promise<void> {
  const writing = await open(directory);
  for (let at = 1; at <= entries; at += 1_000) await append(writing, at, 1_000);
  await writing.close();
  const began = env.now();
  const store = await open(directory);
  const opened = env.now();
  const recovered = await store.recover('g');
  let count = 0;
  for (const entry of recovered?.entries ?? []) count += entry.kind === 'command' ? 1 : 0;
  print(`restart, ${count.toLocaleString('en')} entries`, {
    'open ms': (opened - began).toFixed(0),
    'entries ms': (env.now() - opened).toFixed(0),
  });
  await store.close();
}

function print(what: string, figures: Readonly<Record<string, string>>): void {
  const columns = Object.entries(figures).map(([name, figure]) => `${name} ${figure}`);
  process.stdout.write(`${what}: ${columns.join(', ')}\n`);
}

const directory = await mkdtemp(join(values.dir, 'measure-'));
try {
  for (const clients of [1, 64, 1_024]) {
    const place = join(directory, String(clients));
    const store = await open(place);
    await measureAppends(store, clients, Number(values.seconds));
    await store.close();
  }
  await measureRestart(join(directory, 'restart'), Number(values.entries));
} finally {
  await rm(directory, { recursive: true, force: true });
}
