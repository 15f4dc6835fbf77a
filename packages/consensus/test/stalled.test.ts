import test from 'ava';
import type { GroupStatus, Members } from '@troupe/consensus';
import { Adder } from '@troupe/consensus/conformance';
import { whyStalled } from '../dist/stalled.js';
import { TestWorld } from './world.ts';

const voters = ['a', 'b', 'c'];

const members: Members = { voters, learners: [], witnesses: [], isChanging: false };

function status(known: Partial<GroupStatus>): GroupStatus {
  return {
    group: 'g',
    node: 'a',
    role: 'follower',
    leader: undefined,
    epoch: 1,
    first: 1,
    last: 1,
    durable: 1,
    committed: 1,
    applied: 1,
    members,
    reachable: ['a'],
    absent: [],
    isDamaged: false,
    awaitsState: false,
    isFull: false,
    isQuiet: false,
    waiting: 1,
    ...known,
  };
}

const seen = 'of its voters a, b, c, of whom 2 must agree';
const start = 'see to it that they run, are reached, and open it';
const words: readonly [what: string, known: Partial<GroupStatus>, message: string | undefined][] = [
  [
    'who says nothing',
    {},
    `nobody leads group g: a hears only a ${seen}; no answer from b, c: ${start}`,
  ],
  [
    'who has not opened it',
    { absent: ['b', 'c'] },
    `nobody leads group g: a hears only a ${seen}; not opened on b, c: open it there as well`,
  ],
  [
    'both, on the one that leads',
    { leader: 'a', absent: ['b'] },
    `a leads group g: a hears only a ${seen}; not opened on b: open it there as well; ` +
      `no answer from c: ${start}`,
  ],
  [
    'that it will be over soon, unless it was removed',
    { reachable: ['a', 'c'] },
    `nobody leads group g: a hears a, c ${seen}, which is enough: they are about to elect one, ` +
      'so try again; where that lasts, they have removed a: see members() on another',
  ],
  [
    'that the leader is gone',
    { leader: 'b', reachable: ['a', 'c'] },
    'b leads group g, and a does not hear it; others will elect another',
  ],
  [
    'that there is no room for what it would answer with',
    { leader: 'b', reachable: ['a', 'b'], isFull: true },
    'a takes no commands of group g: its disk has no room, free some, or ask another node',
  ],
  [
    'the same where nobody else could lead',
    { members: { ...members, voters: ['a'] }, isFull: true },
    'a takes no commands of group g: its disk has no room, free some, or ask another node',
  ],
  ['nothing while it should answer', { leader: 'b', reachable: ['a', 'b'] }, undefined],
];
for (const [what, known, message] of words) {
  test(`a group that does not answer says ${what}`, (t) => {
    t.is(whyStalled(status(known))?.message, message);
  });
}

test('a voter that runs and has not opened the group says so, until it has', async (t) => {
  const world = new TestWorld();
  const { consensus } = await world.start('a', voters);
  const other = world.engine('b');
  await world.settle(other.open({ group: 'other', machine: new Adder(), voters }));

  const error = await world.settle(
    t.throwsAsync(consensus.read({ timeoutMs: 3_000 }), { code: 'ERR_DEADLINE_EXCEEDED' }),
  );
  const before = consensus.status();
  await world.settle(other.open({ group: 'g', machine: new Adder(), voters }));
  await world.settle(consensus.read());
  const after = consensus.status();

  t.like(error?.cause, { code: 'ERR_GROUP_STALLED', reachable: ['a'], absent: ['b'] });
  t.regex(String(error?.cause), /not opened on b: open it there as well; no answer from c: see/);
  t.deepEqual([before.absent, after.absent], [['b'], []]);
  t.deepEqual(after.reachable, ['a', 'b']);
  for (const node of ['a', 'b']) await world.crash(node);
});
