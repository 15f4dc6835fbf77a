import test from 'ava';
import {
  Actor,
  type ActorRef,
  Cancelled,
  type DeadLetter,
  DeadlineExceeded,
  type Down,
  type Executed,
  type Failure,
  type IncomingCall,
  type IncomingInterceptor,
  rpc,
  Unauthorized,
} from '@troupe/actor';
import { testNodes, type TestNodeOptions } from './nodes.js';

class Room extends Actor {
  readonly #lines: string[] = [];
  @rpc say(line: string): number {
    return this.#lines.push(line);
  }
  @rpc lines(): readonly string[] {
    return this.#lines;
  }
  @rpc fail(): never {
    throw new RangeError('odd');
  }
  @rpc wait(): Promise<never> {
    return new Promise(() => {});
  }
  @rpc side(): ActorRef<Room> {
    return this.spawn(Room);
  }
  @rpc bell(): () => string {
    return () => 'ding';
  }
}

/** A room on `b`, at whose edge `edge` runs, as `a` sees it. */
async function roomBehind(edge: readonly IncomingInterceptor[], options: TestNodeOptions = {}) {
  const nodes = testNodes();
  const [a, b] = [await nodes.node('a'), await nodes.node('b', { ...options, edge })];
  const room = b.system.spawn(Room);
  b.serve('room', room);
  return { ...nodes, a, b, here: room, room: await a.find<ActorRef<Room>>(b, 'room') };
}

test('the edge of a node sees what comes from others, before it is queued, and nothing else', async (t) => {
  const seen: unknown[] = [];
  const { env, here, room } = await roomBehind([
    ({ kind, to, method, args, from, values }, next) => {
      seen.push({ kind, to, method, args, from, values });
      return next();
    },
  ]);
  room.tell.say('one');
  await here.say('of this node'); // Does not pass by it.
  await room.with({ values: { tenant: 'x' } }).say('two');
  await room.side().say('three');
  await env.settled();

  const of = { to: 'b/Room/#2', from: { kind: 'node', name: 'a' } };
  t.deepEqual(seen, [
    { kind: 'tell', ...of, method: 'say', args: ['one'], values: {} },
    { kind: 'call', ...of, method: 'say', args: ['two'], values: { tenant: 'x' } },
    { kind: 'call', ...of, method: 'side', args: [], values: {} },
    { kind: 'call', ...of, to: 'b/Room/#3', method: 'say', args: ['three'], values: {} },
  ]);
});

test('what an edge refuses does not run: calls are told so, tells are dead letters', async (t) => {
  const letters: DeadLetter[] = [];
  const { env, here, room } = await roomBehind(
    [
      ({ to, method }, next) => {
        if (method === 'say') throw new Unauthorized(to, method);
        return next();
      },
    ],
    { onDeadLetter: (letter) => letters.push(letter) },
  );

  room.tell.say('one');
  const error = await t.throwsAsync(room.say('two'), { instanceOf: Unauthorized });
  await env.settled();

  t.like(error, { executed: 'no' });
  t.like(letters, [{ to: 'b/Room/#2', method: 'say', reason: { code: 'ERR_UNAUTHORIZED' } }]);
  t.deepEqual(await here.lines(), []);
});

test('an edge sees what a call has come to, and may make something else of it', async (t) => {
  const { room } = await roomBehind([
    async (_call, next) => {
      try {
        return { value: await next() };
      } catch (error) {
        throw new TypeError('not for others', { cause: error });
      }
    },
  ]);

  t.deepEqual(await (room.say('one') as Promise<unknown>), { value: 1 });
  const error = await t.throwsAsync(room.fail(), { instanceOf: TypeError });
  t.true(error?.cause instanceof RangeError);
});

const failingAfter: readonly (readonly [method: 'say' | 'nothing', executed: Executed])[] = [
  ['say', 'yes'],
  ['nothing', 'no'],
];

for (const [method, executed] of failingAfter) {
  test(`an edge that fails after ${method} says of it what is true: ${executed}`, async (t) => {
    const { room } = await roomBehind([
      async ({ to }, next) => {
        await (next() as Promise<unknown>).catch(() => undefined);
        throw new Unauthorized(to, method);
      },
    ]);
    const calls = room as object as Record<typeof method, (line: string) => Promise<unknown>>;

    const error = await t.throwsAsync(calls[method]('one'), { instanceOf: Unauthorized });

    t.is(error?.executed, executed);
  });
}

test('an edge lets a call in again when its outcome is there, and not before', async (t) => {
  const { room, here } = await roomBehind([
    async ({ method, args }, next) => {
      if (method !== 'say') return next();
      const first = next();
      return args[0] === 'at once' ? Promise.all([first, next()]) : [await first, await next()];
    },
  ]);

  t.deepEqual(await (room.say('one') as Promise<unknown>), [1, 2]);
  await t.throwsAsync(room.say('at once'), { instanceOf: TypeError, message: /say runs/ });
  t.is((await here.lines()).length, 3);
});

test('monitors, stops and calls of functions pass by the edge, which may refuse them', async (t) => {
  const seen: unknown[] = [];
  let isOpen = true;
  const { env, a, here, room } = await roomBehind([
    ({ kind, to, method, from }, next) => {
      seen.push([kind, to, method, from.name]);
      if (!isOpen) throw new Unauthorized(to, method);
      return next();
    },
  ]);
  const downs: Down[] = [];
  const bell = await room.bell();
  t.is(await bell(), 'ding');
  isOpen = false;

  await t.throwsAsync(async () => bell(), { instanceOf: Unauthorized });
  await t.throwsAsync(a.system.stopActor(room), { instanceOf: Unauthorized });
  a.system.monitor(room, (down) => downs.push(down));
  await env.settled();
  const refused = downs.splice(0);
  isOpen = true;
  a.system.monitor(room, (down) => downs.push(down));
  await env.settled();
  t.deepEqual(await here.lines(), []); // It was not stopped.
  await a.system.stopActor(room);
  await env.settled();

  t.like(refused, [{ reason: { kind: 'node-down', error: { code: 'ERR_UNAUTHORIZED' } } }]);
  t.like(downs, [{ reason: { kind: 'stopped' } }]);
  t.deepEqual(seen, [
    ['call', 'b/Room/#2', 'bell', 'a'],
    ['call', 'function 1 of b', 'a function', 'a'],
    ['call', 'function 1 of b', 'a function', 'a'],
    ['stop', 'b/Room/#2', 'stop', 'a'],
    ['monitor', 'b/Room/#2', 'monitor', 'a'],
    ['monitor', 'b/Room/#2', 'monitor', 'a'],
    ['stop', 'b/Room/#2', 'stop', 'a'],
  ]);
});

test('a monitor that is forgotten while the edge decides is not set', async (t) => {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const downs: Down[] = [];
  const { env, a, here, room } = await roomBehind([
    async ({ kind }, next) => {
      if (kind === 'monitor') await gate;
      return next();
    },
  ]);
  const forget = a.system.monitor(room, (down) => downs.push(down));
  a.system.monitor(room, (down) => downs.push(down));
  await env.settled();

  forget();
  await env.settled();
  open();
  await env.settled();
  t.deepEqual(await here.lines(), []);
  t.is(downs.length, 0);
  await a.system.stopActor(room);
  await env.settled();

  t.is(downs.length, 1);
});

test('tells that wait at the edge have a bound, beyond which they are dead letters', async (t) => {
  const letters: DeadLetter[] = [];
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const { env, here, room } = await roomBehind(
    [
      async ({ kind }, next) => {
        if (kind === 'tell') await gate;
        return next();
      },
    ],
    { limits: { callsMax: 2 }, onDeadLetter: (letter) => letters.push(letter) },
  );

  for (const line of ['one', 'two', 'three']) room.tell.say(line);
  await env.settled();
  t.like(letters, [{ to: 'b/Room/#2', method: 'say', reason: { code: 'ERR_OVERLOADED' } }]);
  open();
  await env.settled();
  room.tell.say('four');
  await env.settled();

  t.deepEqual(await here.lines(), ['one', 'two', 'four']);
  t.is(letters.length, 1);
});

test('an edge that fails at a tell is a failure that somebody is told of', async (t) => {
  const failures: Failure[] = [];
  const { env, room } = await roomBehind(
    [
      ({ kind }, next) => {
        if (kind === 'tell') throw new RangeError('odd');
        return next();
      },
    ],
    { onFailure: (failure) => failures.push(failure) },
  );

  room.tell.say('one');
  await env.settled();

  t.like(failures, [{ address: 'b/Room/#2', method: 'say', error: { message: 'odd' } }]);
});

test('an edge that is asynchronous decides too, and what is cancelled meanwhile never runs', async (t) => {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const outcomes: unknown[] = [];
  const { env, here, room } = await roomBehind([
    async (_call, next) => {
      await gate;
      return Promise.resolve(next()).catch((error: unknown) => {
        outcomes.push(error);
        throw error;
      });
    },
  ]);
  const abort = new AbortController();
  const cancelled = room.with({ signal: abort.signal }).say('one');
  const other = room.say('two');
  await env.settled();

  abort.abort();
  await t.throwsAsync(cancelled, { instanceOf: Cancelled });
  await env.settled();
  open();

  t.is(await other, 1);
  t.deepEqual(await here.lines(), ['two']);
  t.true(outcomes[0] instanceof Cancelled);
});

for (const how of ['is cancelled', 'expires'] as const) {
  test(`the edge is told of a call that ${how} in the queue`, async (t) => {
    const outcomes: unknown[] = [];
    const inside = async (call: IncomingCall, next: () => unknown): Promise<unknown> => {
      try {
        return await next();
      } catch (error) {
        if (call.method === 'say') outcomes.push(error);
        throw error;
      }
    };
    const { env, here, room, b } = await roomBehind([inside]);
    here.tell.wait();
    const abort = new AbortController();
    const call = room.with({ signal: abort.signal, timeoutMs: 500 }).say('one');
    const failed = t.throwsAsync(call);
    await env.settled();

    if (how === 'expires') await env.advance(1_000);
    else abort.abort();
    await failed;
    await env.settled();

    t.true(outcomes[0] instanceof (how === 'expires' ? DeadlineExceeded : Cancelled));
    t.like(outcomes, [{ executed: 'no' }]);
    t.is([...b.endpoint.peers][0]?.incoming.calls, 0);
  });
}

for (const how of ['was cancelled', 'has expired'] as const) {
  test(`the edge does not let in again a call that ${how}`, async (t) => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const twice: IncomingInterceptor = async ({ method }, next) => {
      if (method !== 'say') return next();
      await next();
      await gate;
      return next();
    };
    const { env, here, room } = await roomBehind([twice]);
    const abort = new AbortController();
    const call = room.with({ signal: abort.signal, timeoutMs: 500 }).say('one');
    const failed = t.throwsAsync(call);
    await env.settled();

    if (how === 'has expired') await env.advance(1_000);
    else abort.abort();
    await failed;
    await env.settled();
    open();
    await env.settled();

    t.deepEqual(await here.lines(), ['one']);
  });
}

test('interceptors of a class know of a tell from another node whom it comes from', async (t) => {
  const seen: unknown[] = [];
  const nodes = testNodes();
  const interceptors: readonly IncomingInterceptor[] = [
    ({ method, kind, from }, next) => {
      if (method === 'say') seen.push([kind, from]);
      return next();
    },
  ];
  const [a, b] = [await nodes.node('a'), await nodes.node('b', { interceptors })];
  b.serve('room', b.system.spawn(Room));
  const room = await a.find<ActorRef<Room>>(b, 'room');

  room.tell.say('one');
  await room.say('two');

  const from = { kind: 'node', name: 'a' };
  t.deepEqual(seen, [
    ['tell', from],
    ['call', from],
  ]);
});
