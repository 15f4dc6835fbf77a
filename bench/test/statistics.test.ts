import test from 'ava';
import { amount, spreadOf } from '../dist/statistics.js';

const spreads = test.macro({
  title: (_, values: readonly number[], median: number) =>
    `the median of ${values.join()} is ${median}`,
  exec(t, values: readonly number[], median: number) {
    const given = [...values];

    const spread = spreadOf(values);

    t.deepEqual(spread, { median, min: Math.min(...values), max: Math.max(...values) });
    t.deepEqual(values, given);
  },
});

test(spreads, [3], 3);
test(spreads, [9, 1], 5);
test(spreads, [10, 9, 100], 10);
test(spreads, [4, 1, 2, 100], 3);
test(spreads, [5, 3, 1, 2, 4], 3);

test('there is no spread of no values', (t) => {
  t.throws(() => spreadOf([]), { instanceOf: RangeError });
});

const amounts = test.macro({
  title: (_, value: number, unit: string, text: string) => `${value} ${unit} is shown as ${text}`,
  exec(t, value: number, unit: string, text: string) {
    t.is(amount(value, unit), text);
  },
});

test(amounts, 14_234_000, 'messages/s', '14.2 M');
test(amounts, 999_400, 'calls/s', '999 k');
test(amounts, 1_234, 'calls/s', '1,234');
test(amounts, 345.4, 'B', '345 B');
test(amounts, 2_697, 'B', '2,697 B');
test(amounts, 479_000_000, 'B', '479 MB');
test(amounts, 2_846_000_000, 'B', '2.85 GB');
test(amounts, 9.996, 'ns', '10.0 ns');
test(amounts, 0.31, 'ns', '0.31 ns');
test(amounts, 1_234, 'ns', '1.23 µs');
test(amounts, 1_530_000_000, 'ns', '1.53 s');
