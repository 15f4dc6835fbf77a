import test from 'ava';
import { complaintsOf, type Figures, reportOf } from './report.ts';

const MEBIBYTE = 1024 * 1024;

const good: Figures = {
  seconds: 120,
  clients: 200,
  rooms: 10,
  said: 24_000,
  expected: 480_000,
  received: 480_000,
  lost: 0,
  disordered: 0,
  failed: 0,
  why: undefined,
  nodes: [
    { name: 'a', start: 10 * MEBIBYTE, middle: 12 * MEBIBYTE, end: 12 * MEBIBYTE },
    { name: 'b', start: 50 * MEBIBYTE, middle: 51 * MEBIBYTE, end: 55 * MEBIBYTE },
  ],
};

test('a run without a fault passes, with its figures', (t) => {
  t.deepEqual(complaintsOf(good), []);
  t.regex(reportOf(good), /200 clients in 10 rooms on 2 nodes, 120 s/);
  t.regex(reportOf(good), /received +480000\n/);
  t.regex(reportOf(good), /b +50\.0 MiB +51\.0 MiB +55\.0 MiB\n/);
  t.regex(reportOf(good), /\npassed: /);
});

const faults: readonly (readonly [Partial<Figures>, RegExp])[] = [
  [{ said: 0 }, /nothing was said/],
  [{ lost: 1 }, /1 lines were lost/],
  [{ disordered: 2 }, /2 lines came out of order/],
  [{ failed: 3, why: 'too slow' }, /3 lines failed, the first: too slow/],
  [
    { nodes: [{ name: 'a', start: 10 * MEBIBYTE, middle: 0, end: 12 * MEBIBYTE + 1 }] },
    /the heap of node a grew from 10\.0 MiB to 12\.0 MiB/,
  ],
  [
    { nodes: [{ name: 'b', start: 50 * MEBIBYTE, middle: 0, end: 56 * MEBIBYTE }] },
    /the heap of node b grew from 50\.0 MiB to 56\.0 MiB/,
  ],
];

for (const [fault, complaint] of faults) {
  test(`a run fails over ${Object.keys(fault)[0]}: ${complaint.source}`, (t) => {
    const figures = { ...good, ...fault };

    const [first = '', ...others] = complaintsOf(figures);

    t.regex(first, complaint);
    t.deepEqual(others, []);
    t.true(reportOf(figures).includes(`FAILED: ${first}`));
    t.notRegex(reportOf(figures), /passed/);
  });
}
