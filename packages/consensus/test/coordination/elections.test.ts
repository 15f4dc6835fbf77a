import test from 'ava';
import { TestCluster } from './cluster.ts';

test('one of those who stand is elected, and the next when it resigns', async (t) => {
  const cluster = await TestCluster.start();
  const first = await cluster.settle(cluster.at('a').elections.campaign('boss', { value: 'a:1' }));
  const second = cluster.at('b').elections.campaign('boss', { value: 'b:1' });
  await cluster.env.advance(300);

  t.deepEqual(await cluster.settle(cluster.at('c').elections.leader('boss')), {
    value: 'a:1',
    token: first.token,
  });
  await cluster.settle(first.resign());
  const { token } = await cluster.settle(second);

  t.true(first.signal.aborted);
  t.true(token > first.token);
  t.deepEqual(await cluster.settle(cluster.at('c').elections.leader('boss')), {
    value: 'b:1',
    token,
  });
});

test('an election has no leader until somebody stands', async (t) => {
  const cluster = await TestCluster.start();

  t.is(await cluster.settle(cluster.at('a').elections.leader('boss')), undefined);
});

test('observers hear of every leader, in order, and of what it says', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder: stands, other: watches } = cluster.ranks;
  const controller = new AbortController();
  const seen: unknown[] = [];
  const observing = (async () => {
    const { signal } = controller;
    for await (const now of cluster.at(watches).elections.observe('boss', { signal })) {
      seen.push(now?.value);
    }
  })();
  await cluster.env.advance(200);

  const elected = await cluster.settle(cluster.at(leader).elections.campaign('boss', { value: 1 }));
  await cluster.env.advance(200);
  await cluster.settle(elected.proclaim(2));
  const next = cluster.at(stands).elections.campaign('boss', { value: 3 });
  await cluster.env.advance(200);
  await cluster.crash(leader);
  await cluster.settle(next);
  await cluster.env.advance(200);
  controller.abort();
  await cluster.settle(observing);

  t.deepEqual(seen, [undefined, 1, 2, 3]);
});

test('who leads no more cannot proclaim', async (t) => {
  const cluster = await TestCluster.start();
  const elected = await cluster.settle(cluster.at('a').elections.campaign('boss'));
  await cluster.settle(elected.resign());

  const error = await t.throwsAsync(cluster.settle(elected.proclaim('still here')));

  t.like(error, { code: 'ERR_NOT_HELD', executed: 'no', token: elected.token });
});

test('a snapshot that brings the same leader is no news', async (t) => {
  const cluster = await TestCluster.start({ snapshotEntries: 20, ttlMs: 60_000 });
  const { leader, other: away } = cluster.ranks;
  const node = cluster.at(leader);
  const elected = await cluster.settle(node.elections.campaign('boss', { value: 'here' }));
  const seen: unknown[] = [];
  void (async () => {
    for await (const boss of cluster.at(away).elections.observe('boss')) seen.push(boss?.value);
  })();
  await cluster.env.advance(300);
  cluster.isolate(away);

  for (let i = 0; i < 60; i += 1) await cluster.settle(node.kv.put('k', i));
  t.true(node.group.status().first > cluster.at(away).group.status().last);
  cluster.rejoin(away);
  await cluster.settle(cluster.at(away).kv.get('k'));
  await cluster.settle(elected.resign());
  await cluster.env.advance(300);

  t.deepEqual(seen, ['here', undefined]);
});

test('an observer that is given up while it waits ends at once, and one that is aborted', async (t) => {
  const cluster = await TestCluster.start();
  const { elections } = cluster.at('a');
  const observing = elections.observe('boss');
  t.deepEqual(await cluster.settle(observing.next()), { done: false, value: undefined });
  const next = observing.next();

  await cluster.settle(observing.return());
  const aborted = elections.observe('boss', { signal: AbortSignal.abort() });

  t.deepEqual(await cluster.settle(next), { done: true, value: undefined });
  t.deepEqual(await cluster.settle(aborted.next()), { done: true, value: undefined });
});
