import test from 'ava';
import type { AppendRecord, Configuration, Message, Status } from '@troupe/raft';
import { Raft } from '@troupe/raft';
import { Specification, Violation } from './raft/specification.ts';

/** The checker itself: what it must refuse, and what it must not. */

const voters = ['a', 'b'];
const first = { index: 1, term: 0 };
const nobody = { outgoing: [], learners: [], promotable: [], witnesses: [] };
const configuration: Configuration = { voters, ...nobody };
const noop: AppendRecord = {
  token: 2,
  hardState: { term: 1, votedFor: 'a', commit: 0 },
  snapshot: undefined,
  entries: [{ kind: 'noop', index: 2, term: 1 }],
  mustSync: true,
  messages: [],
};
const timeoutNow: Message = { type: 'timeout-now', from: 'a', to: 'b', term: 1, last: 2 };

/** `a` leads term 1 with the votes of both, and has written its first entry. */
function led(): { readonly specification: Specification; readonly leader: Status } {
  const specification = new Specification(voters);
  for (const id of voters) specification.started(id);
  const { status } = new Raft({ id: 'a', voters, seed: 1 });
  const vote = { ...noop, entries: [] };
  for (const id of voters) specification.saved(id, vote);
  const leader: Status = { ...status, term: 1, role: 'leader', last: first, configuration };
  specification.observe('a', leader);
  specification.wrote('a', noop, leader);
  return { specification, leader };
}

test('an heir must have had on its disk all that its leader has', (t) => {
  const { specification } = led();

  t.throws(() => specification.sent(timeoutNow), {
    instanceOf: Violation,
    message: 'b is to lead after a with 1 entries',
  });
});

test('seed 61799: what a leader makes after it has told its heir to stand is not for that one', (t) => {
  const { specification, leader } = led();
  specification.wrote('b', noop, { ...leader, id: 'b', role: 'follower' });
  specification.saved('b', noop);
  specification.observe('a', leader);
  const second: AppendRecord = { ...noop, entries: [{ kind: 'noop', index: 3, term: 1 }] };
  const last = { index: 3, term: 1 };

  specification.wrote('a', second, { ...leader, last });

  t.notThrows(() => specification.sent(timeoutNow));
  specification.observe('a', { ...leader, last });
  t.throws(() => specification.sent(timeoutNow), { instanceOf: Violation });
});

test('seed 44071: a leader may go by what its heir had on its disk before that was lost', (t) => {
  const { specification, leader } = led();
  specification.wrote('b', noop, { ...leader, id: 'b', role: 'follower' });
  specification.saved('b', noop);

  specification.wiped('b');

  t.notThrows(() => specification.sent(timeoutNow));
});

type Led = ReturnType<typeof led>;

const entry = (index: number, term: number, text = 'x') =>
  ({ kind: 'command', index, term, data: new TextEncoder().encode(text) }) as const;
const ofB = { from: 'b', to: 'a', term: 1 } as const;
const ofA = { from: 'a', to: 'b', term: 1 } as const;
const hardState = (term: number, votedFor: string): AppendRecord => {
  return { ...noop, entries: [], hardState: { term, votedFor, commit: 0 } };
};

/** Both have the first entry of term 1 on disk, and `a` has committed it. */
function settled({ specification, leader }: Led): Status {
  const last = { index: 2, term: 1 };
  const follower: Status = { ...leader, id: 'b', role: 'follower', commit: 0, last };
  specification.wrote('b', noop, follower);
  for (const id of voters) specification.saved(id, noop);
  specification.observe('a', { ...leader, commit: 2 });
  return follower;
}

const wrong: readonly [what: string, run: (run: Led) => void, refusal: RegExp][] = [
  [
    'a node votes twice in a term',
    ({ specification }) => specification.saved('b', hardState(1, 'b')),
    /b votes twice in term 1/,
  ],
  [
    'a vote leaves before it is on disk',
    ({ specification }) =>
      specification.sent({ ...ofB, type: 'vote-reply', term: 2, granted: true }),
    /b says a vote in term 2 that is not on its disk/,
  ],
  [
    'a second one leads the term',
    ({ specification, leader }) => specification.observe('b', { ...leader, id: 'b' }),
    /b and a are both elected in term 1/,
  ],
  [
    'one is elected by its own vote of two',
    ({ specification, leader }) => {
      specification.saved('b', hardState(2, 'b'));
      specification.observe('b', { ...leader, id: 'b', term: 2 });
    },
    /b is elected in term 2 without the votes of a quorum/,
  ],
  [
    'one is elected who lacks what is committed',
    (run) => {
      const { specification, leader } = run;
      settled(run);
      specification.damaged('b', 1);
      specification.started('b');
      for (const id of voters) specification.saved(id, hardState(2, 'b'));
      specification.observe('b', { ...leader, id: 'b', term: 2 });
    },
    /b is elected without 2, which is committed/,
  ],
  [
    'a leader commits what only its own disk has',
    ({ specification, leader }) => {
      specification.saved('a', noop);
      specification.observe('a', { ...leader, commit: 2 });
    },
    /a commits 2\/t1, and no quorum has it on disk/,
  ],
  [
    'a follower commits what nobody has',
    ({ specification, leader }) =>
      specification.settle('b', { ...leader, id: 'b', role: 'follower', commit: 2 }),
    /b commits 2, which nobody did/,
  ],
  [
    'a commit is taken back',
    (run) => {
      const follower = settled(run);
      run.specification.settle('b', { ...follower, commit: 2 });
      run.specification.settle('b', { ...follower, commit: 1 });
    },
    /b takes back the commit of 2/,
  ],
  [
    'a term goes back',
    ({ specification, leader }) => specification.observe('a', { ...leader, term: 0 }),
    /a goes back to term 0/,
  ],
  [
    'an entry is acknowledged before it is on disk',
    ({ specification }) => specification.sent({ ...ofB, type: 'append-reply', match: 2 }),
    /b acknowledges 2 before its disk/,
  ],
  [
    'one who does not lead speaks as a leader',
    ({ specification }) =>
      specification.sent({ ...ofB, type: 'heartbeat', round: 1, commit: 0, quiet: false }),
    /b speaks as the leader of term 1/,
  ],
  [
    'a leader says that more is committed than is',
    ({ specification }) =>
      specification.sent({ ...ofA, type: 'heartbeat', round: 1, commit: 9, quiet: false }),
    /a says that 9 is committed/,
  ],
  [
    'two entries stand at one index of one term',
    ({ specification, leader }) => {
      const record = { ...noop, entries: [entry(2, 1)] };
      specification.wrote('b', record, { ...leader, id: 'b', role: 'follower' });
    },
    /b has another 2\/1/,
  ],
  [
    'one who does not lead makes an entry of the term',
    (run) => {
      const follower = settled(run);
      run.specification.wrote('b', { ...noop, entries: [entry(3, 1)] }, follower);
    },
    /b makes 3\/1, and a leads term 1/,
  ],
  [
    'an entry changes what it says',
    ({ specification, leader }) => {
      specification.wrote('a', { ...noop, entries: [entry(3, 1, 'x')] }, leader);
      specification.wrote('a', { ...noop, entries: [entry(3, 1, 'y')] }, leader);
    },
    /a has another 3\/1/,
  ],
  [
    'an entry leaves a gap before it',
    ({ specification, leader }) => {
      specification.wrote('a', { ...noop, entries: [entry(3, 1)] }, leader);
      specification.wrote('b', { ...noop, entries: [entry(3, 1)] }, { ...leader, id: 'b' });
    },
    /b leaves a gap before 3/,
  ],
  [
    'what is committed is overwritten',
    (run) => {
      const follower = settled(run);
      run.specification.settle('b', { ...follower, commit: 2 });
      run.specification.wrote('b', { ...noop, entries: [entry(2, 3)] }, follower);
    },
    /b writes 2\/t3, and t1 is committed/,
  ],
  [
    'a leader takes to be on a disk what is not there',
    ({ specification, leader }) => {
      const member = { id: 'b', state: 'replicate', match: 2, next: 3 } as const;
      const idle = { inflightMessages: 0, inflightBytes: 0, silentTicks: 0 };
      const members = [{ ...member, ...idle }];
      specification.settle('a', { ...leader, members });
    },
    /a takes 2\/t1 to be on the disk of b/,
  ],
];

for (const [what, run, refusal] of wrong) {
  test(`a trace is refused in which ${what}`, (t) => {
    const error = t.throws(() => run(led()), { instanceOf: Violation });

    t.regex(error.message, refusal);
  });
}
