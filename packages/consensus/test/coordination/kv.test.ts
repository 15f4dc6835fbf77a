import test from 'ava';
import { Engine, type KeyChange, type KeyWatch, openCoordination } from '@troupe/consensus';
import { TestCluster } from './cluster.ts';

/** `key=value`, or `-key`. */
function wordsFor({ events }: KeyChange): readonly string[] {
  return events.map((event) =>
    event.kind === 'put' ? `${event.key}=${String(event.value)}` : `-${event.key}`,
  );
}

async function take(watch: KeyWatch, count: number): Promise<readonly KeyChange[]> {
  const changes: KeyChange[] = [];
  for await (const change of watch) {
    changes.push(change);
    if (changes.length === count) break;
  }
  return changes;
}

test('values are plain data, and every node reads what was put before', async (t) => {
  const cluster = await TestCluster.start();
  const value = { at: new Date(5), tags: new Set(['x']), bytes: Uint8Array.of(1) };

  const made = await cluster.settle(cluster.at('a').kv.put('k', value));
  const read = await cluster.settle(cluster.at('b').kv.get('k'));

  t.like(read, { key: 'k', lease: undefined, ...made });
  t.deepEqual(read?.value, value);
  t.is(await cluster.settle(cluster.at('c').kv.get('other')), undefined);
});

test('a key changes only from the revision that was seen', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { kv } = coordination;

  const first = await kv.compareAndSet('k', { revision: 0, value: 1 });
  const second = await kv.compareAndSet('k', { revision: first ?? -1, value: 2 });
  const third = await kv.compareAndSet('k', { revision: first ?? -1, value: 3 });

  t.is((await kv.get('k'))?.value, 2);
  t.true((second ?? 0) > (first ?? 0));
  t.is(third, undefined);
});

test('a transaction looks, and does one thing or the other', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { kv } = coordination;
  await kv.put('ann', 5);
  const pay = {
    if: [
      { key: 'ann', value: 5 },
      { key: 'bob', exists: false },
    ],
    do: [{ put: 'ann', value: 3 }, { put: 'bob', value: 2 }, { get: 'ann' }],
    else: [{ get: 'ann' }, { delete: 'nobody' }],
  };

  const done = await kv.transact(pay);
  const refused = await kv.transact(pay);

  t.true(done.succeeded);
  t.like(done.results[2], { found: { key: 'ann', value: 3, revision: done.revision } });
  t.false(refused.succeeded);
  t.like(refused.results, { 0: { found: { value: 3 } }, 1: { deleted: 0 } });
});

test('a write under a lock that was lost changes nothing', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder, other } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));
  cluster.isolate(holder);
  const next = await cluster.settle(cluster.at(other).locks.acquire('x'));
  cluster.rejoin(holder);

  const write = (node: string, token: number) =>
    cluster.settle(
      cluster.at(node).kv.transact({ if: [{ lock: 'x', token }], do: [{ put: 'k', value: node }] }),
    );
  const results = [await write(holder, lock.token), await write(other, next.token)];

  t.deepEqual(
    results.map(({ succeeded }) => succeeded),
    [false, true],
  );
  t.is((await cluster.settle(cluster.at(leader).kv.get('k')))?.value, other);
});

test('keys are read in order, a page at a time, and deleted by ranges', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { kv } = coordination;
  for (const key of ['b', 'a/2', 'a/1', 'a/3']) await kv.put(key, key);

  const first = await kv.range({ prefix: 'a/' }, { limit: 2 });
  const rest = await kv.range(
    { prefix: 'a/' },
    { limit: 2, after: first.entries.at(-1)?.key ?? '' },
  );
  const deleted = await kv.delete({ from: 'a/1', to: 'a/3' });

  t.deepEqual(
    first.entries.map(({ key }) => key),
    ['a/1', 'a/2'],
  );
  t.true(first.more);
  t.deepEqual(
    rest.entries.map(({ value }) => value),
    ['a/3'],
  );
  t.false(rest.more);
  t.is(deleted, 2);
  t.deepEqual(
    (await kv.range({ prefix: '' })).entries.map(({ key }) => key),
    ['a/3', 'b'],
  );
});

test('keys of a lease go when it is not renewed, and those of a session when that ends', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder } = cluster.ranks;
  const { kv } = cluster.at(leader);
  const lease = await cluster.settle(kv.lease(2_000));
  const session = await cluster.settle(cluster.at(holder).session());
  await cluster.settle(kv.put('lease', 1, { lease }));
  await cluster.settle(cluster.at(holder).kv.put('session', 1, { lease: session }));
  const keys = async (): Promise<readonly string[]> =>
    (await cluster.settle(kv.range({ prefix: '' }))).entries.map(({ key }) => key);

  await cluster.env.advance(1_500);
  await cluster.settle(lease.renew());
  await cluster.env.advance(1_500);
  t.deepEqual(await keys(), ['lease', 'session']);
  await cluster.env.advance(1_500);
  t.deepEqual(await keys(), ['session']);
  await cluster.crash(holder);
  await cluster.env.advance(1_500);

  t.deepEqual(await keys(), []);
  t.like(await t.throwsAsync(cluster.settle(lease.renew())), { code: 'ERR_LEASE_EXPIRED' });
});

test('a watch tells of each revision once, in order, and only of its keys', async (t) => {
  const cluster = await TestCluster.start();
  const watch = await cluster.settle(cluster.at('b').kv.watch({ prefix: 'a/' }));
  const { kv } = cluster.at('a');
  const taking = take(watch, 3);

  await cluster.settle(kv.put('a/1', 1));
  await cluster.settle(kv.put('b', 1));
  await cluster.settle(kv.transact({ do: [{ put: 'a/2', value: 2 }, { delete: 'a/1' }] }));
  await cluster.settle(kv.delete('a/2'));
  const changes = await cluster.settle(taking);

  t.deepEqual(changes.map(wordsFor), [['a/1=1'], ['a/2=2', '-a/1'], ['-a/2']]);
  const revisions = changes.map(({ revision }) => revision);
  t.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
});

test('a watch resumes behind the revision that was seen last, on another node, over a change of leader', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder: one, other: two } = cluster.ranks;
  const { kv } = cluster.at(one);
  const { revision } = await cluster.settle(kv.put('k', 0));
  const watch = await cluster.settle(kv.watch({ key: 'k' }, { from: revision }));
  const [seen] = await cluster.settle(take(watch, 1));
  await cluster.settle(kv.put('k', 1));

  await cluster.crash(leader);
  await cluster.settle(cluster.at(two).kv.put('k', 2));
  const from = (seen?.revision ?? 0) + 1;
  const resumed = await cluster.settle(cluster.at(two).kv.watch({ key: 'k' }, { from }));
  const changes = await cluster.settle(take(resumed, 2));

  t.deepEqual(
    [seen, ...changes].flatMap((change) => change && wordsFor(change)),
    ['k=0', 'k=1', 'k=2'],
  );
});

test('a watch from a revision that is not kept says which is the first there', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { kv } = coordination;
  const put = (value: number) => ({ put: `k${value % 100}`, value });
  for (let batch = 0; batch < 101; batch += 1) {
    await kv.transact({ do: Array.from({ length: 100 }, (_, i) => put(i)) });
  }

  const watch = await kv.watch({ prefix: '' }, { from: 1 });
  const error = await t.throwsAsync(take(watch, 1));

  t.like(error, { code: 'ERR_COMPACTED', executed: 'no', revision: 1 });
  const { first } = error as unknown as { readonly first: number };
  const [change] = await take(await kv.watch({ prefix: '' }, { from: first }), 1);
  t.is(change?.events.length, 100);
});

test('a node that is sent a snapshot goes on with its watches, and misses nothing', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, other: away } = cluster.ranks;
  const watch = await cluster.settle(cluster.at(away).kv.watch({ prefix: 'k' }));
  const taking = take(watch, 60);
  cluster.isolate(away);

  for (let i = 0; i < 60; i += 1) await cluster.settle(cluster.at(leader).kv.put(`k${i}`, i));
  await cluster.settle(cluster.at(leader).group.snapshot()); // No change comes after it.
  t.true(cluster.at(leader).group.status().first > cluster.at(away).group.status().last);
  cluster.rejoin(away);
  const changes = await cluster.settle(taking);

  t.deepEqual(
    changes.flatMap(wordsFor),
    Array.from({ length: 60 }, (_, i) => `k${i}=${i}`),
  );
});

test('a watch ends with its signal, and when it is given up', async (t) => {
  const cluster = await TestCluster.start();
  const controller = new AbortController();
  const { kv } = cluster.at('a');
  const watch = await cluster.settle(kv.watch({ prefix: '' }, { signal: controller.signal }));
  const other = await cluster.settle(kv.watch({ prefix: '' }));
  const [next, last] = [watch.next(), other.next()];

  controller.abort();
  await other.return();

  t.deepEqual(
    [await next, await last],
    [
      { done: true, value: undefined },
      { done: true, value: undefined },
    ],
  );
});

test('a node has so many watches, and another when one has ended', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { kv } = coordination;
  const open = () => kv.watch({ prefix: '' }, { from: 1 });
  const watches = await Promise.all(Array.from({ length: 1_024 }, open));

  const error = await t.throwsAsync(open());
  await watches[0]?.return();

  t.like(error, { code: 'ERR_OVERLOADED', executed: 'no', bound: 'watches', limit: 1_024 });
  await t.notThrowsAsync(open());
});
