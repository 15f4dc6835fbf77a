import test from 'ava';
import { VersionTable } from '../dist/version-table.js';

test('a table knows what was told of the same members, and of no others', (t) => {
  const table = new VersionTable();
  table.tell('a', 2, ['a', 'b', 'd']);

  t.true(table.knows('a', 2, ['a', 'b', 'd']));
  t.false(table.knows('a', 3, ['a', 'b', 'd']));
  t.false(table.knows('a', 2, ['a', 'b', 'c'])); // `d` was replaced, and counts no more.
  t.false(table.knows('a', 2, ['a', 'b']));
});

test('the version that is common goes back with a member, but for what is in the log', (t) => {
  const table = new VersionTable();
  const members = ['a', 'b'];
  for (const node of members) table.tell(node, 3, members);
  const all = table.common;
  table.tell('b', 1, members);
  const back = table.common;
  table.use(2);

  t.deepEqual([all, back, table.common], [3, 1, 2]);
});

test('of a node that is no member nothing is kept', (t) => {
  const table = new VersionTable();
  table.tell('x', 9, ['a']);

  t.deepEqual(table.save(), [1, [['a', 1]]]);
});
