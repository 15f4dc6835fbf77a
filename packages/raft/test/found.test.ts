import test from 'ava';
import { Raft } from '@troupe/raft';
import { bytes, Group, led, sent, toA } from './group.ts';

/**
 * What the simulator of this repository has found, each with its cause; and what a node does whose
 * disk is damaged. The simulator has each of them as a mutant too.
 */

test('a leader writes nothing behind its own removal, so that whoever has that has everything', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.changeMembers([{ remove: 'a' }]));

  const refused = group.do('a', (raft) => raft.propose([bytes('x')]));

  t.like(refused, { accepted: false, reason: 'transferring' });
});

test('a witness gets an entry when the disk of the leader has it, and not before', (t) => {
  const group = led('ab');
  group.add('w');
  group.do('a', (raft) => raft.changeMembers([{ add: 'w', as: 'witness' }]));
  group.settle();
  group.isSlow = true;
  group.propose('a', 'x');
  const before = sent(group, 'append').map(({ to }) => to);
  group.mail = [];

  group.saved('a');

  t.deepEqual(before, ['b']);
  t.deepEqual(
    sent(group, 'append').map(({ to }) => to),
    ['w'],
  );
});

test('one who was removed does not wake a quiet group, whose leader would sleep on', (t) => {
  const group = led('abc', { quietTicks: 3 });
  for (let count = 0; count < 8; count += 1) {
    group.tick('a');
    group.settle();
  }
  const last = { index: 9, term: 9 };

  group.deliver({ type: 'vote', from: 'x', to: 'b', term: 9, last, transfer: false });

  t.like(group.raft('b').status, { quiet: true, term: 1, leader: 'a' });
});

test('a pre-vote that is refused for its term is asked for again in the next', (t) => {
  const group = new Group('abc', { preVote: true });
  group.do('a', (raft) => raft.campaign());
  group.mail = [];

  group.deliver({ ...toA, type: 'pre-vote-reply', term: 7, granted: false });

  t.deepEqual(
    sent(group, 'pre-vote').map(({ term }) => term),
    [8, 8],
  );
});

test('a candidacy that is refused for its term alone is won without another timeout', (t) => {
  const group = new Group('abc', { priority: 1 });
  group.at('b').writeLog([0], 7);
  group.isolate('c');

  group.elect('a');

  t.like(group.raft('a').status, { role: 'leader', term: 8 });
});

test('a candidate asks in each later term that refuses it, and raises none by that', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());
  group.mail = [];

  group.deliver({ ...toA, type: 'stale-term', term: 7 });
  group.deliver({ from: 'c', to: 'a', type: 'stale-term', term: 9 });

  t.deepEqual(
    sent(group, 'pre-vote').map(({ term }) => term),
    [8, 8, 10, 10],
  );
  t.like(group.raft('a').status, { role: 'pre-candidate', term: 9 });
});

test('whoever has promised a lease peace does not stand, though it is asked to', (t) => {
  const group = led('abc', { leaseReads: true });
  group.tick('a');
  group.settle();

  group.do('b', (raft) => raft.campaign());
  const before = group.raft('b').status.role;
  group.do('b', (raft) => raft.tick(10));
  group.do('b', (raft) => raft.campaign());

  t.is(before, 'follower');
  t.is(group.raft('b').status.role, 'candidate');
});

test('seed 62347: messages out of order do not make a leader send all of it for each of them', (t) => {
  const group = led('ab', { messageEntriesMax: 1 });
  group.propose('a', ...Array.from({ length: 60 }, (_, at) => String(at)));
  let [delivered, random] = [0, 1];

  for (; group.mail.length > 0 && delivered < 10_000; delivered += 1) {
    random = (random * 48_271) % 2_147_483_647;
    const [message] = group.mail.splice(random % group.mail.length, 1);
    if (message !== undefined) group.deliver(message);
  }

  t.is(group.raft('a').status.commit, 62);
  t.true(delivered < 1_000, `${delivered} messages for 60 entries`);
});

/** Three who have four entries, of which `a` loses the last two. */
function damaged(): Group {
  const group = led('abc');
  group.propose('a', 'x', 'y');
  group.settle();
  group.at('b').disk.damage(3);
  group.at('b').restart();
  return group;
}

test('Protocol-Aware Recovery: a damaged node neither votes nor stands', (t) => {
  const group = damaged();
  const last = { index: 9, term: 9 };

  group.deliver({ type: 'vote', from: 'c', to: 'b', term: 9, last, transfer: false });
  group.deliver({ type: 'pre-vote', from: 'c', to: 'b', term: 10, last });
  group.do('b', (raft) => raft.tick(40));

  t.like(group.raft('b').status, { damaged: true, role: 'follower', last: { index: 2 } });
  t.deepEqual(
    group.mail.map((it) => ('granted' in it ? it.granted : it.type)),
    [false, false],
  );
});

test('Protocol-Aware Recovery: only a later leader makes a damaged node good', (t) => {
  const group = damaged();
  group.tick('a'); // It counts on what it takes to be on that disk, and has to go.
  group.settle();
  const old = group.raft('a').status.role;
  group.do('c', (raft) => raft.tick(10)); // It forgets the leader that it heard.

  group.do('a', (raft) => raft.campaign());
  group.settle();

  t.is(old, 'follower');
  t.like(group.raft('a').status, { role: 'leader' });
  t.like(group.raft('b').status, { damaged: false, last: group.raft('a').status.last });
});

test('a damaged disk without a word of it is refused at the start', (t) => {
  const group = damaged();
  const { disk } = group.at('b');
  disk.hardState = { ...disk.hardState, commit: 4 };
  const durable = { ...disk.durable(0), damaged: false };

  t.throws(() => new Raft({ id: 'b', voters: [], seed: 1, durable }), {
    instanceOf: RangeError,
    message: /start it as damaged/,
  });
});
