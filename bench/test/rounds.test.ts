import test from 'ava';
import { Children } from '../dist/children.js';
import type { Measured } from '../dist/programs/measure.js';
import { measureRounds, verified } from '../dist/rounds.js';
import { printing, running, sampleBench } from './programs.ts';

const good = { operations: 20, ns: 1_000, check: 90 };

test('subjects take turns within a round, and rounds follow each other', async (t) => {
  const order: string[] = [];

  const rows = await measureRounds(
    {
      benches: [sampleBench({ name: 'one' }), sampleBench({ name: 'two', subjects: ['peer'] })],
      commands: new Map([
        ['troupe', printing(good)],
        ['peer', printing(good)],
      ]),
      rounds: 2,
      ms: 1,
      warmUpMs: 1,
    },
    new Children(),
    (text) => order.push(text),
  );

  t.deepEqual(
    order,
    ['1 of 2', '2 of 2'].flatMap((round) =>
      ['one, troupe', 'one, peer', 'two, peer'].map((what) => `round ${round}: ${what}`),
    ),
  );
  t.deepEqual(
    rows.map((row) => [row.bench.name, row.subject, row.rounds, row.missing]),
    [
      ['one', 'troupe', [good, good], undefined],
      ['one', 'peer', [good, good], undefined],
      ['two', 'peer', [good, good], undefined],
    ],
  );
});

test('a program is told which benchmark to run, how much at a time and for how long', async (t) => {
  const code = `const [bench, operations, ms, warmUpMs] = process.argv.slice(1);
    const fits = bench === 'sample' && ms === '7' && warmUpMs === '9';
    console.log(JSON.stringify({ operations: Number(operations), ns: 5, check: fits ? 45 : 0 }))`;

  const [row] = await measureRounds(
    {
      benches: [sampleBench({ subjects: ['troupe'] })],
      commands: new Map([['troupe', running(code)]]),
      rounds: 1,
      ms: 7,
      warmUpMs: 9,
    },
    new Children(),
    () => undefined,
  );

  t.deepEqual(row?.rounds, [{ operations: 10, ns: 5, check: 45 }]);
});

test('what cannot run keeps its reason, and is no failure', async (t) => {
  const [row] = await measureRounds(
    {
      benches: [sampleBench({ subjects: ['peer'] })],
      commands: new Map([['peer', "'go' is not on the path"]]),
      rounds: 2,
      ms: 1,
      warmUpMs: 1,
    },
    new Children(),
    () => t.fail('it was tried'),
  );

  t.like(row, { missing: "'go' is not on the path", failed: false, rounds: [] });
});

const fails = test.macro({
  title: (_, what: string) => `${what} is a failure, and is not tried again`,
  async exec(t, _: string, code: string, why: RegExp) {
    let tries = 0;

    const [row] = await measureRounds(
      {
        benches: [sampleBench({ subjects: ['peer'] })],
        commands: new Map([['peer', running(code)]]),
        rounds: 3,
        ms: 1,
        warmUpMs: 1,
      },
      new Children(),
      () => (tries += 1),
    );

    t.true(row?.failed);
    t.regex(row?.missing ?? '', why);
    t.is(tries, 1);
  },
});

test(fails, 'a wrong sum', 'console.log(`{"operations":10,"ns":5,"check":44}`)', /44, not 45/);
test(
  fails,
  'a crash',
  'console.error("out of luck"); process.exit(3)',
  /ended with 3.*out of luck/,
);
test(fails, 'silence', '', /JSON/);

const refused = test.macro({
  title: (_, what: string) => `${what} is no result`,
  exec(t, _: string, measured: Measured) {
    t.throws(() => verified(measured, { operations: 10 }));
  },
});

test(refused, 'part of a batch', { operations: 15, ns: 5, check: 67.5 });
test(refused, 'no batch', { operations: 0, ns: 5, check: 0 });
test(refused, 'no time', { operations: 10, ns: 0, check: 45 });
test(refused, 'a number too many', { operations: 20, ns: 5, check: 91 });
test(refused, 'not a number', { operations: 10, ns: 5, check: Number.NaN });

const replica = { count: 10, sum: 45, hash: '7' };
test(refused, 'one order here and another there', {
  operations: 10,
  ns: 5,
  check: 45,
  replicas: [replica, replica, { ...replica, hash: '8' }],
});
test(refused, 'a replica that has less', {
  operations: 10,
  ns: 5,
  check: 45,
  replicas: [replica, { ...replica, count: 9 }, replica],
});

test('replicas that have come to the same are a result', (t) => {
  const measured = { operations: 10, ns: 5, check: 45, replicas: [replica, { ...replica }] };

  t.is(verified(measured, { operations: 10 }), measured);
});
