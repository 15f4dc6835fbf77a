import test from 'ava';
import type { Message } from '@troupe/raft';
import { bytes, command, Group, led, sent, toA } from './group.ts';

/** Bugs that mature implementations had while members changed, or the leadership. */

test('Ongaro, raft-dev, July 2015: no change of members before the term has committed something', (t) => {
  const group = new Group('abc');
  group.do('a', (raft) => raft.campaign());
  group.deliver({ ...toA, type: 'vote-reply', term: 1, granted: true });

  const refused = group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));

  t.like(refused, { accepted: false, reason: 'term-not-settled' });
});

test('etcd raft bd3c759, e515a67: a joint change that a restart finds is left, and left once', (t) => {
  const group = led('abc');
  for (const id of 'de') group.add(id);
  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }, { remove: 'b' }]));
  for (const message of group.mail.splice(0)) group.deliver(message);
  for (const id of 'abcd') group.at(id).restart();
  group.mail = [];

  group.do('c', (raft) => raft.campaign());
  group.settle();

  const log = group.raft('c').dump().log.recent;
  const left = log.filter(
    (it) => it.kind === 'configuration' && it.configuration.outgoing.length === 0,
  );
  t.deepEqual(group.raft('c').configuration.outgoing, []);
  t.is(left.length, 2); // The first members, and the end of the change.
});

test('ra 82e5ca2f: members go with the entry that made them', (t) => {
  const group = led('abc');
  group.isolate('a');
  group.do('a', (raft) => raft.changeMembers([{ add: 'd', as: 'voter' }]));
  const entries = [command(3, 2)];

  group.deliver({
    ...toA,
    type: 'append',
    term: 2,
    prev: { index: 2, term: 1 },
    entries,
    commit: 2,
  });
  group.heal();
  group.deliver({
    ...toA,
    type: 'append',
    term: 2,
    prev: { index: 2, term: 1 },
    entries,
    commit: 2,
  });

  t.deepEqual(group.raft('a').configuration.voters, ['a', 'b', 'c']);
});

test('etcd raft confchange_v1_remove_leader: a leader that goes does not count itself', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.changeMembers([{ remove: 'a' }]));

  group.deliver({ ...toA, type: 'append-reply', term: 1, match: 3 });
  const one = group.raft('a').status.commit;
  group.deliver({ ...toA, from: 'c', type: 'append-reply', term: 1, match: 3 });

  t.is(one, 2);
  t.like(group.raft('a').status, { commit: 3, role: 'follower' });
});

test('etcd raft TestDisruptiveFollower: one who was removed does not depose the leader', (t) => {
  const group = led('abcd');
  group.isolate('d');
  group.do('a', (raft) => raft.changeMembers([{ remove: 'd' }]));
  group.settle();
  group.heal();

  for (let count = 0; count < 60; count += 1) {
    group.tick('d');
    group.tick('a');
    group.settle();
  }

  t.like(group.raft('a').status, { role: 'leader', term: 1 });
});

test('etcd raft TestLeaderTransferRemoveNode: removing the heir ends the hand-over', (t) => {
  const group = led('abc');
  group.isolate('c');
  group.do('a', (raft) => raft.changeMembers([{ remove: 'c' }]));
  const refused = group.do('a', (raft) => raft.transfer('c'));
  group.settle();

  t.like(refused, { accepted: false, reason: 'invalid' });
  t.true(group.do('a', (raft) => raft.propose([bytes('x')])).accepted);
});

test('openraft d000ee20: an heir of an earlier term does not stand', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.transfer('b'));
  const [late] = sent(group, 'timeout-now');
  group.mail = [];
  group.do('b', (raft) => raft.step({ from: 'c', to: 'b', type: 'stale-term', term: 2 }));

  group.deliver(late as Message);

  t.like(group.raft('b').status, { role: 'follower', term: 2 });
});
