import test from 'ava';
import { Actor, type ActorRef, Draining, rpc, SessionLost, Unreachable } from '@troupe/actor';
import type { VirtualEnv } from '@troupe/actor/testing';
import { testNodes, type TestNodeOptions } from './nodes.js';

/** Ends the turns that run, in their order. */
type Running = (() => void)[];

class Worker extends Actor {
  readonly #running: Running;
  constructor(running: Running) {
    super();
    this.#running = running;
  }
  @rpc work(what: string): Promise<string> {
    return new Promise((resolve) => this.#running.push(() => resolve(what)));
  }
}

async function remoteWorker(options: TestNodeOptions = {}) {
  const nodes = testNodes();
  const [a, b] = [await nodes.node('a', options), await nodes.node('b')];
  const running: Running = [];
  b.serve('worker', b.system.spawn(Worker, running));
  const worker = await a.find<ActorRef<Worker>>(b, 'worker');
  return { ...nodes, a, b, worker, running };
}

class Store extends Actor {
  bytes = 0;
  @rpc put(bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }
  @rpc size(): number {
    return this.bytes;
  }
}

/** Whether an outcome has come by the time that nothing more happens. */
async function hasSettled(env: VirtualEnv, outcome: Promise<unknown>): Promise<boolean> {
  let settled = false;
  outcome.finally(() => (settled = true)).catch(() => undefined);
  await env.settled();
  return settled;
}

test('a node that announces its end answers what is under way and is asked nothing new', async (t) => {
  const { b, worker, running, env } = await remoteWorker();
  const first = worker.work('first');
  await env.settled();

  const drained = b.endpoint.drain(60_000);
  t.false(await hasSettled(env, drained));
  const refused = await t.throwsAsync(worker.work('second'), { instanceOf: Draining });
  running.shift()?.();

  t.is(await first, 'first');
  await drained;
  t.like(refused, { executed: 'no', to: 'b' });
  t.is(running.length, 0);
});

test('what crossed the announcement on its way is served as well', async (t) => {
  const { b, worker, running, env } = await remoteWorker();

  const drained = b.endpoint.drain(60_000);
  const crossing = worker.work('crossing');
  await env.settled();
  running.shift()?.();

  t.is(await crossing, 'crossing');
  await drained;
});

test('tells of a node that ends become dead letters, and monitors fire at once', async (t) => {
  const letters: string[] = [];
  const { a, b, worker, env } = await remoteWorker({
    onDeadLetter: ({ reason }) => letters.push(reason.name),
  });
  await b.endpoint.drain(60_000);
  const downs: string[] = [];

  worker.tell.work('too late');
  a.system.monitor(worker, ({ reason }) => downs.push(reason.kind));
  await env.settled();

  t.deepEqual(letters, ['Draining']);
  t.deepEqual(downs, ['node-down']);
});

test('when the time for it is over, those that wait are told that they never ran', async (t) => {
  const { b, worker, env } = await remoteWorker();
  const runs = t.throwsAsync(worker.with({ timeoutMs: 60_000 }).work('runs'));
  const waits = t.throwsAsync(worker.with({ timeoutMs: 60_000 }).work('waits'));
  await env.settled();

  const drained = b.endpoint.drain(1_000);
  await env.advance(1_000);
  await drained;
  await b.endpoint.close();
  await env.settled();

  t.like(await runs, { code: 'ERR_SESSION_LOST', executed: 'unknown' });
  t.like(await waits, { code: 'ERR_DRAINING', executed: 'no' });
});

test('a call that the goodbye crosses is known not to have run', async (t) => {
  const { b, worker, env } = await remoteWorker();
  const before = t.throwsAsync(worker.work('runs'), { instanceOf: SessionLost });
  await env.settled();

  const closed = b.endpoint.close();
  const crossing = t.throwsAsync(worker.work('crosses'), { instanceOf: Unreachable });
  await closed;

  t.is((await before)?.executed, 'unknown');
  t.is((await crossing)?.executed, 'no');
});

test('a peer that is silent is waited for no longer than was asked', async (t) => {
  const { b, network, env } = await remoteWorker();
  network.freeze('a', 'b');

  const drained = b.endpoint.drain(500);
  t.false(await hasSettled(env, drained));
  await env.advance(500);

  t.true(await hasSettled(env, drained));
});

test('a peer whose connection is being made anew is waited for as well', async (t) => {
  const { b, worker, running, network, env } = await remoteWorker();
  const first = worker.work('first');
  await env.settled();
  network.cut('a', 'b');
  await env.settled();

  const drained = b.endpoint.drain(60_000);
  await env.advance(1_000);
  network.heal('a', 'b');
  await env.advance(2_000);
  t.false(await hasSettled(env, drained));
  await t.throwsAsync(worker.work('second'), { instanceOf: Draining });
  running.shift()?.();

  t.is(await first, 'first');
  await drained;
});

test('a peer that no connection leads to any more is waited for as long as its session', async (t) => {
  const { b, worker, network, env } = await remoteWorker();
  const lost = t.throwsAsync(worker.work('first'), { instanceOf: SessionLost });
  await env.settled();
  network.cut('a', 'b');
  await env.settled();

  const drained = b.endpoint.drain(60_000);
  t.false(await hasSettled(env, drained));
  await env.advance(6_000);

  t.true(await hasSettled(env, drained));
  await lost;
});

test('a peer of the version before announcements is not waited for', async (t) => {
  const { b, worker, running, env } = await remoteWorker({ versions: [1, 1] });
  const call = worker.work('first');
  await env.settled();

  t.true(await hasSettled(env, b.endpoint.drain(60_000)));
  running.shift()?.();

  t.is(await call, 'first');
});

test('what a node has told before it ends arrives, be it more than may be under way', async (t) => {
  const { node, env } = testNodes();
  const [a, b] = [await node('a'), await node('b')];
  const here = b.system.spawn(Store);
  b.serve('store', here);
  const store = await a.find<ActorRef<Store>>(b, 'store');
  for (let i = 0; i < 30; i += 1) store.tell.put(new Uint8Array(100_000));

  await a.endpoint.close();
  await env.settled();

  t.is(await here.size(), 3_000_000);
});
