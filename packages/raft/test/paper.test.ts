import test from 'ava';
import type { MessageType, Role } from '@troupe/raft';
import { Group, led, sent } from './group.ts';

/**
 * One test for each thing that the paper says (Ongaro & Ousterhout, "In Search of an
 * Understandable Consensus Algorithm", extended version) and, behind it, that the thesis adds.
 */

const at = { from: 'b', to: 'a' } as const;
const first = { index: 1, term: 0 } as const;

test('§5.1 whoever sees a later term takes it and follows', (t) => {
  const group = led('abc');

  group.deliver({ ...at, type: 'append', term: 7, prev: first, entries: [], commit: 0 });

  t.like(group.raft('a').status, { term: 7, role: 'follower', leader: 'b' });
});

test('§5.1 a request of an earlier term is refused, and its sender learns of the later one', (t) => {
  const group = led('abc');

  group.deliver({ ...at, type: 'append', term: 0, prev: first, entries: [], commit: 1 });

  t.like(group.raft('a').status, { term: 1, role: 'leader' });
  t.deepEqual(group.mail, [{ type: 'stale-term', from: 'a', to: 'b', term: 1 }]);
});

test('§5.2 a node starts as a follower', (t) => {
  const { status } = new Group('abc').raft('a');

  t.like(status, { role: 'follower', term: 0, leader: undefined, votedFor: undefined });
});

test('§5.2 a leader sends heartbeats to all followers', (t) => {
  const group = led('abc');

  group.tick('a');

  t.deepEqual(
    sent(group, 'heartbeat').map(({ to }) => to),
    ['b', 'c'],
  );
});

test('§5.2 a follower that hears nothing for its timeout raises the term and asks for votes', (t) => {
  const group = new Group('abc');

  group.tick('a', 20);

  t.like(group.raft('a').status, { role: 'candidate', votedFor: 'a' });
  t.deepEqual(
    sent(group, 'vote').map(({ to, term }) => [to, term]),
    [
      ['b', 1],
      ['c', 1],
    ],
  );
});

test('§5.2 a candidate that wins nothing starts a new election in the next term', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());

  group.tick('a', 20);

  t.true(group.raft('a').status.term > 1);
});

const elections: readonly [size: number, grants: number, role: Role][] = [
  [1, 0, 'leader'],
  [3, 2, 'leader'],
  [3, 1, 'leader'],
  [3, 0, 'candidate'],
  [5, 4, 'leader'],
  [5, 2, 'leader'],
  [5, 1, 'candidate'],
  [4, 2, 'leader'],
  [4, 1, 'candidate'],
];

for (const [size, grants, role] of elections) {
  test(`§5.2 of ${size} voters, ${grants} votes beside its own make a candidate a ${role}`, (t) => {
    const names = 'abcde'.slice(0, size);
    const group = new Group(names);
    group.do('a', (raft) => raft.campaign());

    for (const from of names.slice(1, 1 + grants)) {
      group.deliver({ type: 'vote-reply', from, to: 'a', term: 1, granted: true });
    }

    t.is(group.raft('a').status.role, role);
  });
}

test('§5.2 a voter votes once in a term, for the first that asks', (t) => {
  const group = new Group('abc');
  const ask = { type: 'vote', to: 'a', term: 1, last: first, transfer: false } as const;

  for (const from of ['b', 'c', 'b']) group.deliver({ ...ask, from });

  t.deepEqual(
    sent(group, 'vote-reply').map(({ to, granted }) => [to, granted]),
    [
      ['b', true],
      ['c', false],
      ['b', true],
    ],
  );
});

test('§5.2 a candidate that hears the leader of its own term follows it', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());

  group.deliver({ ...at, type: 'append', term: 1, prev: first, entries: [], commit: 0 });

  t.like(group.raft('a').status, { role: 'follower', leader: 'b', term: 1, votedFor: 'a' });
});

test('§5.2 election timeouts are spread over one to two times the least', (t) => {
  const group = new Group('a');
  const seen = new Set<number>();

  for (let count = 0; count < 500; count += 1) {
    const { timeoutTicks } = group.raft('a').dump();
    seen.add(timeoutTicks);
    group.do('a', (raft) =>
      raft.step({
        type: 'append',
        from: 'b',
        to: 'a',
        term: count,
        prev: first,
        entries: [],
        commit: 0,
      }),
    );
  }

  t.deepEqual(
    [...seen].sort((a, b) => a - b),
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  );
});

test('§5.2 nodes with other seeds seldom lose patience at once', (t) => {
  const group = new Group('abcde');

  const timeouts = new Set(Array.from('abcde', (id) => group.raft(id).dump().timeoutTicks));

  t.true(timeouts.size >= 3);
});

test('§5.3 a leader appends a command and sends it to all in parallel', (t) => {
  const group = led('abc');

  group.propose('a', 'x');

  t.deepEqual(
    sent(group, 'append').map(({ to, prev, entries }) => [to, prev.index, entries.length]),
    [
      ['b', 2, 1],
      ['c', 2, 1],
    ],
  );
});

test('§5.3 an entry is committed, and applied, when a majority has it', (t) => {
  const group = led('abc');
  group.isolate('c');

  group.propose('a', 'x');
  group.settle();

  t.deepEqual(group.at('a').commands, ['x']);
  t.deepEqual(group.at('b').commands, ['x']);
  t.deepEqual(group.at('c').commands, []);
});

test('§5.3 committing an entry commits those before it, of earlier leaders too', (t) => {
  const group = new Group('abc');
  group.at('a').writeLog([0, 1, 1], 1);
  group.elect('a');

  t.deepEqual(group.at('a').commands, ['2', '3']);
});

test('§5.3 a follower learns of the commit and applies in the order of the log', (t) => {
  const group = led('abc');

  group.propose('a', 'x', 'y');
  group.propose('a', 'z');
  group.settle();

  t.deepEqual(group.at('b').commands, ['x', 'y', 'z']);
});

const checks: readonly [prev: { index: number; term: number }, answer: MessageType][] = [
  [{ index: 3, term: 2 }, 'append-reply'],
  [{ index: 2, term: 1 }, 'append-reply'],
  [{ index: 0, term: 0 }, 'append-reply'],
  [{ index: 3, term: 1 }, 'append-rejected'],
  [{ index: 4, term: 2 }, 'append-rejected'],
];

for (const [prev, answer] of checks) {
  test(`§5.3 entries after ${prev.index} of term ${prev.term} get ${answer} from 0, 1, 2`, (t) => {
    const group = new Group('ab');
    group.at('a').writeLog([0, 1, 2], 2);

    group.deliver({ ...at, type: 'append', term: 3, prev, entries: [], commit: 0 });

    t.deepEqual(
      group.mail.map(({ type }) => type),
      [answer],
    );
  });
}

const merges: readonly [
  prev: { index: number; term: number },
  terms: number[],
  result: number[],
][] = [
  [{ index: 3, term: 2 }, [3], [0, 1, 2, 3]],
  [{ index: 2, term: 1 }, [3, 4], [0, 1, 3, 4]],
  [{ index: 1, term: 0 }, [1], [0, 1, 2]],
  [{ index: 1, term: 0 }, [3], [0, 3]],
];

for (const [prev, terms, result] of merges) {
  test(`§5.3 terms ${terms.join()} after ${prev.index} make ${result.join()} of 0, 1, 2`, (t) => {
    const group = new Group('ab');
    group.at('a').writeLog([0, 1, 2], 2);
    const entries = terms.map((term, offset) => {
      return { kind: 'noop', index: prev.index + 1 + offset, term } as const;
    });

    group.deliver({ ...at, type: 'append', term: 4, prev, entries, commit: 0 });

    t.deepEqual(group.at('a').terms, result);
  });
}

test('§5.4.1 a voter refuses a candidate whose log is less up to date than its own', (t) => {
  const group = new Group('abcdef');
  group.at('a').writeLog([0, 1, 2], 2);
  const candidates: readonly [from: string, index: number, term: number][] = [
    ['b', 9, 1],
    ['c', 2, 2],
    ['d', 3, 2],
  ];

  for (const [from, index, term] of candidates) {
    const last = { index, term };
    group.deliver({ type: 'vote', from, to: 'a', term: 3, last, transfer: false });
  }

  t.deepEqual(
    sent(group, 'vote-reply').map(({ granted }) => granted),
    [false, false, true],
  );
});

test('§5.4.2 only an entry of its own term lets a leader commit (Figure 8)', (t) => {
  const group = new Group('abc');
  group.at('a').writeLog([0, 1, 2], 2);
  group.do('a', (raft) => raft.campaign());
  group.deliver({ ...at, type: 'vote-reply', term: 3, granted: true });

  group.deliver({ ...at, type: 'append-reply', term: 3, match: 3 });
  const before = group.raft('a').status.commit;
  group.deliver({ ...at, type: 'append-reply', term: 3, match: 4 });

  t.is(before, 0);
  t.is(group.raft('a').status.commit, 4);
});

test('§5.5 what a follower missed is sent again until it has it', (t) => {
  const group = led('ab');
  group.propose('a', 'x');
  group.mail = [];

  group.tick('a');
  group.settle();

  t.deepEqual(group.at('b').commands, ['x']);
});

test('§6 a configuration is in force as soon as it is in the log', (t) => {
  const group = led('abc');
  group.add('d');

  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));

  t.deepEqual(group.raft('a').configuration.voters, ['a', 'b', 'c', 'd']);
  t.is(group.raft('a').status.commit, 2);
});

test('§6 while a change is joint, a majority of either half alone commits nothing', (t) => {
  const group = led('abc');
  for (const id of 'de') group.add(id);
  group.do('a', (raft) =>
    raft.changeMembers([
      { add: 'd', as: 'voter' },
      { add: 'e', as: 'voter' },
      { remove: 'b' },
      { remove: 'c' },
    ]),
  );

  group.isolate('d');
  group.isolate('e');
  group.settle();

  t.is(group.raft('a').status.commit, 2);
  t.deepEqual(group.raft('a').configuration.outgoing, ['a', 'b', 'c']);
});

test('§6 learners get the log and count for nothing', (t) => {
  const group = led('a');
  group.add('b');
  group.do('a', (raft) => raft.changeMembers([{ add: 'b', as: 'learner' }]));
  group.isolate('b');

  group.propose('a', 'x');

  t.deepEqual(group.at('a').commands, ['x']);
  group.heal();
  group.tick('a');
  group.settle();
  t.deepEqual(group.at('b').commands, ['x']);
});

test('§6 a vote is not given while a leader is heard', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.tick('c', 20);
  group.heal();

  group.do('c', (raft) => raft.campaign());
  group.settle();

  t.like(group.raft('a').status, { role: 'leader', term: 1 });
  t.like(group.raft('b').status, { leader: 'a', term: 1 });
});

test('§7 a snapshot replaces the log up to its index, and the log goes on behind it', (t) => {
  const group = led('a');
  group.propose('a', 'x', 'y');

  group.snapshot('a');
  group.propose('a', 'z');

  t.like(group.raft('a').status, { base: { index: 4, term: 1 }, last: { index: 5, term: 1 } });
});

test('§7 a follower that has the last entry of a snapshot keeps what follows it', (t) => {
  const group = new Group('ab');
  group.at('a').writeLog([0, 1, 1, 1], 1);
  const { configuration } = group.raft('a');
  const snapshot = { id: 's', index: 3, term: 1, bytes: 9, configuration };

  group.deliver({ ...at, type: 'snapshot-offer', term: 2, snapshot });

  t.deepEqual(group.at('a').terms, [0, 1, 1, 1]);
  t.like(sent(group, 'append-reply')[0], { type: 'append-reply', match: 3 });
});

test('§8 a leader begins its term with an entry of its own', (t) => {
  const group = led('abc');

  t.deepEqual(group.at('a').terms, [0, 1]);
  t.is(group.raft('a').status.commit, 2);
});

test('§8 a leader confirms by a round of heartbeats that it still is one before it reads', (t) => {
  const group = led('abc');

  group.do('a', (raft) => raft.read(1));
  const before = [...group.at('a').reads];
  group.settle();

  t.deepEqual(before, []);
  t.deepEqual(group.at('a').reads, [{ context: 1, outcome: 'at', index: 2 }]);
});

test('thesis §3.10 the heir of a leadership stands at once, and wins although a leader is heard', (t) => {
  const group = led('abc', { preVote: true });

  group.do('a', (raft) => raft.transfer('b'));
  group.settle();

  t.like(group.raft('b').status, { role: 'leader', term: 2 });
});

test('thesis §3.10 a leader takes no commands while it hands over, and does again if that fails', (t) => {
  const group = led('abc');
  group.isolate('b');
  group.do('a', (raft) => raft.transfer('b'));

  const during = group.do('a', (raft) => raft.propose([new Uint8Array()]));
  for (let count = 0; count < 10; count += 1) {
    group.tick('a');
    group.settle();
  }
  const after = group.do('a', (raft) => raft.propose([new Uint8Array()]));

  t.like(during, { accepted: false, reason: 'transferring' });
  t.true(after.accepted);
});

test('thesis §4.1 no change begins before the last one is committed', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));

  const second = group.do('a', (raft) => raft.changeMembers([{ add: 'e', as: 'voter' }]));

  t.like(second, { accepted: false, reason: 'change-pending' });
});

test('thesis §4.2.1 a learner that keeps up becomes a voter by itself', (t) => {
  const group = led('a');
  group.add('b');
  group.do('a', (raft) => raft.changeMembers([{ add: 'b', as: 'promotable' }]));

  for (let count = 0; count < 3; count += 1) {
    group.settle();
    group.tick('a');
  }
  group.settle();

  t.deepEqual(group.raft('b').configuration.voters, ['a', 'b']);
});

test('thesis §6.2 a leader that a quorum does not answer resigns within an election timeout', (t) => {
  const group = led('abc');
  group.isolate('a');

  group.tick('a', 10);

  t.is(group.raft('a').status.role, 'follower');
});

test('thesis §9.6 a pre-vote changes no term, no vote and no patience', (t) => {
  const group = new Group('abc', { preVote: true });
  const before = group.raft('b').dump();

  group.deliver({ type: 'pre-vote', from: 'a', to: 'b', term: 1, last: first });

  const { out: _, ...after } = group.raft('b').dump();
  t.like(before, after);
  t.like(group.mail[0], { type: 'pre-vote-reply', granted: true, term: 1 });
});

test('thesis §10.2.1 a leader sends entries before its own disk has them', (t) => {
  const group = led('abc');
  group.isSlow = true;

  group.propose('a', 'x');

  t.is(sent(group, 'append').length, 2);
  group.settle();
  for (const id of 'bc') group.saved(id);
  group.settle();
  t.like(group.raft('a').status, { commit: 3, durable: 2, applied: 2 });
});
