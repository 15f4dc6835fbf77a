import test from 'ava';
import {
  Actor,
  type ActorRef,
  type Executed,
  executedOf,
  NoSuchActor,
  NotSerializable,
  RemoteError,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { testNodes } from './nodes.js';

type Listener = ((line: string) => Promise<number>) & Disposable;

class Hub extends Actor {
  readonly #listeners = new Set<Listener>();
  @rpc async each(listener: (n: number) => Promise<number>, to: number): Promise<number> {
    let sum = 0;
    for (let n = 1; n <= to; n += 1) sum += await listener(n);
    return sum;
  }
  @rpc add(listener: Listener): number {
    this.#listeners.add(listener);
    return this.#listeners.size;
  }
  @rpc remove(listener: Listener): boolean {
    return this.#listeners.delete(listener);
  }
  @rpc async say(line: string): Promise<readonly number[]> {
    return Promise.all([...this.#listeners].map(async (listener) => listener(line)));
  }
  /** What `listener` says of its failure, as who called it is told. */
  @rpc executedBy(listener: () => Promise<never>): Promise<Executed> {
    return listener().catch(executedOf);
  }
  @rpc forget(): void {
    for (const listener of this.#listeners) listener[Symbol.dispose]();
  }
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc counter(): { readonly add: (by: number) => number; readonly total: () => number } {
    let total = 0;
    return { add: (by) => (total += by), total: () => total };
  }
}

/** A hub on node `b`, and on `a` a reference to it. */
async function remoteHub() {
  const nodes = testNodes();
  const a = await nodes.node('a');
  const b = await nodes.node('b');
  b.serve('hub', b.system.spawn(Hub));
  const hub = await a.find<ActorRef<Hub>>(b, 'hub');
  const [toB] = a.endpoint.peers;
  const [toA] = b.endpoint.peers;
  const lent = (): number => (toB?.loans.functions.lent ?? 0) + (toA?.loans.functions.lent ?? 0);
  return { ...nodes, a, b, hub, toB, lent };
}

const asListener = (listener: (line: string) => Promise<number>): Listener => listener as Listener;

test('a function in an argument is called back, and its results come', async (t) => {
  const { hub } = await remoteHub();

  t.is(await hub.each(async (n) => n * 10, 3), 60);
});

test('a function that throws rejects where it was called', async (t) => {
  const { hub } = await remoteHub();
  const call = hub.each(async () => {
    throw new RangeError('too far');
  }, 3);

  await t.throwsAsync(call, { instanceOf: RangeError, message: 'too far' });
});

test('a function that a call of its own has failed was executed, and its error says so', async (t) => {
  const { hub } = await remoteHub();

  const executed = await hub.executedBy(async () => {
    throw new Unreachable('c/room/#1', 'its node is gone');
  });

  t.is(executed, 'yes');
});

test('functions in a result can be called from afar', async (t) => {
  const { hub } = await remoteHub();
  const { add, total } = await hub.counter();

  await add(2);
  await add(3);

  t.is(await total(), 5);
});

test('a function that is sent twice arrives as one, and comes home as itself', async (t) => {
  const { hub } = await remoteHub();
  const listener = asListener(async (line) => line.length);

  t.is(await hub.add(listener), 1);
  t.is(await hub.add(listener), 1);
  t.is(await hub.echo(listener), listener);
  t.deepEqual(await hub.say('four'), [4]);
  t.true(await hub.remove(listener));
  t.deepEqual(await hub.say('four'), []);
});

test('disposing of a function gives it back: its owner forgets it, and it can be called no more', async (t) => {
  const { hub, env, lent } = await remoteHub();
  await hub.add(asListener(async (line) => line.length));
  t.is(lent(), 1);

  await hub.forget();
  await env.settled();

  t.is(lent(), 0);
  const error = await t.throwsAsync(hub.say('hello'), { instanceOf: Unreachable });
  t.is(error?.executed, 'yes'); // The method that called it, that is.
});

test('a function that was sent twice is given back as often', async (t) => {
  const { hub, env, lent } = await remoteHub();
  const listener = asListener(async (line) => line.length);
  await hub.add(listener);
  await hub.add(listener);

  await hub.forget();
  await env.settled();

  t.is(lent(), 0);
});

test('a function that nobody can call any more is given back', async (t) => {
  const { hub, env, lent } = await remoteHub();
  const { add, total } = await hub.counter();
  t.is(lent(), 2);

  env.collect(add);
  await env.settled();

  t.is(lent(), 1);
  t.is(await total(), 0);
});

test('functions end with the session that they were lent in', async (t) => {
  const { hub, toB, env, lent } = await remoteHub();
  const { add } = await hub.counter();

  toB?.end(new Error('cut for the test'));
  await env.settled();

  t.is(lent(), 0);
  const error = await t.throwsAsync(add(1) as unknown as Promise<number>, {
    instanceOf: Unreachable,
  });
  t.regex(error?.message ?? '', /session that lent it is over/);
});

test('a call of a function that is under way when the session is lost may have run', async (t) => {
  const { hub, toB, env } = await remoteHub();
  const call = t.throwsAsync(
    hub.each(() => new Promise(() => {}), 1),
    { instanceOf: SessionLost },
  );
  await env.settled();

  toB?.end(new Error('cut for the test'));

  t.is((await call)?.executed, 'unknown');
});

test('functions that were lent by a call that is not sent are forgotten', async (t) => {
  const { hub, lent } = await remoteHub();

  await t.throwsAsync(hub.echo([async () => 1, Symbol('no')]), { instanceOf: NotSerializable });

  t.is(lent(), 0);
});

test('a function reaches a third node by way of the second', async (t) => {
  const { a, node, hub } = await remoteHub();
  const c = await node('c');
  c.serve('hub', c.system.spawn(Hub));
  const other = await a.find<ActorRef<Hub>>(c, 'hub');
  const { add, total } = await hub.counter();

  await other.each(add as unknown as (n: number) => Promise<number>, 3);

  t.is(await total(), 6);
});

test('a class is no function to be lent', async (t) => {
  const { hub } = await remoteHub();

  await t.throwsAsync(hub.echo(class {}), { instanceOf: NotSerializable });
});

test('no function arrives where awaiting the value would call it', async (t) => {
  const { hub } = await remoteHub();

  const error = await t.throwsAsync(hub.echo({ then: () => 1 }), { instanceOf: NotSerializable });

  t.is(error?.path, 'args[0].then');
});

test('a function that was given back is refused by its owner too', async (t) => {
  const { hub, toB } = await remoteHub();
  const call = toB?.outgoing.invoke(99, 'a function of b', []);

  const error = await t.throwsAsync(call ?? hub.say(''), { instanceOf: NoSuchActor });

  t.is(error?.executed, 'no');
  t.false(error instanceof RemoteError);
});
