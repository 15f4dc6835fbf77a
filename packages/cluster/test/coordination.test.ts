import test from 'ava';
import { virtualEnv } from '@troupe/actor/testing';
import { type Node, startNode } from '@troupe/cluster';
import { MemoryStore } from '@troupe/consensus';
import { MemoryNetwork } from '@troupe/remote';

test('a node by itself coordinates without configuration', async (t) => {
  await using node = await startNode();
  const { locks, kv } = await node.coordination();

  await using lock = await locks.acquire('reindex');
  await kv.put('by', lock.token);

  t.is((await kv.get('by'))?.value, lock.token);
  t.is(await node.coordination(), await node.coordination());
});

test('a node that stops gives back what it holds, and one that closed may begin again', async (t) => {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const voters = ['a', 'b', 'c'];
  const start = (name: string): Promise<Node> =>
    startNode({
      name,
      listen: `${name}:1`,
      join: name === 'a' ? [] : ['a:1'],
      env,
      transport: network.transport(name),
      consensus: { store: new MemoryStore(), voters },
    });
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    const settled = new AbortController();
    const done = (): void => settled.abort();
    promise.then(done, done);
    while (!settled.signal.aborted && env.now() < 120_000) await env.advance(10);
    return promise;
  };
  const [a, b, c] = await settle(Promise.all([start('a'), start('b'), start('c')]));
  const open = (node: Node) => settle(node.coordination({ ttlMs: 60_000 }));
  const [first, second, third] = [await open(a), await open(b), await open(c)];
  const lock = await settle(second.locks.acquire('x'));
  const waiting = third.locks.acquire('x');
  const startedAt = env.now();

  await settle(b.stop());
  const next = await settle(waiting);

  t.true(lock.signal.aborted);
  t.true(next.token > lock.token);
  t.true(env.now() - startedAt < 30_000); // It did not have to run out of time.
  await settle(first.close());
  const again = await open(a);
  t.not(again, first);
  t.is(await settle(again.locks.tryAcquire('x')), undefined);
  await settle(Promise.all([a.stop(), c.stop()]));
});
