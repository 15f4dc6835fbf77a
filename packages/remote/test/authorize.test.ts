import test from 'ava';
import {
  Actor,
  type ActorRef,
  type CallerIdentity,
  rpc,
  type RpcOptions,
  Unauthorized,
} from '@troupe/actor';
import { type Cell, recipientOf } from '@troupe/actor/internal';
import { CAST } from '../dist/frames.js';
import { testNodes } from './nodes.js';

/** Lets everybody in and says who came. */
function watching(seen: CallerIdentity[]): RpcOptions {
  return { authorize: (caller) => seen.push(caller) > 0 };
}

const visits: CallerIdentity[] = [];

class Desk extends Actor {
  readonly #next: ActorRef<Desk> | undefined;
  constructor(next?: ActorRef<Desk>) {
    super();
    this.#next = next;
  }
  @rpc(watching(visits)) visit(): string {
    return 'welcome';
  }
  @rpc({ authorize: ({ kind }) => kind === 'node' }) staff(): string {
    return 'staff only';
  }
  @rpc next(): ActorRef<Desk> | undefined {
    return this.#next;
  }
  @rpc async staffNext(): Promise<string | undefined> {
    return this.#next?.staff();
  }
}

const visitor: CallerIdentity = { kind: 'outsider', name: 'eve', claims: { role: 'guest' } };

/** The outsider on `a`, a desk on `b` that knows one on `c`. */
async function withOutsider() {
  const nodes = testNodes();
  const [a, b, c] = [
    await nodes.node('a', { caller: visitor }),
    await nodes.node('b'),
    await nodes.node('c'),
  ];
  c.serve('desk', c.system.spawn(Desk));
  const next = await b.find<ActorRef<Desk>>(c, 'desk');
  b.serve('desk', b.system.spawn(Desk, next));
  const desk = await a.find<ActorRef<Desk>>(b, 'desk');
  visits.length = 0;
  return { ...nodes, a, b, c, desk };
}

/** What the reference is at run time; its type says that there may be none. */
type Piped = { next(): ActorRef<Desk> };

test.serial('a method sees whom the connection has proved the caller to be', async (t) => {
  const { desk, b, c } = await withOutsider();
  const fromNode = await b.find<ActorRef<Desk>>(c, 'desk');

  await desk.visit();
  await fromNode.visit();

  t.deepEqual(visits, [visitor, { kind: 'node', name: 'b' }]);
});

test.serial('an outsider is refused, and the method does not run', async (t) => {
  const { desk } = await withOutsider();

  const error = await t.throwsAsync(desk.staff(), { instanceOf: Unauthorized });

  t.like(error, { executed: 'no', method: 'staff' });
});

test.serial('a call that a node passes on keeps the outsider that it came from', async (t) => {
  const { desk } = await withOutsider();
  const piped = desk as object as Piped;

  await t.throwsAsync(piped.next().staff(), { instanceOf: Unauthorized });
  t.is(await piped.next().visit(), 'welcome');

  t.deepEqual(visits, [visitor]);
});

for (const [what, caller, believed] of [
  ['an outsider', visitor, visitor],
  ['a node', undefined, { kind: 'outsider', name: 'boss', claims: { role: 'admin' } }],
] as const) {
  test.serial(`whose call ${what} passes on is believed of nodes only`, async (t) => {
    const { node, env } = testNodes();
    const [a, b] = [await node('a', { ...(caller && { caller }) }), await node('b')];
    const desk = b.system.spawn(Desk);
    b.serve('desk', desk);
    await a.find<ActorRef<Desk>>(b, 'desk');
    const [toB] = a.endpoint.peers;
    const target = b.system.export(recipientOf(desk) as Cell);
    visits.length = 0;

    const from = { kind: 'outsider', name: 'boss', claims: { role: 'admin' } };
    toB?.send(toB.encode([CAST, target, 'visit', [], { from }]), { key: target });
    await env.settled();

    t.deepEqual(visits, [believed]);
  });
}

test.serial('what an actor does on behalf of an outsider it does in its own name', async (t) => {
  const { desk } = await withOutsider();

  t.is(await desk.staffNext(), 'staff only');
});

test.serial('an outsider cannot stop an actor', async (t) => {
  const { a, b, desk } = await withOutsider();
  const before = b.system.size;

  await t.throwsAsync(a.system.stopActor(desk), { instanceOf: Unauthorized });

  t.is(b.system.size, before);
});
