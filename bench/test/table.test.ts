import test from 'ava';
import type { Row } from '../dist/rounds.js';
import { medianOfEach, perSecond, timeEach, worstOfEach } from '../dist/suite.js';
import { resultsOf, tableOf } from '../dist/table.js';
import { sampleBench } from './programs.ts';

const calls = sampleBench({
  name: 'call',
  title: 'calls',
  metrics: [perSecond('calls')],
  required: [
    { than: 'peer', atLeast: 2 },
    { than: 'other', atLeast: 20 },
  ],
});
const latency = sampleBench({
  name: 'wait',
  title: 'a wait',
  metrics: [timeEach],
  required: [{ than: 'peer', atMost: 1 }, { atMost: 9 }],
});

/** A subject that did ten things in so many nanoseconds, each round. */
function row(bench: Row['bench'], subject: string, ns: readonly number[]): Row {
  const rounds = ns.map((each) => ({ operations: 10, ns: each, check: 45 }));
  return { bench, subject, rounds, missing: undefined, failed: false };
}

function missing(bench: Row['bench'], subject: string, why: string): Row {
  return { bench, subject, rounds: [], missing: why, failed: false };
}

const rows: readonly Row[] = [
  row(calls, 'troupe', [100, 125, 80]),
  row(calls, 'peer', [1_000, 1_000, 1_000]),
  row(calls, 'other', [1_000]),
  row(latency, 'troupe', [100]),
  row(latency, 'peer', [50]),
  missing(latency, 'other', "'go' is not on the path"),
];

test('the table shows median, spread, ratio, what is required and whether it is reached', (t) => {
  t.is(
    tableOf(rows, 'troupe'),
    `
|                    | median  | min … max         | troupe ÷ it | required | reached |
| ------------------ | ------- | ----------------- | ----------- | -------- | ------- |
| **calls, calls/s** |         |                   |             |          |         |
| troupe             | 100 M   | 80.0 M … 125 M    |             |          |         |
| peer               | 10.0 M  | 10.0 M … 10.0 M   | 10.0 ×      | ≥ 2 ×    | yes     |
| other              | 10.0 M  | 10.0 M … 10.0 M   | 10.0 ×      | ≥ 20 ×   | **no**  |
| **a wait**         |         |                   |             |          |         |
| troupe             | 10.0 ns | 10.0 ns … 10.0 ns |             | ≤ 9 ns   | **no**  |
| peer               | 5.00 ns | 5.00 ns … 5.00 ns | 2.00 ×      | ≤ 1 ×    | **no**  |
| other              | cannot run: 'go' is not on the path | |             |          |         |
`
      .trim()
      .replace('path | |', 'path |                   |'),
  );
});

test('what is required can be of one metric against another of the peer', (t) => {
  const bench = sampleBench({
    metrics: [medianOfEach, worstOfEach],
    required: [{ than: 'peer', metric: 'worst', against: medianOfEach, atMost: 1 }],
  });
  const one = { operations: 10, ns: 5, check: 45 };
  const row = (subject: string, medianNs: number, worstNs: number): Row => {
    const rounds = [{ ...one, medianNs, worstNs }];
    return { bench, subject, rounds, missing: undefined, failed: false };
  };

  const table = tableOf([row('troupe', 100, 300), row('peer', 200, 400)], 'troupe');

  t.regex(table, /\| peer, time +\| 200 ns \| 200 ns … 200 ns \| 0.50 × +\| +\| +\|/);
  t.regex(table, /\| peer, worst +\| .*\| 1.50 × +\| ≤ 1 × its time +\| \*\*no\*\*/);
});

test('without Troupe there is nothing to compare, and nothing reached', (t) => {
  const table = tableOf([row(latency, 'peer', [50])], 'troupe');

  t.regex(table, /\| peer +\| 5.00 ns \| 5.00 ns … 5.00 ns \| +\| ≤ 1 × +\| +\|/);
});

test('each row is a result of seven fields, or says what is missing', (t) => {
  t.deepEqual(resultsOf(rows.slice(3)), [
    {
      bench: 'wait',
      subject: 'troupe',
      metric: 'time',
      unit: 'ns',
      median: 10,
      min: 10,
      max: 10,
    },
    { bench: 'wait', subject: 'peer', metric: 'time', unit: 'ns', median: 5, min: 5, max: 5 },
    { bench: 'wait', subject: 'other', missing: "'go' is not on the path" },
  ]);
});
