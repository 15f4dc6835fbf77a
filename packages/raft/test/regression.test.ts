import test from 'ava';
import { Raft } from '@troupe/raft';
import { bytes, command, first, Group, led, sent, toA } from './group.ts';

/**
 * Bugs that mature implementations had, each named by where it was told. Those that only a whole
 * run can show are in the traces and in the simulator, which has each of these as a mutant too.
 */

function types({ mail }: Group): string[] {
  return mail.map(({ type }) => type);
}

test('hashicorp/raft#661: term and vote are one record, and the answer waits for it', (t) => {
  const group = new Group('ab', { disk: 'manual' });
  group.saved('a');

  group.deliver({ ...toA, type: 'vote', term: 4, last: first, transfer: false });
  const [record] = group.at('a').records;

  t.deepEqual(types(group), []);
  t.like(record?.hardState, { term: 4, votedFor: 'b' });
  t.like(record?.messages[0], { type: 'vote-reply', granted: true });
});

test('tikv#1610: a vote is worth a sync', (t) => {
  const group = new Group('ab', { disk: 'manual' });
  group.saved('a');

  group.deliver({ ...toA, type: 'vote', term: 4, last: first, transfer: false });

  t.true(group.at('a').records[0]?.mustSync);
});

test('etcd raft 0675f3d: an answer that nothing new stands behind costs no sync', (t) => {
  const group = led('ab', { disk: 'instant' });
  group.isSlow = true;
  const entries = [command(3, 1)];
  const append = { from: 'a', to: 'b', term: 1, commit: 2, prev: { index: 2, term: 1 } } as const;
  group.deliver({ ...append, type: 'append', entries });

  group.deliver({ ...append, type: 'append', entries });

  t.deepEqual(
    group.at('b').records.map(({ mustSync }) => mustSync),
    [true, false],
  );
});

test('CCF#8094: whoever steps down in a term keeps the vote that it gave in it', (t) => {
  const group = led('abc');
  group.isolate('a');
  group.tick('a', 10);

  group.deliver({ ...toA, type: 'vote', term: 1, last: { index: 9, term: 1 }, transfer: false });

  t.like(group.raft('a').status, { role: 'follower', votedFor: 'a', term: 1 });
  t.false(group.mail.some((it) => it.type === 'vote-reply' && it.granted && it.from === 'a'));
});

test('little-raft#44: a vote of an earlier term counts for nothing', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());
  group.do('a', (raft) => raft.campaign());

  group.deliver({ ...toA, type: 'vote-reply', term: 1, granted: true });

  t.like(group.raft('a').status, { role: 'candidate', term: 2 });
});

test('xraft#27: a vote that comes twice is one vote', (t) => {
  const group = new Group('abcde');
  group.do('a', (raft) => raft.campaign());

  for (let count = 0; count < 3; count += 1) {
    group.deliver({ ...toA, type: 'vote-reply', term: 1, granted: true });
  }

  t.is(group.raft('a').status.role, 'candidate');
});

test('ra bbd00102: being asked for a pre-vote does not make a follower more patient', (t) => {
  const group = led('abc', { preVote: true });
  const before = group.raft('b').dump().timerTick;
  group.tick('b', 5);

  group.deliver({ type: 'pre-vote', from: 'c', to: 'b', term: 2, last: { index: 2, term: 1 } });

  t.is(group.raft('b').dump().timerTick, before);
});

test('openraft 511f33c7: a pre-vote that comes after the election begins no other', (t) => {
  const group = led('abc', { preVote: true });

  for (const term of [1, 2]) {
    group.deliver({ type: 'pre-vote-reply', from: 'c', to: 'a', term, granted: true });
  }

  t.like(group.raft('a').status, { role: 'leader', term: 1 });
});

test('raft-rs#83: a node in a later term makes a leader of an earlier one give way', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.do('c', (raft) => raft.campaign());
  group.heal();
  group.mail = [];

  group.tick('a');
  group.settle();

  t.like(group.raft('a').status, { role: 'follower', term: 2 });
});

test('openraft#1796: a pre-candidate learns of a later term, and asks again at once', (t) => {
  const group = led('ab', { preVote: true });
  group.isolate('b');
  group.do('a', (raft) => raft.tick(10));
  group.do('a', (raft) => raft.step({ ...toA, type: 'stale-term', term: 5 }));
  group.heal();
  group.mail = [];

  group.do('b', (raft) => raft.campaign());
  group.settle();

  t.like(group.raft('b').status, { role: 'leader', term: 6 });
});

test('Howard & Abraham 2020: one link that is down moves nobody, and the group goes on', (t) => {
  const group = led('abcde', { preVote: true });
  for (const link of ['ab', 'ba']) group.cut.add(link);

  for (let count = 0; count < 60; count += 1) {
    for (const id of 'abcde') group.tick(id);
    group.settle();
  }
  group.propose('a', 'x');
  group.settle();

  t.like(group.raft('a').status, { role: 'leader', term: 1, commit: 3 });
});

test('Howard & Abraham 2020: a leader that all but one have lost gives way, also to that one', (t) => {
  const group = led('abcde', { preVote: true });
  for (const id of 'cde') for (const link of [`a${id}`, `${id}a`]) group.cut.add(link);

  for (let count = 0; count < 60; count += 1) {
    for (const id of 'abcde') group.tick(id);
    group.settle();
  }

  const leaders = Array.from('abcde').filter((id) => group.raft(id).status.role === 'leader');
  t.is(leaders.length, 1);
  t.not(leaders[0], 'a');
  t.is(group.raft('b').status.leader, leaders[0]);
});

test('etcd#10998: a learner that is asked to vote votes, since it may be a voter by now', (t) => {
  const group = new Group('ab');
  group.add('c');

  group.deliver({ type: 'vote', from: 'a', to: 'c', term: 1, last: first, transfer: false });

  t.like(sent(group, 'vote-reply')[0], { from: 'c', granted: true });
});

test('etcd raft#456: an uncommitted change is in force when its node campaigns', (t) => {
  const group = led('ab');
  group.add('c');
  group.isolate('b');
  group.do('a', (raft) => raft.changeMembers([{ add: 'c', as: 'voter' }]));
  group.tick('a', 10);
  group.mail = [];

  group.do('a', (raft) => raft.campaign());

  t.deepEqual(
    sent(group, 'vote').map(({ to }) => to),
    ['b', 'c'],
  );
});

test('thesis §4.2.2: one whose own removal is not committed stands, and does not count', (t) => {
  const group = led('ab');
  group.isolate('b');
  group.do('a', (raft) => raft.changeMembers([{ remove: 'a' }]));
  group.tick('a', 10);
  group.heal();
  group.do('b', (raft) => raft.tick(9));
  group.mail = [];

  group.do('a', (raft) => raft.campaign());
  group.do('b', (raft) => raft.tick());
  const alone = group.raft('a').status.role;
  group.deliver({ ...toA, type: 'vote-reply', term: 2, granted: true });

  t.is(alone, 'candidate');
  t.is(group.raft('a').status.role, 'leader');
});

test('copycat#265, ra#508: a follower commits only what this message proves', (t) => {
  const group = new Group('ab');
  group.at('a').writeLog([0, 1, 1, 1], 1);
  const append = { ...toA, type: 'append', term: 2, prev: { index: 2, term: 1 } } as const;

  group.deliver({ ...append, entries: [], commit: 4 });

  t.is(group.raft('a').status.commit, 2);
});

test('openraft 9540c904: an old message does not take back what came after it', (t) => {
  const group = led('ab');
  const append = { from: 'a', to: 'b', type: 'append', term: 1, commit: 2 } as const;
  const [one, two] = [command(3, 1), command(4, 1)];
  group.deliver({ ...append, prev: { index: 2, term: 1 }, entries: [one, two] });

  group.deliver({ ...append, prev: { index: 2, term: 1 }, entries: [one] });

  t.is(group.raft('b').status.last.index, 4);
});

test('CCF suffix_collision: a rejection says nothing about what matches', (t) => {
  const group = led('abc');
  group.propose('a', 'x', 'y');
  const hint = { index: 3, term: 1 };

  group.deliver({ ...toA, type: 'append-rejected', term: 1, rejected: 4, hint });

  t.is(group.raft('a').status.commit, 2);
  t.is(group.raft('a').status.members[0]?.match, 2);
});

test('openraft cecb5de8: an acknowledgement of an earlier term is not one of this', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.step({ ...toA, type: 'stale-term', term: 8 }));
  group.do('a', (raft) => raft.campaign());
  group.deliver({ ...toA, type: 'vote-reply', term: 9, granted: true });

  group.deliver({ ...toA, type: 'append-reply', term: 1, match: 3 });

  t.like(group.raft('a').status, { role: 'leader', term: 9, commit: 2, last: { index: 3 } });
});

test('ra 39490978: what the disk says of an entry does not stand for what replaced it', (t) => {
  const group = new Group('ab', { disk: 'manual' });
  group.saved('a');
  const append = { ...toA, type: 'append', prev: first, commit: 0 } as const;
  group.deliver({ ...append, term: 1, entries: [command(2, 1), command(3, 1)] });
  group.deliver({ ...append, term: 2, entries: [command(2, 2), command(3, 2)] });

  group.saved('a');
  const after = { durable: group.raft('a').status.durable, mail: group.mail.length };
  group.saved('a');

  t.deepEqual(after, { durable: 1, mail: 1 }); // The answer to the first leader, who is no more.
  t.is(group.raft('a').status.durable, 3);
});

test('etcd#14370: the only voter commits when its disk has it, not before', (t) => {
  const group = led('a');
  group.isSlow = true;

  group.propose('a', 'x');
  const before = group.raft('a').status.commit;
  group.saved('a');

  t.is(before, 2);
  t.is(group.raft('a').status.commit, 3);
});

test('etcd raft TestLeaderMsgAppSelfAckAfterTermChange: its disk speaks for what it has, whoever leads', (t) => {
  const group = led('abc');
  group.isSlow = true;
  group.propose('a', 'x');
  group.do('a', (raft) => raft.step({ ...toA, type: 'stale-term', term: 5 }));

  group.saved('a');

  t.like(group.raft('a').status, { role: 'follower', durable: 3, commit: 2 });
});

test('openraft#1500: a heartbeat carries no commit that the follower is not known to have', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.propose('a', 'x');
  group.settle();

  group.tick('a');

  t.deepEqual(
    sent(group, 'heartbeat').map(({ to, commit }) => [to, commit]),
    [
      ['b', 3],
      ['c', 2],
    ],
  );
});

test('raft-rs e419ba5: bytes in flight are given back, also when everything is sent again', (t) => {
  const group = led('ab');
  group.propose('a', 'x', 'y');
  group.mail = [];

  group.do('a', (raft) => raft.unreachable('b'));
  group.tick('a');
  group.settle();

  t.like(group.raft('a').status.members[0], { inflightMessages: 0, inflightBytes: 0, match: 4 });
});

test('etcd#14633: a full pipeline still asks what has arrived', (t) => {
  const group = led('ab', { inflightMessagesMax: 1, messageEntriesMax: 1 });
  group.propose('a', 'x', 'y');
  group.mail = [];

  group.deliver({ ...toA, type: 'heartbeat-reply', term: 1, round: 0 });

  t.deepEqual(
    sent(group, 'append').map(({ prev, entries }) => [prev.index, entries.length]),
    [[3, 0]],
  );
});

test('etcd raft#31: a follower whose next entry is compacted gets the snapshot', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.propose('a', 'x', 'y');
  group.settle();
  group.snapshot('a');
  group.heal();

  group.tick('a');
  group.settle();

  t.like(group.raft('c').status, { base: { index: 4, term: 1 }, commit: 4, applied: 4 });
});

test('etcd raft 8ecce32: what does not fit into one batch is applied with the next', (t) => {
  const group = led('a', { applyBytesMax: 60 });

  group.propose('a', '1', '2', '3', '4', '5');

  t.deepEqual(group.at('a').commands, ['1', '2', '3', '4', '5']);
});

test('etcd raft a370b6f: a leader without followers refuses more than its bound', (t) => {
  const group = led('abc', { uncommittedBytesMax: 100 });
  group.isolate('a');
  group.propose('a', 'x', 'y', 'z');

  const refused = group.do('a', (raft) => raft.propose([bytes('too much')]));

  t.like(refused, { accepted: false, reason: 'overloaded', leader: 'a' });
});

test('openraft 6d53aa12: a conflict of many entries is found in a round for each term', (t) => {
  const group = new Group('ab');
  group.at('a').writeLog([0, ...Array.from({ length: 500 }, () => 5)], 5);
  group.at('b').writeLog([0, ...Array.from({ length: 400 }, () => 4)], 4);
  group.do('a', (raft) => raft.campaign());
  let questions = 0;

  for (let message = group.mail.shift(); message !== undefined; message = group.mail.shift()) {
    if (message.type === 'append-rejected') questions += 1;
    group.deliver(message);
  }

  t.deepEqual(group.at('b').terms, group.at('a').terms);
  t.true(questions <= 2, `${questions} questions`);
});

test('hashicorp/raft#697: a snapshot takes the place of a log that conflicts with it', (t) => {
  const group = new Group('ab');
  group.at('a').writeLog([0, 1, 1, 1], 1);
  const { configuration } = group.raft('a');
  const snapshot = { id: 's', index: 3, term: 2, bytes: 0, configuration };

  group.deliver({ ...toA, type: 'snapshot-offer', term: 2, snapshot });

  t.like(group.raft('a').status, { base: { index: 3, term: 2 }, last: { index: 3, term: 2 } });
  t.like(group.mail[0], { type: 'append-reply', match: 3 });
});

test('camunda#6092: a snapshot of what is committed here long since changes nothing', (t) => {
  const group = led('ab');
  group.propose('a', 'x', 'y');
  group.settle();
  const { configuration } = group.raft('b');
  const snapshot = { id: 's', index: 3, term: 1, bytes: 9, configuration };

  group.deliver({ from: 'a', to: 'b', type: 'snapshot-offer', term: 1, snapshot });

  t.is(group.raft('b').status.last.index, 4);
  t.like(group.mail[0], { type: 'append-reply', match: 4 });
});

test('openraft eed681d5: a snapshot waits until the state machine is at rest', (t) => {
  const raft = new Raft({ id: 'a', voters: ['a', 'b'], seed: 1 });
  raft.appended(raft.ready().append?.token ?? 0);
  raft.step({ ...toA, type: 'append', term: 1, prev: first, entries: [command(2, 1)], commit: 2 });
  const { append, apply } = raft.ready();
  raft.appended(append?.token ?? 0);
  const { configuration } = raft;

  const snapshot = { id: 's', index: 9, term: 1, bytes: 0, configuration };
  raft.step({ ...toA, type: 'snapshot-offer', term: 1, snapshot });
  const during = raft.ready().append?.snapshot;
  raft.applied(1);
  const after = raft.ready().append?.snapshot;

  t.like(apply, { kind: 'entries', from: 1, to: 1 });
  t.is(during, undefined);
  t.is(after?.id, 's');
});

test('etcd#10308: a follower that has installed a snapshot is sent the rest at once', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('a');
  group.propose('a', 'y');
  group.settle();
  group.heal();

  group.tick('a');
  group.settle();

  t.like(group.raft('a').status.members[1], { id: 'c', state: 'replicate', match: 4 });
});

test('ClickHouse/NuRaft#118: the snapshot that is being sent is sent to its end', (t) => {
  const group = led('abc', { chunkBytes: 4, chunksMax: 1 });
  group.isolate('c');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('a', { size: 8 });
  group.heal();
  group.tick('a');
  const ids = new Set<string>();

  for (let message = group.mail.shift(); message !== undefined; message = group.mail.shift()) {
    group.deliver(message);
    if (message.type === 'snapshot-offer') {
      ids.add(message.snapshot.id);
      group.propose('a', 'y');
    } else if (message.type === 'snapshot-chunk') {
      if (group.raft('a').status.applied > 3) group.snapshot('a', { size: 8 });
    }
  }

  t.deepEqual([...ids], ['a@3']);
  t.like(group.raft('c').status, { last: { index: 4, term: 1 } });
});

test('openraft dba24036: members are those of the snapshot, after any number of them', (t) => {
  const group = led('a');
  group.add('b');
  group.do('a', (raft) => raft.changeMembers([{ add: 'b', as: 'learner' }]));
  group.settle();
  group.snapshot('a');
  group.propose('a', 'x');
  group.settle();
  group.snapshot('a');

  group.at('a').restart();

  t.deepEqual(group.raft('a').configuration.learners, ['b']);
});

test('openraft 01e813a5: whoever installs a snapshot takes its members', (t) => {
  const group = new Group('ab');
  const configuration = { ...group.raft('a').configuration, voters: ['a', 'b', 'c'] };
  const snapshot = { id: 's', index: 9, term: 1, bytes: 0, configuration };

  group.deliver({ ...toA, type: 'snapshot-offer', term: 1, snapshot });

  t.deepEqual(group.raft('a').configuration.voters, ['a', 'b', 'c']);
});

test('openraft afd6508b: a leader whose whole log is compacted still serves a new follower', (t) => {
  const group = led('a');
  group.propose('a', 'x');
  group.snapshot('a');
  group.add('b');

  group.do('a', (raft) => raft.changeMembers([{ add: 'b', as: 'learner' }]));
  group.snapshot('a');
  group.settle();

  t.is(group.raft('b').status.last.index, 4);
});

test('etcd#7331, redisraft#22: a new leader does not read before it has committed in its term', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());
  group.deliver({ ...toA, type: 'vote-reply', term: 1, granted: true });
  group.do('a', (raft) => raft.read(1));

  group.deliver({ ...toA, type: 'heartbeat-reply', term: 1, round: 0 });

  t.deepEqual(group.at('a').reads, []);
  t.is(sent(group, 'heartbeat').length, 0);
});

test('etcd raft#397: an answer to an earlier heartbeat confirms no later read', (t) => {
  const group = led('abc');
  group.tick('a');
  const old = sent(group, 'heartbeat');
  group.mail = [];
  group.do('a', (raft) => raft.read(1));
  group.mail = [];

  for (const heartbeat of old) group.deliver(heartbeat);
  for (const answer of sent(group, 'heartbeat-reply')) group.deliver(answer);

  t.deepEqual(group.at('a').reads, []);
});

test('raft-rs#234, etcd raft#99: no lease holds once an heir was told to stand', (t) => {
  const group = led('abc', { leaseReads: true });
  group.tick('a');
  group.settle();
  group.do('a', (raft) => raft.transfer('b'));
  group.mail = [];
  for (let count = 0; count < 12; count += 1) {
    group.tick('a');
    group.settle();
  }

  group.do('a', (raft) => raft.read(1, { lease: true }));

  t.is(group.raft('a').status.role, 'leader');
  t.deepEqual(group.at('a').reads, []);
});

test('etcd raft#105: the only member does not read before it knows what it had committed', (t) => {
  const group = led('a');
  group.propose('a', 'x');
  group.at('a').restart();
  group.isSlow = true;
  group.do('a', (raft) => raft.campaign());
  group.saved('a');

  group.do('a', (raft) => raft.read(1));
  const before = [...group.at('a').reads];
  group.saved('a');

  t.deepEqual(before, []);
  t.like(group.at('a').reads, [{ context: 1, outcome: 'at' }]);
});
