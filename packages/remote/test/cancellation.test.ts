import test from 'ava';
import { Actor, type ActorRef, Cancelled, DeadlineExceeded, rpc } from '@troupe/actor';
import { testNodes } from './nodes.js';

/** Waits until nobody waits for it, and notes that. */
class Leaf extends Actor {
  reason: unknown;
  runs = 0;
  @rpc wait(_bytes?: Uint8Array): Promise<never> {
    this.runs += 1;
    const { signal } = this.ctx;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.reason = signal.reason;
        reject(new Error('nobody waits'));
      });
    });
  }
  @rpc run(): void {
    this.runs += 1;
  }
  @rpc why(): unknown {
    return this.reason;
  }
  @rpc seen(): { readonly runs: number; readonly isTold: boolean } {
    return { runs: this.runs, isTold: this.reason instanceof Error };
  }
}

class Relay extends Actor {
  outcomes: unknown[] = [];
  @rpc async pass(leaf: ActorRef<Leaf>): Promise<void> {
    await null;
    this.outcomes.push(await leaf.wait().catch((error: unknown) => error));
    this.outcomes.push(await leaf.run().catch((error: unknown) => error));
  }
  @rpc seen(): readonly unknown[] {
    return this.outcomes;
  }
}

/** Node a calls a relay on b, and that one a leaf on c. */
async function start() {
  const nodes = testNodes();
  const [a, b, c] = [await nodes.node('a'), await nodes.node('b'), await nodes.node('c')];
  const leaf = c.system.spawn(Leaf);
  c.serve('leaf', leaf);
  const relay = b.system.spawn(Relay);
  b.serve('relay', relay);
  return {
    ...nodes,
    a,
    b,
    leaf,
    relay,
    relayFromA: await a.find<ActorRef<Relay>>(b, 'relay'),
    leafFromA: await a.find<ActorRef<Leaf>>(c, 'leaf'),
    leafFromB: await b.find<ActorRef<Leaf>>(c, 'leaf'),
  };
}

test('an aborted call is cancelled all the way, over a second node to a third', async (t) => {
  const { env, leaf, relay, relayFromA, leafFromA } = await start();
  const abort = new AbortController();
  const call = relayFromA.with({ signal: abort.signal }).pass(leafFromA);
  await env.settled();

  abort.abort();

  await t.throwsAsync(call, { instanceOf: Cancelled });
  await env.settled();
  const [waited, calledAfter] = await relay.seen();
  t.like(waited, { code: 'ERR_CANCELLED', executed: 'unknown' });
  // And it can call nobody any more, with how much time it may have begun.
  t.like(calledAfter, { code: 'ERR_CANCELLED', executed: 'no' });
  t.deepEqual(await leaf.seen(), { runs: 1, isTold: true });
});

const tellsWhy = test.macro({
  title: (what) => `a method on another node sees why its call was aborted: ${what}`,
  async exec(t, reason: unknown, seen: unknown = reason) {
    const { env, leaf, leafFromB } = await start();
    const abort = new AbortController();
    const call = leafFromB.with({ signal: abort.signal }).wait();
    await env.settled();

    abort.abort(reason);

    await t.throwsAsync(call, { instanceOf: Cancelled });
    await env.settled();
    const found = await leaf.why();
    if (seen instanceof Error) t.like(found, { name: seen.name, message: seen.message });
    else t.deepEqual(found, seen);
  },
});
test('an error', tellsWhy, new RangeError('enough'));
test('plain data', tellsWhy, { by: 'ann' });
test(
  'not when it cannot be sent',
  tellsWhy,
  Symbol('odd'),
  new DOMException('cancelled by the caller', 'AbortError'),
);
test(
  'not given',
  tellsWhy,
  undefined,
  new DOMException('This operation was aborted', 'AbortError'),
);

test('what cancels a large call does not overtake it', async (t) => {
  const { env, leaf, leafFromB } = await start();
  const abort = new AbortController();
  const call = leafFromB.with({ signal: abort.signal }).wait(new Uint8Array(1_000_000));

  abort.abort();

  await t.throwsAsync(call, { instanceOf: Cancelled });
  await env.settled();
  const { runs, isTold } = await leaf.seen();
  t.is(isTold, runs === 1);
});

test('the end of a session is a cancellation for what its calls have led to', async (t) => {
  const { env, a, leaf, relay, relayFromA, leafFromA } = await start();
  const call = relayFromA.pass(leafFromA);
  await env.settled();

  await a.endpoint.close();

  await t.throwsAsync(call, { code: 'ERR_SESSION_LOST' });
  await env.settled();
  t.like((await relay.seen())[0], { code: 'ERR_CANCELLED' });
  t.deepEqual(await leaf.seen(), { runs: 1, isTold: true });
});

test('the deadline of a nested call is a deadline on every node', async (t) => {
  const { env, relay, relayFromA, leafFromA } = await start();
  const call = relayFromA.with({ timeoutMs: 500 }).pass(leafFromA);
  const late = t.throwsAsync(call, { instanceOf: DeadlineExceeded });
  await env.settled();

  await env.advance(1_000);

  await late;
  t.like((await relay.seen())[0], { code: 'ERR_DEADLINE_EXCEEDED', executed: 'unknown' });
});

for (const how of ['expires', 'is aborted'] as const) {
  test(`a call on a result that ${how} before that is there never runs`, async (t) => {
    const { env, a, b, leaf, leafFromB } = await start();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    class Keeper extends Actor {
      @rpc async leaf(): Promise<ActorRef<Leaf>> {
        await gate;
        return leafFromB;
      }
    }
    b.serve('keeper', b.system.spawn(Keeper));
    const keeper = await a.find<ActorRef<Keeper>>(b, 'keeper');
    const abort = new AbortController();
    const options = { timeoutMs: how === 'expires' ? 100 : 5_000, signal: abort.signal };
    const call = keeper.with(options).leaf().run();
    const failed = t.throwsAsync(call);
    await env.settled();

    if (how === 'expires') await env.advance(300);
    else abort.abort();
    await failed;
    open();
    await env.settled();

    t.deepEqual(await leaf.seen(), { runs: 0, isTold: false });
  });
}
