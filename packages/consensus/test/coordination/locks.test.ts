import test from 'ava';
import {
  type Coordination,
  Engine,
  LockLost,
  openCoordination,
  type WaitLimits,
} from '@troupe/consensus';
import { TestCluster } from './cluster.ts';

test('one node by itself needs no configuration', async (t) => {
  await using engine = new Engine();
  await using coordination = await openCoordination(engine);
  const { locks } = coordination;
  let token = 0;
  {
    await using lock = await locks.acquire('x');
    token = lock.token;
    t.is(await locks.tryAcquire('x'), undefined);
    t.false(lock.signal.aborted);
    t.true(lock.remainingMs > 0);
  }

  await using again = await locks.acquire('x');

  t.true(again.token > token);
});

test('a lock goes from node to node, under greater tokens', async (t) => {
  const cluster = await TestCluster.start();
  const first = await cluster.settle(cluster.at('a').locks.acquire('x'));
  const waiting = ['b', 'c'].map((node) => cluster.at(node).locks.acquire('x'));
  await cluster.env.advance(500);
  t.is(await cluster.settle(cluster.at('b').locks.tryAcquire('x')), undefined);

  await cluster.settle(first.release());
  const second = await cluster.settle(Promise.race(waiting));
  t.true(first.signal.aborted);
  t.false(second.signal.aborted);
  await cluster.settle(second.release());
  const both = await cluster.settle(Promise.all(waiting));

  t.deepEqual(
    both.map(({ token }) => token > first.token),
    [true, true],
  );
  t.not(both[0]?.token, both[1]?.token);
});

test('who waits no longer than so is told, and holds up nobody', async (t) => {
  const cluster = await TestCluster.start();
  const held = await cluster.settle(cluster.at('a').locks.acquire('x'));
  const controller = new AbortController();
  const { locks } = cluster.at('b');
  const late = t.throwsAsync(locks.acquire('x', { timeoutMs: 300 }));
  const aborted = t.throwsAsync(locks.acquire('x', { signal: controller.signal }));

  await cluster.env.advance(400);
  controller.abort('changed my mind');

  t.like(await cluster.settle(late), { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
  t.like(await cluster.settle(aborted), { code: 'ERR_CANCELLED', executed: 'no' });
  await cluster.settle(held.release());
  const next = await cluster.settle(cluster.at('c').locks.acquire('x'));
  t.false(next.signal.aborted);
});

test('a signal that is aborted already asks nobody', async (t) => {
  const cluster = await TestCluster.start();
  const signal = AbortSignal.abort();

  const error = await t.throwsAsync(cluster.settle(cluster.at('a').locks.acquire('x', { signal })));

  t.like(error, { code: 'ERR_CANCELLED', executed: 'no' });
});

test('a holder that is cut off gives up before anybody else gets the lock', async (t) => {
  const cluster = await TestCluster.start();
  const { holder, other } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));
  let lostAt = 0;
  lock.signal.addEventListener('abort', () => (lostAt = cluster.env.now()));

  cluster.isolate(holder);
  const next = await cluster.settle(cluster.at(other).locks.acquire('x'));
  const gotAt = cluster.env.now();

  t.true(next.token > lock.token);
  t.true(lostAt > 0 && lostAt + 100 <= gotAt, `lost at ${lostAt}, got at ${gotAt}`);
  t.like(lock.signal.reason, { code: 'ERR_LOCK_LOST', reason: 'jeopardy', token: lock.token });
  t.is(lock.remainingMs, 0);
});

test('a session that finds back in time is safe again, and holds what it held', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 5_000 });
  const { leader, holder } = cluster.ranks;
  const node = cluster.at(holder);
  const lock = await cluster.settle(node.locks.acquire('x'));
  const session = await node.session();
  const states: string[] = [];
  void (async () => {
    for await (const state of session.events()) states.push(state);
  })();

  cluster.isolate(holder);
  await cluster.until(() => session.state === 'jeopardy');
  cluster.rejoin(holder);
  await cluster.until(() => session.state === 'safe');

  t.deepEqual(states, ['safe', 'jeopardy', 'safe']);
  t.true(lock.signal.aborted); // Nobody could tell at the time.
  t.is(await cluster.settle(cluster.at(leader).locks.tryAcquire('x')), undefined);
  await cluster.settle(lock.release());
  t.truthy(await cluster.settle(cluster.at(leader).locks.tryAcquire('x')));
});

test('what was granted while nobody could tell is handed out when the session is safe', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 5_000 });
  const { leader, holder: waiter } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(leader).locks.acquire('x'));
  const node = cluster.at(waiter);
  const session = await cluster.settle(node.session());
  const granted = node.locks.acquire('x');
  await cluster.env.advance(100);

  cluster.isolate(waiter);
  await cluster.settle(lock.release());
  await cluster.until(() => session.state === 'jeopardy');
  cluster.rejoin(waiter);
  const next = await cluster.settle(granted);

  t.is(session.state, 'safe');
  t.false(next.signal.aborted);
  t.true(next.token > lock.token);
});

test('a session trusts a renewal from when it was sent, however late it is answered', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 10_000 });
  const { holder } = cluster.ranks;
  const session = await cluster.settle(cluster.at(holder).session());

  cluster.isolate(holder);
  await cluster.env.advance(5_000); // It was sent after 2,500.
  const before = session.remainingMs;
  cluster.rejoin(holder);
  await cluster.until(() => session.remainingMs > before);

  t.true(session.remainingMs <= 8_000 - 2_500, `${session.remainingMs} ms`);
});

test('a session that ran out says so, and the next lock is on another', async (t) => {
  const cluster = await TestCluster.start();
  const { holder } = cluster.ranks;
  const node = cluster.at(holder);
  const lock = await cluster.settle(node.locks.acquire('x'));
  const session = await node.session();

  cluster.isolate(holder);
  await cluster.env.advance(3_000);
  cluster.rejoin(holder);
  await cluster.until(() => session.state === 'expired');
  const next = await cluster.settle(node.locks.acquire('x'));

  t.true(next.token > lock.token);
  t.not((await node.session()).id, session.id);
  t.true(lock.signal.reason instanceof LockLost);
  await cluster.settle(lock.release());
  t.false(next.signal.aborted);
});

test('a session that nobody answers gives up after its grace', async (t) => {
  const cluster = await TestCluster.start({ graceMs: 4_000 });
  const { holder } = cluster.ranks;
  const session = await cluster.settle(cluster.at(holder).session());

  cluster.isolate(holder);
  await cluster.env.advance(900);
  t.is(session.state, 'jeopardy');
  await cluster.env.advance(4_000);

  t.is(session.state, 'expired');
});

test('a change of leader costs no session, and a new leader gives all of them the full time', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder, other } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));
  const waiting = cluster.at(other).locks.acquire('x');

  await cluster.crash(leader);
  await cluster.env.advance(5_000);
  t.false(lock.signal.aborted);
  await cluster.settle(lock.release());

  t.true((await cluster.settle(waiting)).token > lock.token);
});

test('who leads again gives the full time again, whatever it saw when it led before', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 1_000 });
  const { leader, holder, other } = cluster.ranks;
  await cluster.settle(cluster.at(holder).locks.acquire('x'));
  await cluster.crash(holder);
  await cluster.env.advance(600);

  await cluster.settle(cluster.at(leader).group.transferLeadership(other));
  await cluster.settle(cluster.at(other).group.transferLeadership(leader));
  const ledAt = cluster.env.now();
  await cluster.settle(cluster.at(leader).locks.acquire('x'));

  t.true(cluster.env.now() - ledAt >= 1_000, `${cluster.env.now() - ledAt} ms`);
});

test('a node that is gone loses its locks, though the leader was lost with it', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder: other } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(leader).locks.acquire('x'));
  const crashedAt = cluster.env.now();

  await cluster.crash(leader);
  const next = await cluster.settle(cluster.at(other).locks.acquire('x'));

  t.true(next.token > lock.token);
  t.true(cluster.env.now() - crashedAt >= 1_000);
});

test('a lock with a delay is given to nobody for so long after its holder was lost', async (t) => {
  const cluster = await TestCluster.start();
  const { holder, other } = cluster.ranks;
  await cluster.settle(cluster.at(holder).locks.acquire('x', { lockDelayMs: 2_000 }));
  await cluster.settle(cluster.at(holder).locks.acquire('y'));
  await cluster.crash(holder);

  await cluster.settle(cluster.at(other).locks.acquire('y'));
  const withoutDelay = cluster.env.now();
  await cluster.settle(cluster.at(other).locks.acquire('x'));

  t.true(cluster.env.now() - withoutDelay >= 2_000);
});

test('shared holders hold beside each other', async (t) => {
  const cluster = await TestCluster.start();
  const shared = { shared: true };
  const readers = await cluster.settle(
    Promise.all(['a', 'b'].map((node) => cluster.at(node).locks.acquire('x', shared))),
  );
  const writing = cluster.at('c').locks.acquire('x');
  await cluster.env.advance(300);

  t.is(await cluster.settle(cluster.at('a').locks.tryAcquire('x', shared)), undefined);
  await cluster.settle(Promise.all(readers.map((reader) => reader.release())));

  t.false((await cluster.settle(writing)).signal.aborted);
});

test('a pause of the process is seen by the clock, before any timer could tell', async (t) => {
  const cluster = await TestCluster.start({}, ['a']);
  const lock = await cluster.settle(cluster.at('a').locks.acquire('x'));
  const { env } = cluster;
  const pausedMs = env.now() + 5_000;
  const now = env.now.bind(env);

  Object.defineProperty(env, 'now', { value: () => Math.max(now(), pausedMs) });

  t.is(lock.remainingMs, 0);
  t.true(lock.signal.aborted);
});

test('a node by itself that stood still ends nobody, since renewals may be waiting', async (t) => {
  const cluster = await TestCluster.start({}, ['a']);
  const { env } = cluster;
  const session = await cluster.settle(cluster.at('a').session());
  await cluster.settle(cluster.at('a').locks.acquire('x'));
  await env.advance(500);
  const now = env.now.bind(env);

  Object.defineProperty(env, 'now', { value: () => now() + 5_000 });
  const inDoubt = session.state;
  await env.advance(1_000);

  t.is(inDoubt, 'jeopardy');
  t.is(session.state, 'safe');
  t.is(await cluster.settle(cluster.at('a').locks.tryAcquire('x')), undefined);
});

test('closing gives back all that is held, without waiting for time to run out', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 60_000 });
  const { leader, holder } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x', { lockDelayMs: 9_000 }));
  const waiting = cluster.at(leader).locks.acquire('x');

  await cluster.settle(cluster.at(holder).close());

  t.true(lock.signal.aborted);
  t.false((await cluster.settle(waiting)).signal.aborted);
  t.true(cluster.env.now() < 5_000);
});

test('what is released while nobody answers is given back as soon as somebody does', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 60_000 });
  const { leader, holder } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));

  cluster.isolate(holder);
  const releasing = lock.release();
  await cluster.env.advance(15_000);
  cluster.rejoin(holder);
  await cluster.settle(releasing);

  t.truthy(await cluster.settle(cluster.at(leader).locks.tryAcquire('x')));
  t.true(cluster.env.now() < 30_000);
});

test('a group that ends on this node tells who waits and who holds', async (t) => {
  const cluster = await TestCluster.start();
  const lock = await cluster.settle(cluster.at('a').locks.acquire('x'));
  const waiting = t.throwsAsync(cluster.at('b').locks.acquire('x'));
  await cluster.env.advance(300);

  await cluster.at('b').group.stop();
  await cluster.at('a').group.stop();

  t.like(await cluster.settle(waiting), { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  await cluster.env.settled();
  t.true(lock.signal.aborted);
});

test('permits of a semaphore are for all nodes together', async (t) => {
  const cluster = await TestCluster.start();
  const pool = { permits: 2 };
  const [first, second] = await cluster.settle(
    Promise.all(['a', 'b'].map((node) => cluster.at(node).semaphores.acquire('pool', pool))),
  );

  t.is(await cluster.settle(cluster.at('c').semaphores.tryAcquire('pool', pool)), undefined);
  const error = await t.throwsAsync(
    cluster.settle(cluster.at('c').semaphores.acquire('pool', { permits: 3 })),
  );
  t.like(error, { code: 'ERR_SIZE_MISMATCH', executed: 'no', size: 2, asked: 3 });
  await cluster.settle(Promise.all([first?.release(), second?.release()]));

  t.truthy(await cluster.settle(cluster.at('c').semaphores.tryAcquire('pool', { permits: 3 })));
});

test('a barrier lets all go on when all have come, and leave when all have done', async (t) => {
  const cluster = await TestCluster.start();
  const order: string[] = [];
  const run = async (node: string): Promise<void> => {
    const passage = await cluster.at(node).barriers.enter('start', { size: 3 });
    order.push('in');
    await passage.leave();
    order.push('out');
  };
  const running = ['a', 'b'].map(run);
  await cluster.env.advance(1_000);
  t.deepEqual(order, []);

  await cluster.settle(Promise.all([...running, run('c')]));

  t.deepEqual(order, ['in', 'in', 'in', 'out', 'out', 'out']);
});

test('who gives up a barrier is not counted', async (t) => {
  const cluster = await TestCluster.start();
  const enter = (node: string, timeoutMs?: number) =>
    cluster.at(node).barriers.enter('start', { size: 2, ...(timeoutMs && { timeoutMs }) });

  const error = await t.throwsAsync(cluster.settle(enter('a', 200)));
  const waiting = enter('b');
  await cluster.env.advance(500);
  const both = await cluster.settle(Promise.all([waiting, enter('c')]));

  t.like(error, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
  t.is(both.length, 2);
});

test('who waits, or comes, while its node closes is told, and nobody waits for it afterwards', async (t) => {
  const cluster = await TestCluster.start({ ttlMs: 60_000 });
  const { leader, holder, other } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));
  const waiting = t.throwsAsync(cluster.at(other).locks.acquire('x'));
  await cluster.env.advance(300);

  const closing = cluster.at(other).close();
  const late = t.throwsAsync(cluster.at(other).locks.acquire('y'));
  await cluster.settle(closing);
  for (const told of [waiting, late]) {
    t.like(await cluster.settle(told), { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  }
  await cluster.settle(lock.release());

  const { locks } = cluster.at(leader);
  await cluster.settle(Promise.all([locks.acquire('x'), locks.acquire('y')]));
  t.true(cluster.env.now() < 10_000);
});

test('closing does not wait for a majority that is not there', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder } = cluster.ranks;
  await cluster.settle(cluster.at(holder).kv.put('k', 1));
  cluster.isolate(holder);
  const since = cluster.env.now();

  await cluster.settle(cluster.at(holder).close());

  t.true(cluster.env.now() - since <= 3_000, `it took ${cluster.env.now() - since} ms`);
  await cluster.settle(cluster.at(leader).kv.get('k'));
});

test('who waited for too long is told what for', async (t) => {
  const cluster = await TestCluster.start();
  const { holder, other } = cluster.ranks;
  await cluster.settle(cluster.at(holder).locks.acquire('x'));
  const late = { timeoutMs: 300 };

  const held = await t.throwsAsync(cluster.settle(cluster.at(other).locks.acquire('x', late)));
  const alone = await t.throwsAsync(
    cluster.settle(cluster.at(other).barriers.enter('b', { size: 2, ...late })),
  );

  t.regex(held?.message ?? '', /lock x within 300 ms: .*; at last: others have it, or came first$/);
  t.regex(alone?.message ?? '', /barrier b within 300 ms: .*; at last: others have not come$/);
});

const wants: readonly [what: string, want: (at: Coordination, wait: WaitLimits) => unknown][] = [
  ['a lock', ({ locks }, wait) => locks.acquire('x', wait)],
  ['a permit', ({ semaphores }, wait) => semaphores.acquire('x', { permits: 1, ...wait })],
  ['an election', ({ elections }, wait) => elections.campaign('x', { value: 1, ...wait })],
  ['a barrier', ({ barriers }, wait) => barriers.enter('x', { size: 2, ...wait })],
  ['the session', (at, wait) => at.session(wait)],
];
for (const [what, want] of wants) {
  test(`who waits for ${what} where there is no majority is told so`, async (t) => {
    const cluster = await TestCluster.start();
    const { holder } = cluster.ranks;
    cluster.isolate(holder);

    const waiting = cluster.settle(Promise.resolve(want(cluster.at(holder), { timeoutMs: 3_000 })));
    const error = await t.throwsAsync(waiting, { code: 'ERR_DEADLINE_EXCEEDED' });

    t.like(error?.cause, { code: 'ERR_GROUP_STALLED', leader: undefined, reachable: [holder] });
    t.regex(error?.message ?? '', /within 3000 ms: .*; at last: nobody leads group coordination: /);
  });
}

test('tokens grow though all nodes begin anew from what they have saved', async (t) => {
  const cluster = await TestCluster.start();
  const tokens: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const lock = await cluster.settle(cluster.at('a').locks.acquire('x'));
    tokens.push(lock.token);
    for (const node of cluster.voters) await cluster.crash(node);
    await cluster.settle(Promise.all(cluster.voters.map((node) => cluster.join(node))));
  }

  t.deepEqual(
    tokens.map((token, i) => token > (tokens[i - 1] ?? 0)),
    [true, true, true],
  );
});

for (const afterMs of [0, 1, 5, 10, 20, 40]) {
  test(`who gives up ${afterMs} ms after a release holds up nobody`, async (t) => {
    const cluster = await TestCluster.start({ ttlMs: 60_000 });
    const { leader, holder, other } = cluster.ranks;
    const held = await cluster.settle(cluster.at(holder).locks.acquire('x'));
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = cluster.at(other).locks.acquire('x', { signal });
    const given = waiting.then(
      (lock) => lock.release(),
      (error: unknown) => t.like(error, { code: 'ERR_CANCELLED', executed: 'no' }),
    );
    await cluster.env.advance(300);

    void held.release();
    await cluster.env.advance(afterMs);
    controller.abort();
    await cluster.settle(given);

    await cluster.settle(cluster.at(leader).locks.acquire('x'));
    t.true(cluster.env.now() < 10_000);
  });
}

test('a machine that was asleep knows by its other clock, when the first has stood still', async (t) => {
  const cluster = await TestCluster.start({}, ['a']);
  const lock = await cluster.settle(cluster.at('a').locks.acquire('x'));
  const { env } = cluster;
  const wallTime = env.wallTime.bind(env);

  Object.defineProperty(env, 'wallTime', { value: () => wallTime() + 5_000 });

  t.is(lock.remainingMs, 0);
  t.true(lock.signal.aborted);
  await cluster.until(() => cluster.at('a').presentSession?.state === 'safe');
});

test('a clock that was set back lengthens nothing', async (t) => {
  const cluster = await TestCluster.start();
  const { holder } = cluster.ranks;
  const lock = await cluster.settle(cluster.at(holder).locks.acquire('x'));
  const { env } = cluster;
  const wallTime = env.wallTime.bind(env);
  Object.defineProperty(env, 'wallTime', { value: () => wallTime() - 60_000 });
  await env.advance(600);

  cluster.isolate(holder);
  await env.advance(900);

  t.true(lock.signal.aborted);
});

test('permits that were waited for in a session that was lost come in the next', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder } = cluster.ranks;
  const pool = { permits: 2, take: 2 };
  const held = await cluster.settle(cluster.at(leader).semaphores.acquire('pool', pool));
  const waiting = cluster.at(holder).semaphores.acquire('pool', pool);
  await cluster.env.advance(300);
  const before = cluster.at(holder).presentSession;

  cluster.isolate(holder);
  await cluster.env.advance(3_000);
  cluster.rejoin(holder);
  await cluster.until(() => before?.state === 'expired');
  await cluster.settle(held.release());
  const permits = await cluster.settle(waiting);

  t.false(permits.signal.aborted);
  t.not(cluster.at(holder).presentSession?.id, before?.id);
  t.is(await cluster.settle(cluster.at(leader).semaphores.tryAcquire('pool', pool)), undefined);
});

test('who waits in a barrier and loses its session is told, and is not counted', async (t) => {
  const cluster = await TestCluster.start();
  const { leader, holder, other } = cluster.ranks;
  const enter = (node: string) => cluster.at(node).barriers.enter('start', { size: 2 });
  const waiting = t.throwsAsync(enter(holder));
  await cluster.env.advance(300);

  cluster.isolate(holder);
  await cluster.env.advance(3_000);
  cluster.rejoin(holder);
  t.like(await cluster.settle(waiting), { code: 'ERR_LEASE_EXPIRED', executed: 'no' });
  let isOpen = false;
  const first = enter(leader).then(() => (isOpen = true));
  await cluster.env.advance(1_000);
  t.false(isOpen);

  t.truthy(await cluster.settle(enter(other)));
  await cluster.settle(first);
});

test('who comes to a barrier again before all have left it waits for the next round', async (t) => {
  const cluster = await TestCluster.start();
  const rounds: string[] = [];
  const run = async (node: string, pauseMs: number): Promise<void> => {
    for (let round = 1; round <= 3; round += 1) {
      await using _ = await cluster.at(node).barriers.enter('round', { size: 2 });
      rounds.push(`${round}`);
      await new Promise<void>((resolve) => void cluster.env.setTimer(pauseMs, resolve));
    }
  };

  await cluster.settle(Promise.all([run('a', 0), run('b', 500)]));

  t.deepEqual(rounds, ['1', '1', '2', '2', '3', '3']);
});

const longest: readonly [
  what: string,
  call: (on: Coordination, name: string) => Promise<unknown>,
][] = [
  ['a lock', ({ locks }, name) => locks.acquire(name)],
  ['a semaphore', ({ semaphores }, name) => semaphores.acquire(name, { permits: 1 })],
  ['an election', ({ elections }, name) => elections.campaign(name)],
  ['a barrier', ({ barriers }, name) => barriers.enter(name, { size: 1 })],
];
for (const [what, call] of longest) {
  test(`the name of ${what} may have 1,024 characters`, async (t) => {
    await using engine = new Engine();
    await using coordination = await openCoordination(engine);

    await t.notThrowsAsync(call(coordination, 'x'.repeat(1_024)));
  });
}
