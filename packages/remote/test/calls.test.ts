import test from 'ava';
import {
  Actor,
  actor,
  ActorDown,
  type ActorRef,
  Cancelled,
  type DeadLetter,
  DeadlineExceeded,
  type Down,
  MailboxFull,
  NoSuchMethod,
  NotSerializable,
  RemoteError,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { type Cell, OUTSIDE, recipientOf } from '@troupe/actor/internal';
import { startTestNode, testNodes } from './nodes.js';

class TooBig extends Error {
  override readonly name = 'TooBig';
  readonly limit: number;
  constructor(limit: number) {
    super(`more than ${limit}`);
    this.limit = limit;
  }
}

@actor({ kind: 'counter', mailboxCapacity: 4 })
class Counter extends Actor {
  count = 0;
  @rpc add(by: number): number {
    return (this.count += by);
  }
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc fail(): never {
    throw new TooBig(3);
  }
  @rpc odd(): unknown {
    return new WeakMap();
  }
  @rpc wait(): Promise<string> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
  }
  @rpc end(): void {
    this.stop();
  }
  @rpc lastWords(bytes: number): Uint8Array {
    this.stop();
    return new Uint8Array(bytes);
  }
  @rpc me(): ActorRef<Counter> {
    return this.self<Counter>();
  }
  @rpc async addTo(other: ActorRef<Counter>, by: number): Promise<number> {
    return other.add(by);
  }
  secret(): string {
    return 'not for others';
  }
}

/** Two nodes, and on `a` a reference to a counter of `b`. */
async function remoteCounter(options: Parameters<ReturnType<typeof testNodes>['node']>[1] = {}) {
  const nodes = testNodes();
  const a = await nodes.node('a', options);
  const b = await nodes.node('b', options);
  const local = b.system.spawn(Counter);
  b.serve('counter', local);
  const counter = await a.find<ActorRef<Counter>>(b, 'counter');
  return { ...nodes, a, b, local, counter };
}

test('a call runs on the other node and resolves with its result', async (t) => {
  const { counter } = await remoteCounter();

  t.is(await counter.add(2), 2);
  t.is(await counter.add(3), 5);
  t.is(String(counter), 'b/counter/#2');
});

test('tells and calls arrive in the order they were sent', async (t) => {
  const { counter } = await remoteCounter();

  counter.tell.add(10);
  const asked = counter.add(1);
  counter.tell.add(100);

  t.is(await asked, 11);
  t.is(await counter.add(0), 111);
});

test('what links actors is no method, and whoever calls it is told so', async (t) => {
  const { a, b, local, counter } = await remoteCounter();
  const to = { target: b.system.export(recipientOf(local) as Cell), address: String(counter) };
  const [toB] = a.endpoint.peers;

  const called = toB?.outgoing.ask(to, '~link', { args: [counter], caller: OUTSIDE });

  await t.throwsAsync(Promise.resolve(called), { instanceOf: NoSuchMethod });
});

test('plain values arrive as they were, at the moment of the call', async (t) => {
  const { counter } = await remoteCounter();
  const value = {
    text: 'hällo',
    list: [1, -0, 2.5, null, undefined],
    at: new Date(5),
    big: 2n ** 70n,
  };

  const echoed = counter.echo(value);
  value.text = 'changed after the call';

  t.deepEqual(await echoed, { ...value, text: 'hällo' });
});

test('an error keeps its class where that is registered, and its name, message and stack elsewhere', async (t) => {
  const known = await remoteCounter({ errors: [TooBig] });
  const unknown = await remoteCounter();

  const one = await t.throwsAsync(known.counter.fail(), { instanceOf: TooBig });
  t.like(one, { message: 'more than 3', limit: 3 });
  const other = await t.throwsAsync(unknown.counter.fail(), { instanceOf: RemoteError });
  t.like(other, { remoteName: 'TooBig', remoteMessage: 'more than 3', executed: 'yes' });
  t.regex(other?.remoteStack ?? '', /TooBig/);
});

test('an unmarked method cannot be called from elsewhere', async (t) => {
  const { counter } = await remoteCounter();

  const error = await t.throwsAsync(counter.secret(), { instanceOf: NoSuchMethod });

  t.like(error, { executed: 'no', method: 'secret' });
  t.is(await counter.add(1), 1);
});

test('an argument that cannot travel is refused before anything is sent, by its path', async (t) => {
  const { counter } = await remoteCounter();

  const error = await t.throwsAsync(counter.echo({ list: [1, Symbol('mine')] }), {
    instanceOf: NotSerializable,
  });

  t.is(error?.executed, 'no');
  t.regex(error?.path ?? '', /args\[0\]\.list\[1\]/);
});

test('a result that cannot travel says that the method ran', async (t) => {
  const { counter } = await remoteCounter();

  const error = await t.throwsAsync(counter.odd(), { instanceOf: NotSerializable });

  t.is(error?.executed, 'yes');
  t.regex(error?.path ?? '', /^result/);
});

test('a full mailbox on the other node refuses at once', async (t) => {
  const { counter, env } = await remoteCounter();
  counter.tell.wait();
  await env.settled();
  for (let i = 0; i < 4; i += 1) counter.tell.add(1);

  const error = await t.throwsAsync(counter.add(1), { instanceOf: MailboxFull });

  t.like(error, { executed: 'no', capacity: 4 });
});

test('a reference travels: it comes home as itself, and reaches its actor from elsewhere', async (t) => {
  const { a, b, counter, local } = await remoteCounter();
  const mine = a.system.spawn(Counter);

  t.is(await counter.echo(mine), mine); // Out and home again.
  t.is(await counter.addTo(mine, 7), 7); // b calls back to a.
  const again = await counter.me();
  t.is(await again.add(1), 1);
  t.is(await local.add(0), 1);
  t.is(b.system.size, 2);
});

test('a reference passed to a third node is dialled from there', async (t) => {
  const { a, node, counter, network } = await remoteCounter();
  const c = await node('c');
  c.serve('other', c.system.spawn(Counter));
  const other = await a.find<ActorRef<Counter>>(c, 'other');

  t.is(await other.addTo(counter, 5), 5);
  network.cut('a', 'b');
  t.is(await other.addTo(counter, 5), 10);
});

test('a call past its deadline is known not to have run when it never began', async (t) => {
  const { counter, env } = await remoteCounter();
  counter.tell.wait();

  const late = t.throwsAsync(counter.with({ timeoutMs: 500 }).add(1), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(700);

  t.is((await late)?.executed, 'no');
});

test('a method that runs past the deadline of its remote caller sees its signal aborted', async (t) => {
  const { counter, env } = await remoteCounter();

  const late = t.throwsAsync(counter.with({ timeoutMs: 500 }).wait(), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(700);

  t.is((await late)?.executed, 'unknown');
  t.is(await counter.add(1), 1); // The turn has ended.
});

test('cancelling reaches the method on the other node', async (t) => {
  const { counter, env } = await remoteCounter();
  const controller = new AbortController();

  const call = t.throwsAsync(counter.with({ signal: controller.signal }).wait(), {
    instanceOf: Cancelled,
  });
  await env.settled();
  controller.abort();
  await call;

  t.is(await counter.add(1), 1);
});

test('an actor that is down refuses calls from elsewhere, and its monitors are told once', async (t) => {
  const { a, counter, env } = await remoteCounter();
  const downs: Down[] = [];
  a.system.monitor(counter, (down) => downs.push(down));

  await counter.end();
  await env.settled();

  t.deepEqual(downs, [{ address: 'b/counter/#2', reason: { kind: 'stopped' } }]);
  t.like(await t.throwsAsync(counter.add(1), { instanceOf: ActorDown }), { executed: 'no' });
});

for (const bytes of [10, 8_000_000]) {
  test(`that an actor is down is told after all that it has said: ${bytes} bytes`, async (t) => {
    const { a, counter, env } = await remoteCounter();
    const told: string[] = [];
    a.system.monitor(counter, () => told.push('down'));
    const awaited = async (): Promise<Uint8Array> => await counter.lastWords(bytes);
    const words = awaited().then(() => told.push('words'));

    await words;
    await env.settled();

    t.deepEqual(told, ['words', 'down']);
  });
}

test('callbacks and a log that throw while frames arrive end no session', async (t) => {
  const { b, network, env } = await remoteCounter();
  const fail = (): never => {
    throw new Error('callback');
  };
  const log = { debug: fail, info: fail, warn: fail, error: fail };
  const c = await startTestNode(
    { ...env, log },
    { name: 'c', listen: 'c:1', transport: network.transport('c'), onFailure: fail },
  );
  const counter = await c.find<ActorRef<Counter>>(b, 'counter');
  const downs: Down[] = [];
  c.system.monitor(counter, fail);
  c.system.monitor(counter, (down) => downs.push(down));
  const { linkNumber } = await c.endpoint.connect('b:1');

  await counter.end();
  await env.settled();

  t.is(downs.length, 1);
  t.is((await c.endpoint.connect('b:1')).linkNumber, linkNumber);
});

test('a log that throws when a connection is lost keeps no monitor from being told', async (t) => {
  const { b, network, env } = await remoteCounter();
  const fail = (): never => {
    throw new Error('log');
  };
  const c = await startTestNode(
    { ...env, log: { debug: fail, info: fail, warn: fail, error: fail } },
    { name: 'c', listen: 'c:1', transport: network.transport('c') },
  );
  const counter = await c.find<ActorRef<Counter>>(b, 'counter');
  const downs: Down[] = [];
  c.system.monitor(counter, fail);
  c.system.monitor(counter, (down) => downs.push(down));
  await env.settled();

  network.cut('b', 'c');
  await env.advance(6_000);

  t.like(downs, [{ reason: { kind: 'node-down' } }]);
});

test('stopping works across nodes', async (t) => {
  const { a, b, counter } = await remoteCounter();

  await a.system.stopActor(counter);

  t.is(b.system.size, 1); // The directory.
});

test('a session that finds no connection settles what was under way as unknown, and fires monitors', async (t) => {
  const { a, b, counter, network, env } = await remoteCounter();
  const downs: Down[] = [];
  a.system.monitor(counter, (down) => downs.push(down));
  const call = t.throwsAsync(counter.wait(), { instanceOf: SessionLost });
  await env.settled();

  network.cut('a', 'b');
  await env.advance(4_900);
  t.is(downs.length, 0);
  await env.advance(200);

  t.is((await call)?.executed, 'unknown');
  t.is(downs.length, 1);
  t.is(downs[0]?.reason.kind, 'node-down');
  await b.system.stop(0);
});

test('while no connection can be made, a call never leaves and says so', async (t) => {
  const { counter, network, env } = await remoteCounter();
  network.cut('a', 'b');
  await env.settled();

  const call = t.throwsAsync(counter.add(1), { instanceOf: Unreachable });
  await env.advance(6_000);

  t.is((await call)?.executed, 'no');
});

test('a reference works again when the network does', async (t) => {
  const { counter, network, env } = await remoteCounter();
  network.cut('a', 'b');
  await env.advance(10_000);
  network.heal('a', 'b');

  t.is(await counter.add(1), 1);
});

test('a tell that cannot leave becomes a dead letter', async (t) => {
  const letters: DeadLetter[] = [];
  const { counter } = await remoteCounter({ onDeadLetter: (letter) => letters.push(letter) });

  counter.tell.echo(new WeakMap());

  t.like(letters, [{ method: 'echo', reason: { code: 'ERR_NOT_SERIALIZABLE' } }]);
});

type Told = readonly [to: string, method: string, code: string, executed: string];

/** What became of tells that could not be delivered, as the node that sent them learns it. */
async function lettersOf() {
  const letters: Told[] = [];
  const onDeadLetter = ({ to, method, reason }: DeadLetter): void => {
    letters.push([to, method, reason.code, reason.executed]);
  };
  return { ...(await remoteCounter({ onDeadLetter })), letters };
}

test('tells that no connection is made for in time become dead letters, and never ran', async (t) => {
  const { a, counter, local, network, env, letters } = await lettersOf();
  network.cut('a', 'b');
  await env.settled();

  for (let i = 0; i < 6; i += 1) counter.tell.add(1); // The last of them by a number.
  counter.tell.echo(new Uint8Array(100_000));
  counter.tell.echo(counter);
  await env.advance(6_000);

  const lost = (method: string): Told => ['b/#2', method, 'ERR_UNREACHABLE', 'no'];
  const [adds, echoes] = [new Array<Told>(6).fill(lost('add')), [lost('echo'), lost('echo')]];
  t.deepEqual(letters, [...adds, ...echoes]);
  t.is(a.system.undelivered.get('ERR_UNREACHABLE'), 8);
  t.is(await local.add(0), 0);
});

for (const compress of [false, true]) {
  test(`tells of which no word has come may have run; compressed: ${compress}`, async (t) => {
    const letters: DeadLetter[] = [];
    const onDeadLetter = (letter: DeadLetter): void => void letters.push(letter);
    const { counter, network, env } = await remoteCounter({ onDeadLetter, compress });
    counter.tell.add(1);
    await env.advance(2_000);
    network.freeze('a', 'b');
    network.refuse('a', 'b');

    for (let i = 0; i < 200; i += 1) counter.tell.add(1);
    counter.tell.echo(new Uint8Array(100_000));
    await env.advance(20_000);

    t.is(letters.length, 201);
    t.true(letters.every(({ reason }) => reason.code === 'ERR_SESSION_LOST'));
    t.deepEqual([letters[0]?.method, letters.at(-1)?.method], ['add', 'echo']);
  });
}

test('tells to a node that cannot be dialled become dead letters', async (t) => {
  const { counter, network, env, letters } = await lettersOf();
  network.cut('a', 'b');
  await env.advance(6_000);

  counter.tell.add(1);
  await env.advance(6_000);

  t.deepEqual(letters, [['b/#2', 'add', 'ERR_UNREACHABLE', 'no']]);
});

for (const ending of ['a', 'b'] as const) {
  test(`tells that were sent before ${ending} ends in order are no dead letters`, async (t) => {
    const { a, b, counter, env, letters } = await lettersOf();
    const { endpoint } = { a, b }[ending];

    for (let i = 0; i < 4; i += 1) counter.tell.echo(i);
    await env.settled();
    await endpoint.close();
    await env.advance(6_000);

    t.deepEqual(letters, []);
  });
}

test('tells that have not left when the end of a session is given up become dead letters', async (t) => {
  const { a, counter, network, env, letters } = await lettersOf();
  await counter.add(1);
  network.freeze('a', 'b');
  for (let i = 0; i < 12; i += 1) counter.tell.echo(new Uint8Array(1_000_000));
  await env.settled();

  for (const peer of a.endpoint.peers) peer.hangUp('it does not read');
  t.deepEqual(letters, []);
  await env.advance(3_000);

  t.true(letters.length > 0);
  t.deepEqual(new Set(letters.map(String)), new Set(['b/#2,echo,ERR_UNREACHABLE,no']));
});

test('a peer that falls silent is given up, when no connection brings it back either', async (t) => {
  const { counter, network, env } = await remoteCounter();
  const call = t.throwsAsync(counter.with({ timeoutMs: 60_000 }).wait(), {
    instanceOf: SessionLost,
  });
  await env.settled();

  network.freeze('a', 'b');
  network.refuse('a', 'b');
  await env.advance(11_000);

  t.regex((await call)?.message ?? '', /no connection to it for 5000 ms/);
});

test('a peer that is merely idle is not', async (t) => {
  const { counter, env } = await remoteCounter();
  await counter.add(1);

  await env.advance(60_000);

  t.is(await counter.add(1), 2);
});
