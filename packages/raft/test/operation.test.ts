import test from 'ava';
import {
  type Configuration,
  Disqualified,
  type Entry,
  Raft,
  recoveryRecord,
  type Settings,
} from '@troupe/raft';
import { bytes, command, type Group, led, sent } from './group.ts';

/**
 * What operators and drivers may ask for while a node runs, each named after the library that has
 * it, where one has.
 */

test('dragonboat OrderedConfigChange: members are changed if they are those that were seen', (t) => {
  const group = led('abc');
  const seen = group.raft('a').configuration;
  const change = (id: string, expected: Partial<Configuration>) =>
    group.do('a', (raft) => raft.changeMembers([{ add: id, as: 'learner' }], { expected }));

  const first = change('d', seen);
  group.settle();
  const second = change('e', seen);
  const third = change('e', { voters: ['c', 'b', 'a'], learners: ['d'] });

  t.true(first.accepted);
  t.like(second, { accepted: false, reason: 'other-members' });
  t.true(third.accepted);
});

test('a change that expects other members is refused before it is looked at', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'learner' }]));

  const refused = group.do('a', (raft) =>
    raft.changeMembers([{ remove: 'b' }], { expected: { voters: ['a', 'b'] } }),
  );

  t.like(refused, { accepted: false, reason: 'other-members' });
});

test('etcd --force-new-cluster, ra force_start_follower_as_single_member: one survivor goes on alone', (t) => {
  const group = led('abc');
  group.propose('a', 'x');
  group.settle();
  group.isolate('b');
  group.propose('a', 'y'); // On one disk of three: never acknowledged.
  const { disk } = group.at('a');

  disk.write(recoveryRecord('a', disk.durable(0)));
  disk.sync();
  group.at('a').restart();
  group.elect('a');
  group.propose('a', 'z');

  t.like(group.raft('a').status, { role: 'leader', term: 10 ** 12 + 1, commit: 7 });
  t.deepEqual(group.raft('a').configuration.voters, ['a']);
  t.deepEqual(group.at('a').commands, ['x', 'y', 'z']);
});

test('hashicorp/raft RecoverCluster: a survivor goes on from its snapshot, and grows again', (t) => {
  const group = led('abc');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('b');
  const { disk } = group.at('b');

  disk.write(recoveryRecord('b', disk.durable(3)));
  disk.sync();
  group.isolate('a');
  group.isolate('c');
  group.at('b').restart();
  group.elect('b');
  group.add('d');
  group.do('b', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));
  group.settle();

  t.deepEqual(group.raft('d').configuration.voters, ['b', 'd']);
  t.is(group.raft('d').status.commit, group.raft('b').status.last.index);
});

/** `a` goes on alone, and has grown again, when `b` and `c` come back with their old disks. */
function leftBehind(): Group {
  const group = led('abc');
  group.propose('a', 'x');
  group.settle();
  const { disk } = group.at('a');
  group.do('a', (raft) => raft.transfer('b'));
  group.settle();
  group.isolate('a');
  group.propose('b', 'old');
  group.settle();
  disk.write(recoveryRecord('a', disk.durable(0)));
  disk.sync();
  group.at('a').restart();
  group.elect('a');
  group.add('d');
  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));
  group.heal();
  for (const old of 'bc') for (const other of 'ad') group.cut.delete(`${old}${other}`);
  return group;
}

test('etcd cluster id: a leader who was left behind deposes nobody, and changes no log', (t) => {
  const group = leftBehind();
  group.settle();
  const before = group.at('a').terms;

  group.propose('b', 'older', 'oldest');
  group.tick('b', 3);
  group.settle();

  t.is(group.raft('b').status.role, 'leader'); // Of those that were given up.
  t.is(group.raft('a').status.role, 'leader');
  t.deepEqual(group.at('a').terms, before);
  t.deepEqual(group.at('a').commands, ['x']);
});

test('who was left behind is told so when it asks to lead, and is no more', (t) => {
  const group = leftBehind();
  group.settle();
  group.at('c').restart();

  group.do('c', (raft) => raft.campaign());

  const error = t.throws(() => group.settle(), { instanceOf: Disqualified });
  t.like(error, { code: 'ERR_DISQUALIFIED', reason: 'left-behind' });
  t.regex(error.message, /a has begun the group anew without c: replace this node by one of/);
});

test('who was left behind does not take part when its name is added again', (t) => {
  const group = leftBehind();
  group.settle();
  group.at('c').restart();

  group.do('a', (raft) => raft.changeMembers([{ add: 'c', as: 'learner' }]));

  t.throws(() => group.settle(), { instanceOf: Disqualified, message: /without c/ });
  t.is(group.raft('c').status.last.term, 2);
});

test('who began anew by mistake does no harm to a majority that needs nothing of it', (t) => {
  const group = led('abc');
  group.propose('a', 'x');
  group.settle();
  const { disk } = group.at('c');
  disk.write(recoveryRecord('c', disk.durable(0)));
  disk.sync();
  group.at('c').restart();
  group.elect('c');

  group.propose('a', 'y');
  for (let round = 0; round < 30; round += 1) {
    for (const id of 'abc') group.tick(id);
    group.settle();
  }

  t.like(group.raft('a').status, { role: 'leader', term: 1 });
  t.deepEqual(group.at('b').commands, ['x', 'y']);
});

test('etcd raft doc.go: a node that comes back without what it has acknowledged says so, and ends', (t) => {
  const group = led('abc');
  group.propose('a', 'x', 'y');
  group.settle();
  group.members.delete('b');
  group.add('b', ['a', 'b', 'c']);

  group.tick('a', 3);

  const error = t.throws(() => group.settle(), { instanceOf: Disqualified });
  t.like(error, { code: 'ERR_DISQUALIFIED', executed: 'unknown', reason: 'forgot' });
  t.regex(error.message, /b has acknowledged 4, and its log ends at 1: replace this node by one/);
});

const noSurvivors: readonly [title: string, id: string, names: string][] = [
  ['one that was no member', 'z', 'abc'],
  ['one that has nothing', 'a', ''],
];

for (const [title, id, names] of noSurvivors) {
  test(`nobody goes on alone from what is not the whole log: ${title}`, (t) => {
    const durable = led('abc').at('a').disk.durable(0);
    const nothing = { ...durable, entries: [] };

    t.throws(() => recoveryRecord(id, names === '' ? nothing : durable), {
      instanceOf: RangeError,
      message: /does not have the whole log/,
    });
  });
}

/** `b` follows with a log that begins at 4, and the leader has a snapshot of `index`. */
function bereft({ leader = 4, after = 0 } = {}): Group {
  const group = led('abc', { chunkBytes: 4 });
  group.propose('a', 'x', 'y');
  group.settle();
  group.snapshot('b', { size: 9 });
  if (leader > 0) group.snapshot('a', { size: 9 });
  for (let count = 0; count < after; count += 1) group.propose('a', 'z');
  group.settle();
  return group;
}

test('raft-rs request_snapshot: a follower that has lost its state gets that of its leader', (t) => {
  const group = bereft({ after: 2 });
  const asked = group.do('b', (raft) => raft.requestSnapshot());
  const before = group.raft('b').status;

  group.settle();

  t.true(asked.accepted);
  t.like(before, { bereft: true, applied: 0, commit: 6 });
  t.like(group.raft('b').status, { bereft: false, applied: 6, last: { index: 6 } });
  t.like(group.raft('a').status.members[0], { id: 'b', state: 'replicate', match: 6 });
});

test('raft-rs request_snapshot: nothing is applied until it has come', (t) => {
  const group = bereft();
  group.isolate('b');
  group.do('b', (raft) => raft.requestSnapshot());
  group.heal();
  const last = { index: 4, term: 1 };

  group.deliver({
    type: 'append',
    from: 'a',
    to: 'b',
    term: 1,
    commit: 5,
    prev: last,
    entries: [{ kind: 'command', index: 5, term: 1, data: bytes('z') }],
  });

  t.like(group.raft('b').status, { commit: 5, applied: 0 });
});

test('raft-rs snapshot_with_min_term: a leader with no such snapshot asks its driver for one', (t) => {
  const group = bereft({ leader: 0 });
  const raft = group.raft('a');
  raft.step({ type: 'snapshot-request', from: 'b', to: 'a', term: 1, least: 4 });

  const { snapshotWanted, messages } = raft.ready();
  group.snapshot('a', { size: 9 });
  group.do('b', (follower) => follower.requestSnapshot());
  group.settle();

  t.is(snapshotWanted, 4);
  t.deepEqual(messages, []);
  t.like(group.raft('b').status, { bereft: false, applied: 4 });
});

test('seed 61909: a state is not restored beyond what its own disk has of the log', (t) => {
  const group = bereft();
  group.isSlow = true;
  group.propose('a', 'z');
  group.settle();
  for (const id of 'ac') group.saved(id);
  group.settle();
  group.snapshot('a', { size: 9 });
  group.do('b', (raft) => raft.requestSnapshot());
  group.settle();

  const { applied, durable } = group.raft('b').status;
  group.saved('b');

  t.like({ applied, durable }, { applied: 0, durable: 4 });
  t.is(group.raft('b').status.applied, 5);
});

test('seed 64420: a snapshot that is no good any more is sent again from its first byte', (t) => {
  const voters = ['a', 'b', 'c'];
  const configuration = { voters, outgoing: [], learners: [], promotable: [], witnesses: [] };
  const snapshot = { id: 's', index: 4, term: 1, bytes: 9, configuration };
  const durable = {
    hardState: { term: 1, votedFor: undefined, commit: 4 },
    snapshot,
    base: { index: 4, term: 1 },
    entries: [],
    applied: 4,
    incoming: { snapshot, offset: 9 }, // Where it came from; its bytes have been spoiled since.
  };
  const raft = new Raft({ id: 'b', voters, seed: 1, durable });

  raft.requestSnapshot();
  raft.step({ type: 'snapshot-offer', from: 'a', to: 'b', term: 1, snapshot });
  const { messages, apply } = raft.ready();

  t.is(apply, undefined);
  t.like(messages.at(-1), { type: 'snapshot-status', id: 's', offset: 0, resend: true });
});

test('a request for a snapshot that got lost is made again at each heartbeat', (t) => {
  const group = bereft();
  group.do('b', (raft) => raft.requestSnapshot());
  group.mail = [];

  group.tick('a');
  group.settle();

  t.like(group.raft('b').status, { bereft: false, applied: 4 });
});

test('acknowledgements that were on their way do not end a snapshot that was asked for', (t) => {
  const group = bereft();
  group.do('b', (raft) => raft.requestSnapshot());
  group.deliver(group.mail.shift()!);

  group.do('a', (raft) => {
    raft.step({ type: 'append-reply', from: 'b', to: 'a', term: 1, match: 4 });
  });

  t.like(group.raft('a').status.members[0], { id: 'b', state: 'snapshot' });
});

test('seed 81020: a snapshot that was asked for is on its way until it is written', (t) => {
  const group = bereft();
  group.do('b', (raft) => raft.requestSnapshot());
  group.deliver(group.mail.shift()!);
  const { id = '' } = sent(group, 'snapshot-offer').at(-1)?.snapshot ?? {};
  const tell = (resend: boolean): unknown => {
    group.do('a', (raft) => {
      raft.step({ type: 'snapshot-status', from: 'b', to: 'a', term: 1, id, offset: 9, resend });
    });
    return group.raft('a').status.members[0];
  };

  const received = tell(true);
  const written = tell(false);

  t.like(received, { id: 'b', state: 'snapshot' });
  t.like(written, { id: 'b', state: 'replicate' });
});

/** What a disk holds whose log goes on behind `base`, to 6, with a snapshot of 4. */
function keptFrom(base: number) {
  const configuration = { voters: ['a', 'b'], outgoing: [], learners: [], ...nobodyElse };
  const entries = Array.from({ length: 6 - base }, (_, at): Entry => {
    const index = base + 1 + at;
    if (index === 1) return { kind: 'configuration', index, term: 0, configuration };
    return { kind: 'command', index, term: 1, data: bytes('x') };
  });
  const snapshot = { id: 's', index: 4, term: 1, bytes: 9, configuration };
  const hardState = { term: 1, votedFor: undefined, commit: 6 };
  const position = { index: base, term: base === 0 ? 0 : 1 };
  return { hardState, snapshot, base: position, entries, applied: 4 };
}

const nobodyElse = { promotable: [], witnesses: [] };

test('a state that is lost is made good from where the members are known on', (t) => {
  const raft = new Raft({ id: 'b', voters: [], seed: 1, durable: keptFrom(2) });
  raft.requestSnapshot();
  const ends = { from: 'a', to: 'b', term: 1 } as const;
  raft.step({ type: 'heartbeat', ...ends, round: 1, commit: 6, quiet: false });
  const { messages } = raft.ready();

  const early = { ...keptFrom(2).snapshot, id: 'early', index: 3, bytes: 0 };
  raft.step({ type: 'snapshot-offer', ...ends, snapshot: early });
  const { apply } = raft.ready();

  t.like(
    messages.find(({ type }) => type === 'snapshot-request'),
    { least: 4 },
  );
  t.is(apply, undefined);
});

test('that a snapshot is here, and takes the place of the log, is said when it is on disk', (t) => {
  const raft = new Raft({ id: 'b', voters: [], seed: 1, durable: keptFrom(2) });
  const ends = { from: 'a', to: 'b', term: 1 } as const;
  const snapshot = { ...keptFrom(2).snapshot, id: 'later', index: 9, bytes: 0 };
  raft.requestSnapshot();
  raft.step({ type: 'snapshot-offer', ...ends, snapshot });
  const installing = raft.ready();

  raft.step({ type: 'snapshot-offer', ...ends, snapshot });
  const again = raft.ready();

  t.is(installing.append?.snapshot?.id, 'later');
  t.deepEqual(again.messages, []);
  t.deepEqual(
    again.append?.messages.map(({ type }) => type),
    ['append-reply', 'snapshot-status'],
  );
});

test('while a whole log is applied again, snapshots can be made that know the members', (t) => {
  const raft = new Raft({ id: 'b', voters: [], seed: 1, durable: keptFrom(0) });
  raft.requestSnapshot();
  raft.ready();
  raft.applied(2);

  const made = raft.snapshotAt({ id: 'again', index: 2, bytes: 0 });

  t.deepEqual(made.configuration.voters, ['a', 'b']);
});

test('the members of all that is kept are known, also behind a snapshot', (t) => {
  const group = led('ab');
  group.propose('a', 'x', 'y');
  group.settle();
  group.do('a', (raft) => raft.changeMembers([{ add: 'c', as: 'learner' }]));
  group.settle();
  group.snapshot('a', { keepEntries: 5 });
  const raft = group.raft('a');
  group.do('a', (leader) => leader.requestSnapshot());

  const [before, now] = [3, 5].map((index) => raft.snapshotAt({ id: 's', index, bytes: 0 }));

  t.deepEqual(before?.configuration.learners, []);
  t.deepEqual(now?.configuration.learners, ['c']);
});

test('a whole log is applied again, and nobody is asked for anything', (t) => {
  const group = led('ab');
  group.propose('a', 'x');
  group.settle();
  const { applied } = group.at('b');
  applied.length = 0;

  group.do('b', (raft) => raft.requestSnapshot());

  t.is(group.raft('b').status.applied, 3);
  t.is(applied.length, 3);
  t.is(sent(group, 'snapshot-request').length, 0);
});

test('a request for a snapshot is refused by those who could not use it', (t) => {
  const alone = led('a');
  alone.propose('a', 'x');
  alone.snapshot('a');
  const raft = new Raft({ id: 'a', voters: ['a'], seed: 1 });
  raft.campaign();
  raft.appended(raft.ready().append?.token ?? 0);
  raft.appended(raft.ready().append?.token ?? 0);
  raft.ready(); // It has something to apply now.

  t.like(alone.raft('a').requestSnapshot(), { accepted: false, problem: 'nobody has another' });
  t.like(raft.requestSnapshot(), { accepted: false, problem: 'the state machine is at work' });
});

test('a leader that has lost its state hands over, and is served then', (t) => {
  const group = bereft();
  group.snapshot('c', { size: 9 });
  group.do('a', (raft) => raft.requestSnapshot());
  for (let count = 0; count < 4 && group.raft('a').status.bereft; count += 1) {
    for (const id of 'abc') group.tick(id);
    group.settle();
  }

  const { leader, bereft: lacks, applied, commit } = group.raft('a').status;
  t.not(leader, 'a');
  t.false(lacks);
  t.is(applied, commit);
});

test('etcd NOSPACE: a node whose disk is full takes no commands, and votes', (t) => {
  const group = led('abc');
  group.do('b', (raft) => raft.diskFull(true));
  group.do('a', (raft) => raft.diskFull(true));
  const refused = group.do('a', (raft) => raft.propose([bytes('x')]));
  const last = { index: 2, term: 1 };
  group.do('b', (raft) => raft.tick(10));
  group.mail = [];

  group.deliver({ type: 'vote', from: 'c', to: 'b', term: 2, last, transfer: false });
  const entries = [{ kind: 'command', index: 3, term: 2, data: bytes('x') } as const];
  group.deliver({ type: 'append', from: 'c', to: 'b', term: 2, prev: last, entries, commit: 2 });

  t.like(refused, { accepted: false, reason: 'disk-full' });
  t.deepEqual(
    group.mail.map((it) => ('granted' in it ? it.granted : it.type)),
    [true],
  );
  t.like(group.raft('b').status, { full: true, last: { index: 2 } });
});

test('hashicorp/raft StoreLogs, ra wal_down_condition: a leader whose disk is full gives way', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.diskFull(true));

  group.tick('a');
  group.settle();

  t.is(group.raft('a').status.role, 'follower');
  t.true(['b', 'c'].some((id) => group.raft(id).status.role === 'leader'));
});

test('two whose disks are full do not hand over to each other', (t) => {
  const group = led('ab');
  for (const id of 'ab') group.do(id, (raft) => raft.diskFull(true));

  for (let count = 0; count < 40; count += 1) {
    for (const id of 'ab') group.tick(id);
    group.settle();
  }

  t.like(group.raft('a').status, { role: 'leader', term: 1 });
});

test('a group whose disks are all full can be given another member', (t) => {
  const group = led('a');
  group.add('b');
  group.do('a', (raft) => raft.changeMembers([{ add: 'b', as: 'voter' }]));
  group.settle();
  for (const id of 'ab') group.do(id, (raft) => raft.diskFull(true));
  group.tick('a'); // It looks for an heir from now on, in vain.
  group.add('c');

  const added = group.do('a', (raft) => raft.changeMembers([{ add: 'c', as: 'learner' }]));
  group.settle();

  t.true(added.accepted);
  t.deepEqual(
    ['a', 'b', 'c'].map((id) => group.raft(id).status.commit),
    [4, 4, 4],
  );
});

test('a full disk has room for what comes before the first command', (t) => {
  const group = led('abc');
  group.do('b', (raft) => raft.diskFull(true));
  const prev = { index: 2, term: 1 };
  const noop = { kind: 'noop', index: 3, term: 2 } as const;
  group.mail = [];

  group.deliver({
    type: 'append',
    from: 'c',
    to: 'b',
    term: 2,
    commit: 4,
    prev,
    entries: [noop, command(4, 2)],
  });

  t.like(group.raft('b').status, { last: { index: 3, term: 2 }, commit: 3 });
  t.like(group.mail[0], { type: 'append-reply', match: 3 });
});

test('a disk that has room again takes what was missed', (t) => {
  const group = led('abc');
  group.do('b', (raft) => raft.diskFull(true));
  group.propose('a', 'x');
  group.settle();

  group.do('b', (raft) => raft.diskFull(false));
  group.tick('a', 2);
  group.settle();

  t.deepEqual(group.at('b').commands, ['x']);
});

test('hashicorp/raft ReloadConfig: limits and timeouts hold from the moment they are changed', (t) => {
  const group = led('abc');
  group.isolate('b');
  group.do('b', (raft) => raft.configure({ electionTicks: 40 }));
  group.do('a', (raft) => raft.configure({ commandBytesMax: 3 }));

  group.tick('b', 39);

  t.is(group.raft('b').status.role, 'follower');
  t.like(group.raft('a').propose([bytes('four')]), { accepted: false, reason: 'too-large' });
});

test('raft-rs set_priority: a node becomes more patient while it runs', (t) => {
  const group = led('ab');
  group.do('b', (raft) => raft.configure({ priority: 2 }));
  group.isolate('b');

  group.tick('b', 29);
  const before = group.raft('b').status.role;
  group.tick('b', 11);

  t.is(before, 'follower');
  t.is(group.raft('b').status.role, 'candidate');
});

test('raft-rs adjust_max_inflight_msgs: a pipeline is made longer, or shorter', (t) => {
  const group = led('ab', { messageEntriesMax: 1, inflightMessagesMax: 1 });
  group.propose('a', 'x', 'y', 'z');
  const before = sent(group, 'append').length;

  group.do('a', (raft) => raft.configure({ inflightMessagesMax: 3 }));

  t.is(before, 1);
  t.is(sent(group, 'append').length, 3);
});

const unusable: readonly [title: string, options: Partial<Settings>, wanted: Partial<Settings>][] =
  [
    ['makes no sense', {}, { chunkBytes: 0 }],
    ['does not go with the others', {}, { heartbeatTicks: 10 }],
    ['leases rest on', { leaseReads: true }, { electionTicks: 20 }],
    ['leases would rest on', {}, { leaseReads: true }],
  ];

for (const [title, options, wanted] of unusable) {
  test(`a setting is refused, and changes nothing, which ${title}`, (t) => {
    const raft = new Raft({ ...options, id: 'a', voters: ['a'], seed: 1 });
    const before = raft.dump();

    t.throws(() => raft.configure(wanted), { instanceOf: RangeError });
    t.deepEqual(raft.dump(), before);
  });
}
