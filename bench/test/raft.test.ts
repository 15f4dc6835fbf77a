import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Children } from '../dist/children.js';
import type { Measured } from '../dist/programs/measure.js';
import { verified } from '../dist/rounds.js';

const programs = join(import.meta.dirname, '../dist/programs');

/** Has three nodes measured, each started by `node …`, as briefly as may be. */
async function measured(
  node: readonly string[],
  { bench, operations }: { readonly bench: string; readonly operations: number },
): Promise<Measured> {
  const scratch = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  const program = [join(programs, 'raft-cluster.js'), scratch, process.execPath, ...node];
  const args = [...program, bench, `${operations}`, '1', '1'];
  try {
    const command = { file: process.execPath, args };
    const printed = await new Children().run(command, { timeoutMs: 60_000 });
    return verified(JSON.parse(printed) as Measured, { operations });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const ours = test.macro({
  title: (_, bench: string, _operations: number, how: string = 'loop') =>
    `three nodes of ours come to the same: ${bench}, ${how}`,
  async exec(t, bench: string, operations: number, how?: 'thread') {
    const node = join(programs, 'raft-node.js');
    const { ns, replicas = [] } = await measured(how === undefined ? [node] : [node, how], {
      bench,
      operations,
    });

    t.true(ns > 0);
    t.is(replicas.length, 3);
    t.true((replicas[0]?.count ?? 0) >= operations);
  },
});

test(ours, 'log-bytes', 2_048);
test(ours, 'memory-1024', 2_048);
test(ours, 'reads-all', 128);
test(ours, 'durable-64', 640, 'thread');
test(ours, 'busy-5', 640, 'thread');
test(ours, 'stalled', 1, 'thread');
test(ours, 'failover', 2);
test(ours, 'restart', 2_048);

/** A node that leads if it is `a`, accepts whatever it is asked to, and is in the state `state`. */
const fake = (state: string): readonly string[] => [
  '-e',
  `const [name] = process.argv.slice(1);
   const answers = {
     leads: () => name === 'a',
     propose: () => ({ operations: 10, ns: 5, check: 45 }),
     state: () => (${state}),
   };
   console.log('ready true');
   const lines = require('node:readline').createInterface(process.stdin);
   lines.on('line', (line) => {
     const [id, word] = line.split(' ');
     console.log(id, JSON.stringify(answers[word]()));
   });
   lines.on('close', () => process.exit());`,
];

const wrong = test.macro({
  title: (_, what: string) => `${what} fails the run`,
  async exec(t, _: string, state: string, message: RegExp) {
    const run = measured(fake(state), { bench: 'durable-64', operations: 10 });

    await t.throwsAsync(run, { message });
  },
});

test(
  wrong,
  'a node that has applied in another order',
  `{ count: 20, sum: 90, hash: name === 'c' ? '8' : '7' }`,
  /replicas differ/,
);
test(
  wrong,
  'a command that was acknowledged and is nowhere',
  `{ count: 20, sum: 81, hash: '7' }`,
  /20 commands that sum up to 81, not 90/,
);
