import test from 'ava';
import fc from 'fast-check';
import { BadMessage, BrokenInvariant, type Message, Raft, type RaftOptions } from '@troupe/raft';
import { bytes, Group, led, sent } from './group.ts';

const first = { index: 1, term: 0 } as const;

test('a copy of the state goes on exactly as its original does', (t) => {
  const group = led('abc');
  group.propose('a', 'x');
  const copy = Raft.from(group.raft('a').dump());
  const inputs: readonly ((raft: Raft) => void)[] = [
    (raft) => raft.step({ type: 'append-reply', from: 'b', to: 'a', term: 1, match: 3 }),
    (raft) => void raft.read(1),
    (raft) => raft.tick(3),
    (raft) => void raft.propose([bytes('y')]),
    (raft) => raft.tick(30),
    (raft) => raft.tick(30),
  ];

  for (const input of inputs) {
    const [ours, theirs] = [group.raft('a'), copy].map((raft) => {
      input(raft);
      return raft.ready();
    });
    t.deepEqual(theirs, ours);
  }

  t.deepEqual(copy.dump(), group.raft('a').dump());
});

test('a dump is a copy: what happens later is not in it', (t) => {
  const group = led('a');
  const dump = group.raft('a').dump();

  group.propose('a', 'x');

  t.is(dump.log.last, 2);
});

const refusals: readonly [title: string, options: Partial<RaftOptions>, message: RegExp][] = [
  ['a name that is empty', { id: '' }, /id is ''/],
  ['no time', { electionTicks: 0 }, /electionTicks is 0: give an integer of at least 1/],
  ['half a tick', { heartbeatTicks: 0.5 }, /heartbeatTicks is 0.5/],
  ['heartbeats that are too seldom', { heartbeatTicks: 10 }, /give less than electionTicks, 10/],
  ['a lease of no length', { leaseMarginTicks: 10 }, /leaseMarginTicks is 10/],
  ['no room for a message', { messagesMax: -1 }, /messagesMax is -1/],
];

for (const [title, options, message] of refusals) {
  test(`an option that makes no sense is refused: ${title}`, (t) => {
    t.throws(() => new Raft({ id: 'a', voters: ['a'], seed: 1, ...options }), {
      instanceOf: RangeError,
      message,
    });
  });
}

test('a disk that has lost committed entries is refused', (t) => {
  const hardState = { term: 3, votedFor: undefined, commit: 9 };
  const durable = { hardState, base: { index: 0, term: 0 }, entries: [], applied: 0 };

  t.throws(() => new Raft({ id: 'a', voters: ['a'], seed: 1, durable }), {
    message: /9 is committed, and its log ends at 0: it has lost entries/,
  });
});

test('a command that is too long is refused, and nothing of its batch is taken', (t) => {
  const group = led('a', { commandBytesMax: 3 });

  const refused = group.do('a', (raft) => raft.propose([bytes('x'), bytes('long')]));

  t.like(refused, { accepted: false, reason: 'too-large' });
  t.is(group.raft('a').status.last.index, 2);
});

test('a follower refuses commands, and says who leads', (t) => {
  t.like(
    led('ab')
      .raft('b')
      .propose([bytes('x')]),
    { reason: 'not-leader', leader: 'a' },
  );
});

test('commands of one turn travel in one message, and are one record on disk', (t) => {
  const raft = led('abc').raft('a');

  for (const command of ['x', 'y', 'z']) raft.propose([bytes(command)]);
  const { messages, append } = raft.ready();

  t.is(messages.length, 2);
  t.is(append?.entries.length, 3);
});

test('a disk that is slow gets a few records, and then larger ones', (t) => {
  const group = led('a', { appendsMax: 2 });
  group.isSlow = true;

  for (const command of ['1', '2', '3', '4', '5']) group.propose('a', command);
  const sizes = group.at('a').records.map(({ entries }) => entries.length);
  group.saved('a');

  t.deepEqual(sizes, [1, 1]);
  t.is(group.at('a').records.at(-1)?.entries.length, 3);
});

test('a follower whose disk is slow takes no more than its bound', (t) => {
  const group = led('ab', { unsavedBytesMax: 100 });
  group.isSlow = true;

  group.propose('a', '1', '2', '3', '4', '5', '6');
  group.settle();
  group.propose('a', '1', '2', '3', '4', '5', '6');
  group.settle();

  t.true(group.raft('b').status.last.index <= 8);
});

test('reads that wait for confirmation are bounded', (t) => {
  const group = led('abc', { readsMax: 2 });

  const answers = [1, 2, 3].map((context) => group.do('a', (raft) => raft.read(context)));

  t.deepEqual(
    answers.map(({ accepted }) => accepted),
    [true, true, false],
  );
});

test('where leases are not allowed a read by lease is one that asks the others', (t) => {
  const group = led('abc'); // As by default.
  group.tick('a');
  group.settle();

  group.do('a', (raft) => raft.read(1, { lease: true }));
  const atOnce = [...group.at('a').reads];
  group.settle();

  t.deepEqual(atOnce, []);
  t.like(group.at('a').reads, [{ context: 1, outcome: 'at' }]);
});

test('entries that are no longer in memory are fetched from the disk, to be sent and applied', (t) => {
  const group = led('abc', { recentBytesMax: 60 });
  group.isolate('c');
  for (const command of ['1', '2', '3', '4', '5', '6']) {
    group.propose('a', command);
    group.settle();
  }
  t.true(group.raft('a').dump().log.recent.length < 4);

  group.heal();
  group.tick('a');
  group.settle();

  t.deepEqual(group.at('c').commands, ['1', '2', '3', '4', '5', '6']);
});

test('a snapshot that is arriving is in use, as are the latest and those that are sent', (t) => {
  const group = led('abc', { chunkBytes: 4, chunksMax: 1 });
  group.isolate('c');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('a', { size: 12 });
  group.heal();
  group.tick('a');
  while (sent(group, 'snapshot-status').length === 0) group.deliver(group.mail.shift() as Message);
  group.propose('a', 'y');
  group.deliver({ type: 'append-reply', from: 'b', to: 'a', term: 1, match: 4 });

  group.snapshot('a', { size: 12 });

  t.deepEqual([...group.raft('a').snapshotsInUse], ['a@4', 'a@3']);
  t.deepEqual([...group.raft('c').snapshotsInUse], ['a@3']);
});

/** `c` lacks what the leader has only in its snapshot `a@3`, and has been offered that. */
function offered(): Group {
  const group = led('abc', { chunkBytes: 4 });
  group.isolate('c');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('a', { size: 12 });
  group.heal();
  group.tick('a');
  while (sent(group, 'snapshot-offer').length === 0) group.deliver(group.mail.shift() as Message);
  return group;
}

test('a snapshot that cannot be read is offered no more, and one as new takes its place', (t) => {
  const group = offered();
  group.mail = [];
  const raft = group.raft('a');

  raft.unreadable('a@3');
  const wanted = raft.ready();
  const again = raft.ready();
  const made = raft.snapshotAt({ id: 'anew', index: 3, bytes: 9 });
  group.at('a').disk.snapshots.set(made.id, new Uint8Array(9));
  group.do('a', () => raft.compact(made));
  group.settle();

  t.is(wanted.snapshotWanted, 3);
  t.is(again.snapshotWanted, 3); // In each turn, until there is one.
  t.deepEqual([...wanted.messages, ...again.messages], []);
  t.deepEqual([...raft.snapshotsInUse], ['anew']);
  t.like(group.raft('c').status, { base: { index: 3 }, applied: 3 });
});

test('an old snapshot that cannot be read while it is sent is replaced by the newest', (t) => {
  const group = offered();
  group.propose('a', 'y');
  group.deliver({ type: 'append-reply', from: 'b', to: 'a', term: 1, match: 4 });
  group.snapshot('a', { size: 9 });

  group.do('a', (raft) => raft.unreadable('a@3'));
  const { snapshotsInUse } = group.raft('a');
  group.settle();

  t.deepEqual([...snapshotsInUse], ['a@4']);
  t.is(group.raft('c').status.applied, 4);
});

test('a snapshot that the state machine waits for is not given up for another', (t) => {
  const configuration = { voters: ['a', 'b'], outgoing: [], learners: [] };
  const members = { ...configuration, promotable: [], witnesses: [] };
  const snapshot = { id: 's', index: 4, term: 1, bytes: 9, configuration: members };
  const hardState = { term: 1, votedFor: undefined, commit: 4 };
  const durable = { hardState, snapshot, base: { index: 4, term: 1 }, entries: [], applied: 0 };
  const raft = new Raft({ id: 'a', voters: [], seed: 1, durable });

  raft.unreadable('s');

  t.deepEqual(raft.ready().apply, { kind: 'snapshot', snapshot });
});

test('the same snapshot again takes what was kept behind it', (t) => {
  const group = led('a');
  group.propose('a', 'x', 'y', 'z');
  group.snapshot('a', { keepEntries: 3 });
  const kept = group.raft('a').status.base.index;

  group.snapshot('a');

  const { base, applied } = group.raft('a').status;
  t.is(kept, applied - 3);
  t.is(base.index, applied);
});

test('a restart finds term, vote, log and members', (t) => {
  const group = led('abc');
  group.propose('a', 'x');
  group.settle();
  const { term, votedFor, last, configuration } = group.raft('a').status;

  group.at('a').restart();

  t.like(group.raft('a').status, { term, votedFor, last, configuration, role: 'follower' });
});

test('one with a lower priority leaves the others time to stand first', (t) => {
  const patience = [0, 1, 2].map(
    (priority) => new Raft({ id: 'a', voters: ['a'], seed: 1, priority }).dump().timeoutTicks,
  );

  t.deepEqual(
    patience,
    [...patience].sort((a, b) => a - b),
  );
  t.is((patience[2] ?? 0) - (patience[0] ?? 0), 20);
});

const rubbish: readonly [title: string, message: object, problem: RegExp][] = [
  ['no type', {}, /of type 'undefined'/],
  ['another type', { type: 'fly' }, /of type 'fly'/],
  ['a term that is no number', { type: 'vote', term: 'x' }, /term is no index, term or count/],
  ['a term below 0', { type: 'vote', term: -1 }, /term is no index/],
  ['a vote without a log', { type: 'vote', transfer: false }, /last is no object/],
  [
    'a log from the future',
    { type: 'vote', last: { index: 1, term: 9 } },
    /last.term is 9, in term/,
  ],
  ['entries that are no list', { type: 'append', prev: first, commit: 0 }, /entries are no list/],
  [
    'entries with a gap',
    { type: 'append', prev: first, commit: 0, entries: [{ kind: 'noop', index: 3, term: 1 }] },
    /entry 3 of term 1 follows 1 of term 0/,
  ],
  [
    'an entry of no kind',
    { type: 'append', prev: first, commit: 0, entries: [{ index: 2, term: 1 }] },
    /an entry of kind 'undefined'/,
  ],
  ['nobody', { type: 'stale-term', from: '' }, /from is no name/],
];

for (const [title, part, message] of rubbish) {
  test(`a message that makes no sense is refused and changes nothing: ${title}`, (t) => {
    const { raft } = new Group('ab').at('a');
    const before = raft.dump();
    const complete = { from: 'b', to: 'a', term: 1, ...part } as Message;

    t.throws(() => raft.step(complete), { instanceOf: BadMessage, message });
    t.deepEqual(raft.dump(), before);
  });
}

test('a message, however wrong, is refused, taken, or at odds with the log', (t) => {
  const types = ['vote', 'append', 'snapshot-offer', 'snapshot-chunk', 'heartbeat', 'read-reply'];
  const value = fc.oneof(fc.anything(), fc.nat(5), fc.constantFrom('a', 'b', null));
  const fields = ['last', 'prev', 'entries', 'commit', 'snapshot', 'data', 'id', 'offset', 'quiet'];
  const message = fc.record(
    {
      type: fc.constantFrom(...types),
      from: fc.constant('b'),
      to: fc.constant('a'),
      term: fc.nat(3),
      ...Object.fromEntries(fields.map((field) => [field, value])),
    },
    { requiredKeys: ['type', 'from', 'to', 'term'] },
  );

  fc.assert(
    fc.property(message, (wrong) => {
      const { raft } = new Group('ab').at('a');
      try {
        raft.step(wrong as unknown as Message);
        return true;
      } catch (error) {
        return error instanceof BadMessage || error instanceof BrokenInvariant;
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
