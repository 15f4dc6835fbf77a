import test from 'ava';
import { Tally } from './tally.ts';

for (const [what, numbers, spoken, lost, disordered] of [
  ['every line in order', [1, 2, 3], 3, 0, 0],
  ['nothing at all', [], 3, 3, 0],
  ['no end', [1, 2], 4, 2, 0],
  ['no beginning', [3, 4], 4, 2, 0],
  ['a gap', [1, 2, 5], 5, 2, 0],
  ['a line late', [1, 3, 2, 4], 4, 0, 1],
  ['a line twice', [1, 2, 2, 3], 3, 0, 1],
  ['one late and one never', [1, 4, 2, 5], 5, 1, 1],
] as const) {
  test(`a listener who hears ${what} has lost ${lost}, ${disordered} out of order`, (t) => {
    const tally = new Tally();

    for (const number of numbers) tally.hear('ann', number);

    t.deepEqual(tally.sum({ ann: spoken }), { received: numbers.length, lost, disordered });
  });
}

test('senders are told apart', (t) => {
  const tally = new Tally();

  for (const [sender, number] of [
    ['ann', 1],
    ['bob', 1],
    ['ann', 2],
    ['bob', 2],
  ] as const) {
    tally.hear(sender, number);
  }

  t.deepEqual(tally.sum({ ann: 2, bob: 3, eve: 1 }), { received: 4, lost: 2, disordered: 0 });
});
