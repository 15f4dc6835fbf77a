import test from 'ava';
import { Actor, type ActorRef, rpc } from '@troupe/actor';
import { BadFrame } from '@troupe/remote';
import { testNodes } from './nodes.js';

class Waiter extends Actor {
  #held: AbortSignal | undefined;
  @rpc async until(signal: AbortSignal): Promise<string> {
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
    return `aborted: ${(signal.reason as Error).message}`;
  }
  @rpc hold(options: { readonly signal: AbortSignal; readonly text?: string }): void {
    this.#held = options.signal;
  }
  @rpc isAborted(): boolean | undefined {
    return this.#held?.aborted;
  }
}

async function remoteWaiter() {
  const nodes = testNodes();
  const a = await nodes.node('a');
  const b = await nodes.node('b');
  b.serve('waiter', b.system.spawn(Waiter));
  const waiter = await a.find<ActorRef<Waiter>>(b, 'waiter');
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;
  return { ...nodes, waiter, toB, toA };
}

test('aborting a signal reaches the method that was given it, with its reason', async (t) => {
  const { waiter, env } = await remoteWaiter();
  const controller = new AbortController();
  const call = waiter.until(controller.signal);
  await env.settled();

  controller.abort(new Error('enough'));

  t.is(await call, 'aborted: enough');
  t.is(await waiter.until(AbortSignal.abort(new Error('before'))), 'aborted: before');
});

test('a signal outlives the call that brought it', async (t) => {
  const { waiter, env, toA, toB } = await remoteWaiter();
  const controller = new AbortController();
  await waiter.hold({ signal: controller.signal });
  t.false(await waiter.isAborted());

  controller.abort();
  await env.settled();

  t.true(await waiter.isAborted());
  t.is(toB?.loans.signals.lent, 0);
  t.is(toA?.loans.signals.held, 0);
});

test('a signal is aborted where it was sent even if it is aborted before it has left', async (t) => {
  const { waiter, env } = await remoteWaiter();
  const controller = new AbortController();
  const text = 'x'.repeat(500_000); // Leaves in pieces, which smaller frames may overtake.
  const held = waiter.hold({ signal: controller.signal, text });

  controller.abort();
  await held;
  await env.settled();

  t.true(await waiter.isAborted());
});

test('a signal that nobody can abort any more is forgotten on both nodes', async (t) => {
  const { waiter, env, toA, toB } = await remoteWaiter();
  const { signal } = new AbortController();
  await waiter.hold({ signal });
  t.is(toA?.loans.signals.held, 1);

  env.collect(signal);
  await env.settled();

  t.is(toB?.loans.signals.lent, 0);
  t.is(toA?.loans.signals.held, 0);
  t.false(await waiter.isAborted());
});

test('a signal is aborted when the session that it came by is lost', async (t) => {
  const { waiter, env, toB } = await remoteWaiter();
  await waiter.hold({ signal: new AbortController().signal });

  toB?.end(new Error('cut for the test'));
  await env.settled();

  t.true(await waiter.isAborted());
});

for (const [what, tag] of [
  ['signal', 18],
  ['stream', 17],
] as const) {
  test(`a ${what} of a number that is in use breaks the protocol and harms no other`, async (t) => {
    const { toA } = await remoteWaiter();
    toA?.loans.hydrate(tag, [5, 0]);

    t.throws(() => toA?.loans.hydrate(tag, [5, 0]), { instanceOf: BadFrame });

    t.is((toA?.loans.signals.held ?? 0) + (toA?.loans.streams ?? 0), 1);
  });
}
