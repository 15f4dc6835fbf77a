import test from 'ava';
import fc from 'fast-check';
import { type Change, type Configuration, isQuorum, type MemberKind, Raft } from '@troupe/raft';
import { showConfiguration } from '@troupe/raft/testing';
import { type Group, led } from './group.ts';

const before = '{a b c | l}';

/** A group of `a`, `b`, `c` and the learner `l`, led by `a`. */
function group(): Group {
  const made = led('abc');
  made.add('l');
  made.do('a', (raft) => raft.changeMembers([{ add: 'l', as: 'learner' }]));
  made.settle();
  return made;
}

const changes: readonly [title: string, changes: readonly Change[], result: string][] = [
  ['a voter is added', [{ add: 'd', as: 'voter' }], '{a b c d | l}'],
  ['a voter is removed', [{ remove: 'c' }], '{a b | l}'],
  ['a learner is made a voter', [{ add: 'l', as: 'voter' }], '{a b c l}'],
  ['a learner is to become a voter', [{ add: 'l', as: 'promotable' }], '{a b c | l+}'],
  ['a witness is added', [{ add: 'w', as: 'witness' }], '{a b c w* | l}'],
  ['a voter is made a learner', [{ add: 'c', as: 'learner' }], '{a b | c l}'],
  [
    'two voters are added: jointly',
    [
      { add: 'd', as: 'voter' },
      { add: 'e', as: 'voter' },
    ],
    '{a b c d e && a b c | l}',
  ],
  [
    'a voter is replaced: jointly',
    [{ remove: 'c' }, { add: 'd', as: 'voter' }],
    '{a b d && a b c | l}',
  ],
];

for (const [title, list, result] of changes) {
  test(`${title}: ${before} becomes ${result}`, (t) => {
    const made = group();

    made.do('a', (raft) => raft.changeMembers(list));

    t.is(showConfiguration(made.raft('a').configuration), result);
  });
}

const nonsense: readonly [changes: readonly Change[], problem: RegExp][] = [
  [[], /nothing would change/],
  [[{ remove: 'z' }], /nothing would change/],
  [[{ add: 'a', as: 'voter' }], /nothing would change/],
  [[{ remove: 'a' }, { remove: 'b' }, { remove: 'c' }], /nobody would be left who could lead/],
  [
    [{ remove: 'a' }, { remove: 'b' }, { add: 'w', as: 'witness' }, { add: 'v', as: 'witness' }],
    /witnesses would be a majority/,
  ],
  [[{ add: 'a', as: 'witness' }], /'a' is a voter: remove it, and add a new node as witness/],
];

for (const [list, problem] of nonsense) {
  test(`a change that makes no sense is refused: ${JSON.stringify(list)}`, (t) => {
    const refused = group().do('a', (raft) => raft.changeMembers(list));

    t.like(refused, { accepted: false, reason: 'invalid' });
    t.regex(refused.accepted ? '' : (refused.problem ?? ''), problem);
  });
}

const kinds: readonly MemberKind[] = ['voter', 'learner', 'promotable', 'witness'];
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const someChange = fc.oneof(
  fc.record({ add: fc.constantFrom(...names), as: fc.constantFrom(...kinds) }),
  fc.record({ remove: fc.constantFrom(...names) }),
);

test('whatever the change, a majority of before and one of what is next always meet', (t) => {
  fc.assert(
    fc.property(fc.array(someChange, { maxLength: 5 }), fc.subarray(names), (list, set) => {
      const made = led('abc');
      const old = made.raft('a').configuration;
      made.do('a', (raft) => raft.changeMembers(list));
      const next = made.raft('a').configuration;
      const isMet = (of: Configuration): boolean => isQuorum(of, (id) => set.includes(id));
      // Two quorums that do not meet would be a set and the rest of all nodes.
      const rest = (of: Configuration): boolean => isQuorum(of, (id) => !set.includes(id));
      return !(isMet(old) && rest(next));
    }),
  );
  t.pass();
});

test('a new member finds all members in the log', (t) => {
  const made = group();

  t.is(showConfiguration(made.raft('l').configuration), before);
});

test('two voters of one name are refused', (t) => {
  t.throws(() => new Raft({ id: 'a', voters: ['a', 'a'], seed: 1 }), {
    instanceOf: RangeError,
    message: /voters are a, a/,
  });
});
