import test from 'ava';
import { processEnv } from '@troupe/actor';
import { MemoryStore } from '@troupe/consensus';
import { Adder } from '@troupe/consensus/conformance';
import { save } from '@troupe/consensus/store-conformance';
import { type Entry, Raft, type Snapshot } from '@troupe/raft';
import { Feed } from '../dist/feed.js';
import { SnapshotMaker } from '../dist/snapshot-maker.js';
import { Snapshots } from '../dist/snapshots.js';

const voters = ['a', 'b', 'c'];
const configuration = { voters, outgoing: [], learners: [], promotable: [], witnesses: [] };
const data = new Uint8Array(9);

function at(index: number): Snapshot {
  return { id: `s${index}`, index, term: 1, bytes: data.length, configuration };
}

test('a snapshot that was made while a newer one came is not put in its place', async (t) => {
  const hardState = { term: 1, votedFor: undefined, commit: 5 };
  const entries = [{ kind: 'noop', index: 5, term: 1 }] as const;
  const durable = { hardState, snapshot: at(4), base: { index: 4, term: 1 }, entries, applied: 4 };
  const raft = new Raft({
    id: 'b',
    voters,
    seed: 1,
    durable: { ...durable, entries: [...entries] },
  });
  const store = new MemoryStore();
  await save(store, { g: { snapshot: at(4), hardState } });
  await save(store, { g: { entries } });
  for (const { id } of [at(4), at(5), at(9)]) await store.writeSnapshot('g', id, [data]);
  const snapshots = new Snapshots('g', { node: 'b', env: processEnv(), store });
  snapshots.latest = at(4);
  raft.ready();
  raft.applied(5);
  const from = { from: 'a', to: 'b', term: 1 };
  raft.step({ ...from, type: 'snapshot-offer', snapshot: at(9) });
  raft.step({ ...from, type: 'snapshot-chunk', id: 's9', offset: 0, data });
  raft.ready();
  raft.stored('s9', data.length);

  await snapshots.adopt(raft, at(5), 0);

  t.is(snapshots.latest.id, 's4');
  t.is((await store.recover('g'))?.snapshot?.id, 's4');
  t.deepEqual(await Promise.all([at(4), at(5), at(9)].map((each) => snapshots.isSound(each))), [
    true,
    false,
    true,
  ]);
});

test('a snapshot that is written is kept until it is adopted, also when another is before', async (t) => {
  const hardState = { term: 1, votedFor: undefined, commit: 6 };
  const base = { index: 4, term: 1 };
  const entries = [5, 6].map((index) => ({ kind: 'noop', index, term: 1 }) as const);
  const durable = { hardState, snapshot: at(4), base, entries, applied: 4 };
  const raft = new Raft({ id: 'b', voters, seed: 1, durable });
  const store = new MemoryStore();
  await save(store, { g: { snapshot: at(4), hardState } });
  await save(store, { g: { entries } });
  for (const { id } of [at(4), at(5)]) await store.writeSnapshot('g', id, [data]);
  const snapshots = new Snapshots('g', { node: 'b', env: processEnv(), store });
  snapshots.latest = at(4);
  raft.ready();
  raft.applied(6);

  const made = await snapshots.make(raft, 6, new Adder());
  await snapshots.adopt(raft, at(5), 0);
  await snapshots.adopt(raft, made, 0);

  t.is(snapshots.latest, made);
  t.true(made.bytes > 0);
  t.true(await snapshots.isSound(made));
});

/** A node whose state is that of 5, and that has just been sent one of 9 in place of its log. */
async function overtaken() {
  const hardState = { term: 1, votedFor: undefined, commit: 5 };
  const entries: Entry[] = [{ kind: 'noop', index: 5, term: 1 }];
  const durable = { hardState, snapshot: at(4), base: { index: 4, term: 1 }, entries, applied: 4 };
  const raft = new Raft({ id: 'b', voters, seed: 1, durable });
  const store = new MemoryStore();
  await save(store, { g: { snapshot: at(4), hardState } });
  await save(store, { g: { entries } });
  for (const { id } of [at(4), at(9)]) await store.writeSnapshot('g', id, [data]);
  const snapshots = new Snapshots('g', { node: 'b', env: processEnv(), store });
  snapshots.latest = at(4);
  raft.ready();
  raft.applied(5);
  const from = { from: 'a', to: 'b', term: 1 };
  raft.step({ ...from, type: 'snapshot-offer', snapshot: at(9) });
  raft.step({ ...from, type: 'snapshot-chunk', id: 's9', offset: 0, data });
  raft.ready();
  raft.stored('s9', data.length);
  await save(store, { g: raft.ready().append ?? {} });
  return { raft, store, snapshots };
}

test('a log that a snapshot has come in place of is not shortened by an older one', async (t) => {
  const { raft, store, snapshots } = await overtaken();

  await snapshots.shorten(raft);

  t.like(await store.recover('g'), { snapshot: { id: 's9' }, base: { index: 9 } });
});

test('no snapshot is made of a state in whose place another is about to come', async (t) => {
  const { raft, store, snapshots } = await overtaken();
  const limits = { snapshotEntries: 1, keepEntries: 0 };
  const parts = {
    group: 'g',
    node: 'b',
    env: processEnv(),
    machine: new Adder(),
    feed: new Feed(),
  };
  const maker = new SnapshotMaker({ ...parts, raft, snapshots, limits, hasEnded: () => false });

  await t.notThrowsAsync(maker.makeIfDue(5));
  await t.notThrowsAsync(maker.shorten({ isUrgent: true }));

  t.is((await store.recover('g'))?.snapshot?.id, 's9');
});
