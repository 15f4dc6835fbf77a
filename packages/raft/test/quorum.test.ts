import test from 'ava';
import fc from 'fast-check';
import { isQuorum, quorumIndex } from '@troupe/raft';
import type { Configuration } from '@troupe/raft';

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const someIds = fc.subarray(ids);
const halves = fc.record({ voters: fc.subarray(ids, { minLength: 1 }), outgoing: someIds });

function configuration(half: { voters: string[]; outgoing: string[] }): Configuration {
  return { ...half, learners: [], promotable: [], witnesses: [] };
}

const majorities: readonly [voters: number, needed: number][] = [
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
  [6, 4],
  [7, 4],
];

for (const [voters, needed] of majorities) {
  test(`${needed} of ${voters} voters are a quorum, and one less is none`, (t) => {
    const of = configuration({ voters: ids.slice(0, voters), outgoing: [] });
    const has = (count: number) => (id: string) => ids.indexOf(id) < count;

    t.true(isQuorum(of, has(needed)));
    t.false(isQuorum(of, has(needed - 1)));
  });
}

test('nobody is no quorum of nobody', (t) => {
  t.false(isQuorum(configuration({ voters: [], outgoing: [] }), () => true));
  t.is(
    quorumIndex(configuration({ voters: [], outgoing: [] }), () => 9),
    0,
  );
});

test('any two quorums of one configuration have a member in common', (t) => {
  fc.assert(
    fc.property(halves, someIds, someIds, (half, one, other) => {
      const of = configuration(half);
      const both = [one, other].every((set) => isQuorum(of, (id) => set.includes(id)));
      return !both || one.some((id) => other.includes(id));
    }),
  );
  t.pass();
});

test('a quorum of a joint configuration has a member in common with one of either half', (t) => {
  fc.assert(
    fc.property(halves, someIds, someIds, (half, one, other) => {
      if (!isQuorum(configuration(half), (id) => one.includes(id))) return true;
      return [half.voters, half.outgoing].every((voters) => {
        const alone = configuration({ voters, outgoing: [] });
        if (!isQuorum(alone, (id) => other.includes(id))) return true;
        return one.some((id) => other.includes(id));
      });
    }),
  );
  t.pass();
});

test('the quorum index is the largest that a quorum has reached', (t) => {
  const matches = fc.array(fc.nat(9), { minLength: ids.length, maxLength: ids.length });
  fc.assert(
    fc.property(halves, matches, (half, match) => {
      const of = configuration(half);
      const matchOf = (id: string): number => match[ids.indexOf(id)] ?? 0;
      const index = quorumIndex(of, matchOf);
      const reached = (at: number): boolean => isQuorum(of, (id) => matchOf(id) >= at);
      return reached(index) && !reached(index + 1);
    }),
  );
  t.pass();
});
