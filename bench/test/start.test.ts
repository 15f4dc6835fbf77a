import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { Result } from '../dist/table.js';

const start = join(import.meta.dirname, '../start.mjs');

/** `npm run bench -- …`, as npm starts it. */
function bench(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [start, ...args]);
}

/** Our own subjects, as briefly as may be: the line of the machine, and the rows. */
async function ours(suite: string, ...args: readonly string[]): Promise<[object, ...Result[]]> {
  const brief = ['--subjects', 'troupe,floor', '--rounds', '1', '--ms', '1', '--warm-up', '1'];
  const { stdout } = await bench(suite, ...args, ...brief, '--json');
  const lines = stdout.trim().split('\n');
  return lines.map((line): unknown => JSON.parse(line)) as [object, ...Result[]];
}

test('help names every suite, benchmark, subject and option', async (t) => {
  const { stdout } = await bench('--help');

  for (const word of [
    'select-4',
    'million',
    'erlang',
    '(failover)',
    'hashicorp',
    '--only',
    '--json',
  ]) {
    t.true(stdout.includes(word), word);
  }
});

test('a wrong argument ends with code 2 and the way to more help', async (t) => {
  const error = await t.throwsAsync(bench('locale'), { message: /npm run bench -- --help/ });

  t.like(error, { code: 2, stdout: '' });
});

test('what the local suite runs of our own gives the right results', async (t) => {
  const benches = ['tell', 'ask-sequential', 'ask-128', 'spawn', 'memory', 'channel-ping-pong'];
  const channels = ['channel-stream-awaited', 'channel-stream-sync', 'select-4'];

  const only = [...benches, ...channels].join();
  const [machine, ...rows] = await ours('local', '--only', only);

  t.deepEqual(Object.keys(machine), [
    'cpu',
    'cores',
    'memoryGib',
    'os',
    'versions',
    'commit',
    'dirty',
  ]);
  t.deepEqual(
    rows.map((row) => `${row.bench} ${row.subject}`),
    [...benches, ...channels].flatMap((name) => [`${name} troupe`, `${name} floor`]),
  );
  for (const row of rows) t.true(row.median > 0, JSON.stringify(row));
});

test('what the remote suite runs of our own gives the right results', async (t) => {
  const [, ...rows] = await ours('remote');

  const names = ['calls-256', 'calls-16', 'call-latency', 'tells', 'channel-items', 'echo-64k'];
  t.deepEqual(
    rows.map((row) => `${row.bench} ${row.subject}`),
    [...names.flatMap((name) => [`${name} troupe`, `${name} floor`]), 'workers troupe'],
  );
  for (const row of rows) t.true(row.median > 0, JSON.stringify(row));
});
