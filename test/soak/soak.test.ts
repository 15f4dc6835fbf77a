import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Child, isRunning } from '../examples/child.ts';
import type { Figures } from './report.ts';

const main = fileURLToPath(new URL('./main.js', import.meta.url));

function soak(...args: readonly string[]): Child {
  return new Child(main, args);
}

/** The process ids of the nodes, which the command tells as it starts them. */
async function pidsOf(run: Child): Promise<number[]> {
  await run.prints(/enter \d+ rooms/);
  return [...run.output.matchAll(/is process (\d+)/g)].map(([, pid]) => Number(pid));
}

test.serial('a small crowd loses no line and finds none out of order', async (t) => {
  await using run = soak('--minutes', '0.05', '--clients', '12', '--rooms', '2', '--json');

  const [json] = await run.prints(/^\{\n[^]*^\}\n/m);
  const figures = JSON.parse(json) as Figures;

  t.is(await run.ends(), 0, run.output);
  t.like(figures, { clients: 12, rooms: 2, lost: 0, disordered: 0, failed: 0 });
  t.true(figures.said > 12);
  t.is(figures.received, figures.expected);
  t.is(figures.expected, figures.said * 6);
  t.is(figures.nodes.length, 3);
  for (const { start, middle, end } of figures.nodes) t.true(Math.min(start, middle, end) > 1e6);
});

test.serial('Ctrl-C ends every process, and says so', async (t) => {
  await using run = soak('--minutes', '10', '--clients', '6');
  const pids = await pidsOf(run);
  t.is(pids.length, 3);

  // As a terminal does, to each process of the command.
  for (const pid of pids) process.kill(pid, 'SIGINT');
  run.process.kill('SIGINT');

  t.is(await run.ends(), 130);
  t.regex(run.output, /soak: interrupted/);
  for (const pid of pids) t.false(isRunning(pid));
});

test.serial('a process that dies fails the run, and the others end', async (t) => {
  await using run = soak('--minutes', '10', '--clients', '6');
  const pids = await pidsOf(run);

  process.kill(pids[1] ?? 0, 'SIGKILL');

  t.is(await run.ends(), 1);
  t.regex(run.output, /soak: the process of node soak-2 has ended/);
  for (const pid of pids) t.false(isRunning(pid));
});

test('its help says what it does and what the exit code means', async (t) => {
  await using run = soak('--help');

  t.is(await run.ends(), 0);
  t.regex(run.output, /--minutes N .*default 2/);
  t.regex(run.output, /Exit code/);
});

for (const [args, complaint] of [
  [['--minutes', '0'], /--minutes must be above 0 and at most 1440, not '0'/],
  [['--clients', 'many'], /--clients must be above 0 and at most 5000, not 'many'/],
  [['--nodes', '1.5'], /--nodes must be a whole number, not '1.5'/],
  [['--clients', '3', '--rooms', '4'], /--rooms must be above 0 and at most 3/],
  [['--fast'], /Unknown option '--fast'/],
] as const) {
  test(`it refuses ${args.join(' ')}, and points to its help`, async (t) => {
    await using run = soak(...args);

    t.is(await run.ends(), 2);
    t.regex(run.output, complaint);
    t.regex(run.output, /npm run soak -- --help/);
  });
}
