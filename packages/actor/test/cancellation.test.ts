import test from 'ava';
import { Actor, type ActorRef, ActorSystem, Cancelled, rpc } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

/** Waits for ever, and notes why it need not. */
class Leaf extends Actor {
  readonly reasons: unknown[] = [];
  @rpc wait(): Promise<never> {
    const { signal } = this.ctx;
    signal.addEventListener('abort', () => this.reasons.push(signal.reason));
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('nobody waits')));
    });
  }
  @rpc seen(): readonly unknown[] {
    return this.reasons;
  }
}

/** Calls on, and notes what came of it. */
class Relay extends Actor {
  outcome: unknown;
  @rpc async pass(via: readonly ActorRef<Relay>[], leaf: ActorRef<Leaf>): Promise<unknown> {
    await null;
    const [next, ...others] = via;
    const call = next === undefined ? leaf.wait() : next.pass(others, leaf);
    this.outcome = await call.catch((error: unknown) => error);
    return this.outcome;
  }
  @rpc async *steps(leaf: ActorRef<Leaf>): AsyncGenerator<string> {
    yield 'first';
    try {
      await leaf.wait();
    } catch (error) {
      this.outcome = error;
      throw error;
    }
  }
  @rpc seen(): unknown {
    return this.outcome;
  }
}

function start() {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const relays = [system.spawn(Relay), system.spawn(Relay), system.spawn(Relay)] as const;
  return { env, system, relays, leaf: system.spawn(Leaf), abort: new AbortController() };
}

test('an aborted call takes all calls along that wait for one another because of it', async (t) => {
  const { env, relays, leaf, abort } = start();
  const [first, second, third] = relays;
  const call = first.with({ signal: abort.signal }).pass([second, third], leaf);
  await env.settled();

  abort.abort('enough');

  t.like(await t.throwsAsync(call, { instanceOf: Cancelled }), { executed: 'unknown' });
  for (const relay of relays) {
    const outcome = await relay.seen();
    t.true(outcome instanceof Cancelled);
    t.like(outcome, { executed: 'unknown', cause: 'enough' });
  }
  t.deepEqual(await leaf.seen(), ['enough']);
});

test('a nested call that has not begun is taken back, and says so', async (t) => {
  const { env, relays, leaf, abort } = start();
  const [relay] = relays;
  const before = leaf.with({ timeoutMs: 1_000 }).wait(); // Keeps it busy.
  before.catch(() => {});
  const call = relay.with({ signal: abort.signal }).pass([], leaf);
  await env.settled();

  abort.abort();

  await t.throwsAsync(call, { instanceOf: Cancelled });
  t.like(await relay.seen(), { code: 'ERR_CANCELLED', executed: 'no' });
  await env.advance(1_100);
  t.is((await leaf.seen()).length, 1); // That of the call before; the other one never ran.
});

test('calls of other turns go on when one is cancelled', async (t) => {
  const { env, relays, leaf, system, abort } = start();
  const [aborted, other] = relays;
  const call = aborted.with({ signal: abort.signal }).pass([], system.spawn(Leaf));
  let isOver = false;
  void other.pass([], leaf).then(() => (isOver = true));
  await env.settled();

  abort.abort();
  await t.throwsAsync(call, { instanceOf: Cancelled });
  await env.settled();

  t.false(isOver);
});

test('a stream that is ended cancels what its step waits for', async (t) => {
  const { env, relays, leaf } = start();
  const [relay] = relays;
  const stream = await relay.steps(leaf);
  await stream.next();
  const step = stream.next();
  await env.settled();

  const ended = stream.return?.();

  await t.throwsAsync(step, { instanceOf: Cancelled });
  await ended;
  t.like(await relay.seen(), { code: 'ERR_CANCELLED', cause: { name: 'AbortError' } });
});
