import test from 'ava';
import { Raft } from '@troupe/raft';
import { MemoryDisk } from '@troupe/raft/testing';
import { command, first, Group, led, toA } from './group.ts';

/** Bugs that mature implementations had around the disk, and in what waits for it. */

test('openraft docs, io_ordering: an entry is never on disk without its term', (t) => {
  const group = new Group('ab', { disk: 'manual' });
  group.saved('a');

  group.deliver({
    ...toA,
    type: 'append',
    term: 5,
    prev: first,
    entries: [command(2, 5)],
    commit: 0,
  });

  const [record, ...more] = group.at('a').records;
  t.is(more.length, 0);
  t.like(record, { hardState: { term: 5 }, entries: [{ index: 2, term: 5 }] });
});

test('openraft 2af491fb: a later answer of the disk speaks for the earlier ones too', (t) => {
  const raft = new Raft({ id: 'a', voters: ['a', 'b'], seed: 1 });
  const append = { ...toA, type: 'append', term: 1, commit: 0 } as const;
  const [one, two] = [0, 1].map((at) => {
    const prev = { index: 1 + at, term: at };
    raft.step({ ...append, prev, entries: [command(2 + at, 1)] });
    return raft.ready().append?.token ?? 0;
  });

  raft.appended(two ?? 0);
  const after = raft.status.durable;
  raft.appended(one ?? 0);

  t.is(after, 3);
  t.is(raft.status.durable, 3);
});

test('ra ffe3016a: what is committed and not on this disk is not applied here', (t) => {
  const group = led('abc');
  group.isSlow = true;
  group.propose('a', 'x');
  group.settle();
  for (const id of 'bc') group.saved(id);

  group.settle();

  t.like(group.raft('a').status, { commit: 3, applied: 2 });
});

test('openraft#1761, restate#2950: reads that a lost leadership leaves behind are told so', (t) => {
  const group = led('abc');
  group.do('a', (raft) => raft.read(7));

  group.do('a', (raft) => raft.step({ ...toA, type: 'stale-term', term: 5 }));

  t.deepEqual(group.at('a').reads, [{ context: 7, outcome: 'lost' }]);
});

test('etcd#15247: a leader whose disk does not answer for an election timeout resigns', (t) => {
  const group = led('abc');
  group.isSlow = true;
  group.propose('a', 'x');

  for (let count = 0; count < 10; count += 1) {
    group.tick('a');
    for (const from of 'bc') {
      group.deliver({ type: 'heartbeat-reply', from, to: 'a', term: 1, round: 0 });
    }
  }

  t.is(group.raft('a').status.role, 'follower');
});

test('etcd raft doc.go, tikv#9579: a node that has nothing waits to be told who takes part', (t) => {
  const raft = new Raft({ id: 'a', voters: [], seed: 1 });

  raft.tick(100);
  raft.campaign();

  t.like(raft.status, { role: 'follower', term: 0 });
  t.deepEqual(raft.ready().messages, []);
});

test('etcd#13766: a restart applies what comes after the state that it finds, and that once', (t) => {
  const group = led('a');
  group.propose('a', 'x', 'y');
  const { disk } = group.at('a');
  const raft = new Raft({ id: 'a', voters: ['a'], seed: 1, durable: disk.durable(3) });

  raft.campaign();
  for (let append = raft.ready().append; append !== undefined; append = raft.ready().append) {
    raft.appended(append.token);
    if (raft.status.role === 'leader') break;
  }
  raft.appended(raft.ready().append?.token ?? 0);

  t.like(raft.ready().apply, { kind: 'entries', from: 4, to: 5 });
});

test('etcd#13766: a state that is ahead of the log it claims to come from is refused', (t) => {
  const { disk } = led('a').at('a');

  t.throws(() => new Raft({ id: 'a', voters: ['a'], seed: 1, durable: disk.durable(9) }), {
    instanceOf: RangeError,
    message: /the disk says that 9 is committed, and its log ends at 2/,
  });
});

test('a snapshot that came, and that its owner has deleted, is not told of at the start', (t) => {
  const { configuration } = led('a').raft('a');
  const snapshot = { id: 's', index: 9, term: 1, bytes: 2, configuration };
  const disk = new MemoryDisk();
  const told = (): unknown => disk.durable(0).incoming;

  disk.storeChunk(snapshot, 0, Uint8Array.of(1));
  t.deepEqual(told(), { snapshot, offset: 1 });
  disk.storeChunk(snapshot, 1, Uint8Array.of(2));
  t.deepEqual(told(), { snapshot, offset: 2 });
  disk.snapshots.delete('s');

  t.is(told(), undefined);
});
