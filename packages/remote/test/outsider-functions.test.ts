import test from 'ava';
import { WebSocket } from 'ws';
import {
  Actor,
  actor,
  DeadlineExceeded,
  type Executed,
  executedOf,
  type IncomingCall,
  NotSerializable,
  Overloaded,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { CborCodec, type ValuePort } from '@troupe/remote';
import { env, visit } from './visit.js';

type Hello = (name: string) => Promise<string>;

@actor({ kind: 'desk' })
class Desk extends Actor {
  readonly #kept: Hello[] = [];
  #size = 0;
  @rpc async greet(name: string, hello: Hello): Promise<string> {
    return `${await hello(name)}!`;
  }
  /** What `failing` says of its failure, as who called it is told. */
  @rpc executedBy(failing: () => Promise<never>): Promise<Executed> {
    return failing().catch(executedOf);
  }
  @rpc keep(...all: Hello[]): number {
    return this.#kept.push(...all);
  }
  @rpc({ interleave: true }) useKept(name: string): Promise<string> | undefined {
    return this.#kept[0]?.(name);
  }
  @rpc useAllKept(times: number): Promise<readonly string[]> {
    const calls = Array.from({ length: times }, (_, i) => this.#kept[0]?.(`${i}`));
    return Promise.all(calls.map(async (call) => (await call) ?? ''));
  }
  /** What was kept last, as whoever is asked for it sees it. */
  @rpc kept(): Hello | undefined {
    return this.#kept.at(-1);
  }
  @rpc dropAll(): void {
    for (const hello of this.#kept.splice(0)) (hello as Hello & Disposable)[Symbol.dispose]();
  }
  @rpc same(one: Hello, other: Hello): boolean {
    return one === other;
  }
  @rpc counter(): () => number {
    return () => (this.#size += 1);
  }
  @rpc counters(count: number): readonly (() => number)[] {
    return Array.from({ length: count }, (_, i) => () => i);
  }
  @rpc slow(): () => Promise<never> {
    return () => new Promise(() => undefined);
  }
}

const hello: Hello = async (name) => `hello ${name}`;

test('an actor calls a function of a client, and is told what it returns', async (t) => {
  const { client } = await visit(t, Desk);

  t.is(await client.entity(Desk, 'x').greet('ann', hello), 'hello ann!');
});

test('what a function of a client throws is what the actor and then its caller catch', async (t) => {
  const { client } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');

  const failing = (): Promise<string> => Promise.reject(new RangeError('no such name'));

  await t.throwsAsync(desk.greet('ann', failing), {
    instanceOf: RangeError,
    message: 'no such name',
  });
});

test('a function of a client that a call of its own has failed was executed, and says so', async (t) => {
  const { client } = await visit(t, Desk);

  const executed = await client.entity(Desk, 'x').executedBy(async () => {
    throw new Unreachable('b/room/#1', 'its node is gone');
  });

  t.is(executed, 'yes');
});

test('what a function of a client returns and cannot be sent is told to who called it', async (t) => {
  const { client } = await visit(t, Desk);
  const odd = (async () => new WeakMap()) as unknown as Hello;

  const error = await t.throwsAsync(client.entity(Desk, 'x').greet('ann', odd), {
    instanceOf: NotSerializable,
  });

  t.is(error?.executed, 'yes');
});

test('one function is one function however often it is given, and comes home as itself', async (t) => {
  const { client } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');

  t.true(await desk.same(hello, hello));
  await desk.keep(hello);
  t.is(await desk.kept(), hello);
});

test('a client calls a function that it was given, by way of the edge of the node', async (t) => {
  const seen: IncomingCall[] = [];
  const edge = [
    (call: IncomingCall, next: () => unknown) => {
      seen.push(call);
      return next();
    },
  ];
  const { client } = await visit(t, Desk, { edge });
  const count = await client.entity(Desk, 'x').counter();

  t.deepEqual([await count(), await count()], [1, 2]);

  t.like(seen[1], { to: 'function 1 of a', from: { kind: 'outsider', name: 'ann' } });
  t.is(seen.length, 3);
});

test('functions that were given back make room for others, on both sides', async (t) => {
  const { client } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');
  const some = (): Hello[] => Array.from({ length: 200 }, (_, i) => async () => `${i}`);

  await desk.keep(...some());
  await t.throwsAsync(desk.keep(...some()), { instanceOf: Overloaded, message: /limit of 256/ });
  await desk.dropAll();
  t.is(await desk.keep(...some()), 200);

  const counters = await desk.counters(256);
  await t.throwsAsync(desk.counters(1), { instanceOf: NotSerializable, message: /limit of 256/ });
  for (const each of counters) (each as unknown as Disposable)[Symbol.dispose]();
  t.is((await desk.counters(256)).length, 256);
});

test('a function that a client has given twice is given back as often', async (t) => {
  const { client } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');
  await desk.keep(hello, hello);
  await desk.keep(hello);

  await desk.dropAll();

  const others = Array.from({ length: 256 }, (_, i) => async () => `${i}`);
  t.is(await desk.keep(...others), 256); // All that a client may have given.
});

test('a function that nobody refers to any more is given back', async (t) => {
  const forgotten: (() => void)[] = [];
  const whenCollected = (_value: object, run: () => void): void => void forgotten.push(run);
  const { client } = await visit(t, Desk, { nodeEnv: { ...env, whenCollected } });
  const desk = client.entity(Desk, 'x');
  await desk.keep(hello);
  t.is(await desk.useKept('ann'), 'hello ann');

  for (const run of forgotten.splice(0)) run();

  await t.throwsAsync(desk.useKept('ann'), { instanceOf: Unreachable, message: /given back/ });
});

test('a function that does not answer in time is no longer waited for', async (t) => {
  const { client } = await visit(t, Desk, { callTimeoutMs: 50 });
  const silent = (): Promise<never> => new Promise(() => undefined);

  const error = await t.throwsAsync(client.entity(Desk, 'x').greet('ann', silent), {
    instanceOf: DeadlineExceeded,
  });

  t.is(error?.executed, 'yes'); // The method that called it, that is.
});

test('so many calls of functions may be under way, and one more is refused', async (t) => {
  const { client } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');
  await desk.keep(hello);
  const never = await desk.slow();

  t.is((await desk.useAllKept(256)).length, 256);
  const refused = { instanceOf: Overloaded, message: /limit of 256/ };
  await t.throwsAsync(desk.useAllKept(257), refused);
  for (let i = 0; i < 256; i += 1) never().catch(() => undefined);
  await t.throwsAsync(never(), refused);
});

test('with the connection its functions end, on both sides, and say what is known', async (t) => {
  const { client, actor: here } = await visit(t, Desk);
  const desk = client.entity(Desk, 'x');
  let begun = (): void => undefined;
  const isCalled = new Promise<void>((resolve) => (begun = resolve));
  await desk.keep(() => {
    begun();
    return new Promise(() => undefined);
  });
  const never = await desk.slow();
  const lost = [
    t.throwsAsync(here.useKept('ann'), { instanceOf: SessionLost }),
    t.throwsAsync(never(), { instanceOf: SessionLost }),
  ];
  await isCalled;

  client.close();

  await Promise.all(lost);
  await t.throwsAsync(here.useKept('ann'), { instanceOf: Unreachable });
  await t.throwsAsync(never(), { instanceOf: Unreachable });
});

const codec = new CborCodec();
/** A function that somebody gives who speaks by hand. */
class Given {
  constructor(readonly number: number) {}
}
const plain: ValuePort = {
  dehydrate: (value) => (value instanceof Given ? { tag: 4, content: [value.number] } : undefined),
  hydrate: () => undefined,
};

/** What one that speaks so speaks by hand, and what it hears. */
async function byHand(address: string, version: number) {
  const socket = new WebSocket(address);
  const heard = async (): Promise<readonly unknown[]> => {
    const data = await new Promise<Uint8Array>((resolve) => socket.once('message', resolve));
    return codec.decodeSequence(data, plain)[0] ?? [];
  };
  const say = (frame: readonly unknown[]): void => socket.send(codec.encode(frame, plain));
  await new Promise((resolve) => socket.once('open', resolve));
  say([0, version, 'ann']);
  await heard();
  return { socket, say, heard };
}

test('a client of an earlier version is given no functions', async (t) => {
  const { door } = await visit(t, Desk);
  const { socket, say, heard } = await byHand(door.address, 3);

  say([2, 1, ['room', 'lobby'], 'counter', [], 1_000]);

  t.deepEqual((await heard()).slice(0, 2), [6, 1]);
  socket.close();
});

test('a function that was never given, or given back, is refused by its number', async (t) => {
  const { door } = await visit(t, Desk);
  const { socket, say, heard } = await byHand(door.address, 4);

  say([23, 1, 99, []]);

  t.deepEqual((await heard()).slice(0, 3), [24, 1, 1]);
  socket.close();
});

test('whatever a client says that its function has thrown, the actor catches an error', async (t) => {
  const { door, actor: desk } = await visit(t, Desk);
  const { socket, say, heard } = await byHand(door.address, 4);
  say([2, 1, ['room', 'lobby'], 'keep', [new Given(1)], 1_000]);
  await heard();
  const call = t.throwsAsync(desk.useKept('ann'), { instanceOf: Error, message: 'no error' });
  t.deepEqual(await heard(), [23, 1, 1, ['ann']]);

  say([24, 1, 1, 'no error']);

  await call;
  socket.close();
});

test('an answer to what was never asked ends the connection', async (t) => {
  const { door } = await visit(t, Desk);
  const { socket, say } = await byHand(door.address, 4);
  const closed = new Promise((resolve) => socket.once('close', resolve));

  say([24, 1, 0, 'unasked']);

  await t.notThrowsAsync(closed);
});
