import test from 'ava';
import { Actor, type ActorRef, actor, DeadlockError, rpc } from '@troupe/actor';
import { BREAK, PROBE } from '../dist/frames.js';
import { type TestNode, testNodes } from './nodes.js';

/** Waits for `gate` before it calls, so that a test can close a ring of several chains. */
@actor({ kind: 'link' })
class Link extends Actor {
  readonly #gate: Promise<void>;
  #next: ActorRef<Link> | undefined;
  runs = 0;
  constructor(gate: Promise<void>) {
    super();
    this.#gate = gate;
  }
  @rpc follow(next: ActorRef<Link>): void {
    this.#next = next;
  }
  @rpc async meet(): Promise<string | undefined> {
    await this.#gate;
    return this.#next?.ping();
  }
  /** Calls on what the next one yields, in one round trip. */
  @rpc async meetBeyond(): Promise<string | undefined> {
    await this.#gate;
    return this.#next?.next().ping();
  }
  @rpc({ interleave: true }) next(): ActorRef<Link> {
    if (this.#next === undefined) throw new RangeError('nobody');
    return this.#next;
  }
  @rpc async hold(until: Promise<void>): Promise<string> {
    await until;
    return 'held';
  }
  @rpc ping(): string {
    this.runs += 1;
    return 'pong';
  }
  @rpc count(): number {
    return this.runs;
  }
}

/** A link on each of the nodes, each of which calls the next one's. */
async function ringOf(count: number) {
  const nodes = testNodes();
  const all: TestNode[] = [];
  for (const name of 'abcde'.slice(0, count)) all.push(await nodes.node(name));
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const links = all.map((node) => node.system.spawn(Link, gate));
  for (const [at, link] of links.entries()) all[at]?.serve('link', link);
  for (const [at, link] of links.entries()) {
    const [node, next] = [all[at] as TestNode, all[(at + 1) % count] as TestNode];
    await link.follow(await node.find<ActorRef<Link>>(next, 'link'));
  }
  return { ...nodes, nodes: all, links, open };
}

for (const count of [2, 3, 5]) {
  test(`a ring of chains on ${count} nodes is found in two seconds and broken once`, async (t) => {
    const { env, links, open } = await ringOf(count);
    const calls = links.map((link) => link.meet().catch((error: unknown) => error));
    await env.settled();

    open();
    await env.advance(2_000);
    const outcomes = await Promise.all(calls);

    const [error, ...others] = outcomes.filter((outcome) => outcome instanceof DeadlockError);
    t.like(error, { code: 'ERR_DEADLOCK', executed: 'yes' });
    t.deepEqual(others, []);
    t.is(outcomes.filter((outcome) => outcome === 'pong').length, count - 1);
    const steps = (error?.message ?? '').split(' → ');
    const names = new Set(steps.map((step) => step.slice(0, 'a/link/#0'.length - 1)));
    t.is(steps.length, count + 1);
    t.is(names.size, count);
    const runs = await Promise.all(links.map((link) => link.count()));
    t.is(runs.filter((each) => each === 1).length, count - 1); // The call that failed did not run.
  });
}

test('a ring through a call that a node has passed on is found', async (t) => {
  const { env, links, open } = await ringOf(3);
  const [first, , third] = links as [ActorRef<Link>, ActorRef<Link>, ActorRef<Link>];
  // The first waits for the third by way of the second, and the third for the first.
  const calls = [first.meetBeyond(), third.meet()].map((call) =>
    call.catch((error: unknown) => error),
  );
  await env.settled();

  open();
  await env.advance(2_000);
  const outcomes = await Promise.all(calls);

  t.is(outcomes.filter((outcome) => outcome instanceof DeadlockError).length, 1);
  t.is(outcomes.filter((outcome) => outcome === 'pong').length, 1);
});

test('turns that wait long for one another on three nodes, and for a slow one, are no ring', async (t) => {
  const { env, links, open } = await ringOf(3);
  const [first, second, third] = links as [ActorRef<Link>, ActorRef<Link>, ActorRef<Link>];
  let finish!: () => void;
  const slow = third.hold(new Promise<void>((resolve) => (finish = resolve)));
  const calls = [second.meet(), first.meet()];
  open();

  await env.advance(5_000);
  finish();

  t.deepEqual(await Promise.all([slow, ...calls]), ['held', 'pong', 'pong']);
});

const turn = ['a/link/#1', 'meet', 1];
const malformed: Readonly<Record<string, readonly unknown[]>> = {
  'without a path': [1, [], 0, 1],
  'with a path that is too long': [1, Array.from({ length: 33 }, () => turn), 0, 1],
  'of a turn that has no number': [1, [['a/link/#1', 'meet']], 0, 1],
  'without an age': [1, [turn], 'old', 1],
  'with a youngest turn that has no age': [1, [turn], 0, 1, turn],
};
for (const [which, fields] of Object.entries(malformed)) {
  test(`a probe ${which} ends the session`, async (t) => {
    const { env, nodes } = await ringOf(2);
    const [peer] = nodes[0]?.endpoint.peers ?? [];

    peer?.send(peer.encode([PROBE, 1, ...fields]), { key: undefined });
    await env.settled();

    t.false(peer?.hasSession);
  });
}

test('probes that nobody would send, or too many of them, break no call and do no harm', async (t) => {
  const { env, nodes, links, open } = await ringOf(2);
  const [first, second] = links as [ActorRef<Link>, ActorRef<Link>];
  const call = first.meet();
  const [peer] = nodes[1]?.endpoint.peers ?? [];
  const youngest = [...turn, 0];
  await env.settled();

  for (let id = 0; id < 5_000; id += 1) {
    peer?.send(peer.encode([PROBE, id, 1, [turn], 0, 2 ** 40, youngest]), { key: undefined });
    peer?.send(peer.encode([BREAK, id, 'a lie']), { key: undefined });
  }
  await env.settled();
  open();

  t.is(await call, 'pong');
  t.is(await second.count(), 1);
  t.true(peer?.hasSession);
});
