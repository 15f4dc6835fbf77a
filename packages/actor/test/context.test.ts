import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  BadOption,
  Cancelled,
  DeadlineExceeded,
  executedOf,
  Overloaded,
  rpc,
  type TurnContext,
} from '@troupe/actor';
import { type CallContext, Caller, packContext, unpackContext } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What `Leaf` saw of the call it served. */
type Seen = Pick<TurnContext, 'chain' | 'remainingMs' | 'trace' | 'values'>;

class Leaf extends Actor {
  #told: Seen | undefined;
  @rpc look(): Seen {
    const { chain, remainingMs, trace, values } = this.ctx;
    return { chain, remainingMs, trace, values };
  }
  @rpc note(): void {
    this.#told = this.look();
  }
  @rpc told(): Seen | undefined {
    return this.#told;
  }
  @rpc wait(): Promise<never> {
    return new Promise(() => {});
  }
}

/** Ways in which an actor can come by a reference, each used after an `await`. */
class Middle extends Actor {
  readonly #given: ActorRef<Leaf>;
  #own: ActorRef<Leaf> | undefined;
  constructor(given: ActorRef<Leaf>) {
    super();
    this.#given = given;
  }
  override started(): void {
    this.#own = this.spawn(Leaf);
  }
  @rpc async constructed(): Promise<Seen> {
    await null;
    return this.#given.look();
  }
  @rpc async spawned(): Promise<Seen | undefined> {
    await null;
    return this.#own?.look();
  }
  @rpc async argument(leaf: ActorRef<Leaf>): Promise<Seen> {
    await null;
    return leaf.look();
  }
  @rpc async nested(leaves: { readonly all: readonly ActorRef<Leaf>[] }): Promise<Seen[]> {
    await null;
    return Promise.all(leaves.all.map((leaf) => leaf.look()));
  }
  @rpc async result(directory: ActorRef<Directory>): Promise<Seen | undefined> {
    await null;
    const found = await directory.find();
    return found[0]?.look();
  }
  @rpc async told(leaf: ActorRef<Leaf>): Promise<void> {
    await null;
    leaf.tell.note();
  }
  @rpc async patient(leaf: ActorRef<Leaf>, timeoutMs: number): Promise<never> {
    await null;
    return leaf.with({ timeoutMs }).wait();
  }
}

class Directory extends Actor {
  readonly #leaf: ActorRef<Leaf>;
  constructor(leaf: ActorRef<Leaf>) {
    super();
    this.#leaf = leaf;
  }
  @rpc find(): readonly ActorRef<Leaf>[] {
    return [this.#leaf];
  }
  @rpc async held(): Promise<void> {
    await new Promise(() => {});
  }
}

const ways: Readonly<
  Record<
    string,
    (
      middle: ActorRef<Middle>,
      leaf: ActorRef<Leaf>,
      directory: ActorRef<Directory>,
    ) => Promise<Seen | undefined>
  >
> = {
  constructed: (middle) => middle.constructed(),
  spawned: (middle) => middle.spawned(),
  argument: (middle, leaf) => middle.argument(leaf),
  nested: async (middle, leaf) => (await middle.nested({ all: [leaf] }))[0],
  result: (middle, _, directory) => middle.result(directory),
};
for (const [way, call] of Object.entries(ways)) {
  test(`a call carries its turn's context after an await: reference ${way}`, async (t) => {
    await using system = new ActorSystem();
    const leaf = system.spawn(Leaf);
    const middle = system.spawn(Middle, leaf).with({ trace, values: { tenant: 'x' } });
    const directory = system.spawn(Directory, leaf);

    const seen = await call(middle, leaf, directory);

    t.like(seen, { trace, values: { tenant: 'x' } });
    t.deepEqual(seen?.chain, [`local/Middle/#2.${way}`]);
    t.true((seen?.remainingMs ?? 0) <= 10_000 + 32);
  });
}

test('every step of a generator carries the trace and the values of the call', async (t) => {
  class Streamer extends Actor {
    @rpc async *seen(leaf: ActorRef<Leaf>): AsyncGenerator<Seen> {
      yield leaf.look();
      yield leaf.look();
    }
  }
  await using system = new ActorSystem();
  const streamer = system.spawn(Streamer).with({ trace, values: { tenant: 'x' } });

  const seen: Seen[] = [];
  for await (const each of streamer.seen(system.spawn(Leaf))) seen.push(each);

  t.is(seen.length, 2);
  for (const each of seen) t.like(each, { trace, values: { tenant: 'x' } });
});

test('a call from outside of all actors has no chain, no trace and no values', async (t) => {
  await using system = new ActorSystem();

  const seen = await system.spawn(Leaf).look();

  t.like(seen, { chain: [], trace: undefined, values: {} });
});

test('a tell carries trace and values, but nobody waits for it', async (t) => {
  await using system = new ActorSystem();
  const leaf = system.spawn(Leaf);
  const middle = system.spawn(Middle, leaf).with({ trace, values: { tenant: 'x' } });

  await middle.told(leaf);

  t.deepEqual(await leaf.told(), {
    chain: [],
    remainingMs: Infinity,
    trace,
    values: { tenant: 'x' },
  });
});

test('values of a call are added to those of its turn', async (t) => {
  class Adder extends Actor {
    @rpc async add(leaf: ActorRef<Leaf>): Promise<Seen> {
      await null;
      return leaf.with({ values: { user: 'ann', role: 'owner' } }).look();
    }
  }
  await using system = new ActorSystem();
  const adder = system.spawn(Adder).with({ values: { tenant: 'x', role: 'guest' } });

  const { values } = await adder.add(system.spawn(Leaf));

  t.deepEqual(values, { tenant: 'x', user: 'ann', role: 'owner' });
});

test('a nested call has what is left of its turn, however patient it is', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const leaf = system.spawn(Leaf);
  class Outer extends Actor {
    inner: unknown;
    @rpc async call(other: ActorRef<Leaf>): Promise<void> {
      await null;
      this.inner = await other.wait().catch((error: unknown) => error);
    }
    @rpc outcome(): unknown {
      return this.inner;
    }
  }
  const outer = system.spawn(Outer);
  const late = t.throwsAsync(outer.with({ timeoutMs: 500 }).call(leaf), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(600);
  await late;

  const inner = await outer.outcome();

  t.true(inner instanceof DeadlineExceeded);
  t.like(inner, { to: 'local/Leaf/#1', executed: 'unknown' });
});

test('a nested call may be less patient than its turn', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const leaf = system.spawn(Leaf);
  const middle = system.spawn(Middle, leaf);
  const late = t.throwsAsync(middle.patient(leaf, 500), { instanceOf: DeadlineExceeded });
  await env.settled();

  await env.advance(600);

  t.like(await late, { timeoutMs: 500 });
});

test('once its caller has given up, a turn can call nobody any more', async (t) => {
  class Late extends Actor {
    error: unknown;
    @rpc async call(leaf: ActorRef<Leaf>, gate: Promise<void>): Promise<void> {
      await gate;
      this.error = await leaf.look().catch((error: unknown) => error);
    }
    @rpc outcome(): unknown {
      return this.error;
    }
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const late = system.spawn(Late);
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const call = late.with({ timeoutMs: 100 }).call(system.spawn(Leaf), gate);
  const expired = t.throwsAsync(call, { instanceOf: DeadlineExceeded });
  await env.advance(200);
  await expired;

  open();

  const error = await late.outcome();
  t.true(error instanceof Cancelled);
  t.like(error, { executed: 'no', cause: { message: 'its caller waits no longer' } });
});

test('a call chain has a bound, and the error names it', async (t) => {
  class Deeper extends Actor {
    @rpc async dive(): Promise<number> {
      return 1 + (await this.spawn(Deeper).dive());
    }
  }
  await using system = new ActorSystem();

  const error = await t.throwsAsync(system.spawn(Deeper).dive(), { instanceOf: Overloaded });

  t.like(error, { code: 'ERR_OVERLOADED', executed: 'yes', bound: 'call chain', limit: 128 });
});

test('an endless exchange of calls that nobody waits for is no chain', async (t) => {
  let deepest = 0;
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  class Bouncer extends Actor {
    @rpc bounce(other: ActorRef<Bouncer>, times: number): void {
      deepest = Math.max(deepest, this.ctx.chain.length);
      if (times === 0) finish();
      else void other.bounce(this.self<Bouncer>(), times - 1);
    }
  }
  await using system = new ActorSystem();

  void system.spawn(Bouncer).bounce(system.spawn(Bouncer), 1_000);
  await finished;

  t.is(deepest, 0); // A turn that has ended waits no more.
});

test('a reference that an actor returns belongs to nobody: it carries no turn of that actor', async (t) => {
  const system = new ActorSystem();
  const leaf = system.spawn(Leaf);
  const directory = system.spawn(Directory, leaf);
  const [found] = await directory.find();
  directory.tell.held(); // The actor is in a turn now.

  const seen = await found?.look();

  t.is(found, leaf);
  t.deepEqual(seen?.chain, []);
});

test('a reference keeps its identity within an actor, so that it can be the key of a map', async (t) => {
  class Keeper extends Actor {
    readonly #seen = new Set<ActorRef<Leaf>>();
    @rpc add(leaf: ActorRef<Leaf>): number {
      return this.#seen.add(leaf).size;
    }
  }
  await using system = new ActorSystem();
  const keeper = system.spawn(Keeper);
  const leaf = system.spawn(Leaf);

  t.is(await keeper.add(leaf), 1);
  t.is(await keeper.add(leaf), 1);
});

test('bind makes a reference from elsewhere one of the actor', async (t) => {
  const system = new ActorSystem();
  const elsewhere = system.spawn(Leaf);
  class Binder extends Actor {
    @rpc async look(bound: boolean): Promise<Seen> {
      await null;
      return (bound ? this.bind(elsewhere) : elsewhere).look();
    }
  }
  const binder = system.spawn(Binder);

  const bound = await binder.look(true);
  const unbound = await binder.look(false);

  t.deepEqual(bound.chain, ['local/Binder/#2.look']);
  t.deepEqual(unbound.chain, []);
  await system.stop();
});

const tooMany = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i, '']));
const malformed: readonly (readonly [string, object, RegExp])[] = [
  ['no time', { timeoutMs: 0 }, /^timeoutMs is 0: give milliseconds in 1 … 2147483647$/],
  ['no number', { timeoutMs: NaN }, /^timeoutMs is NaN: /],
  ['a text that looks like one', { timeoutMs: '500' }, /^timeoutMs is '500': /],
  ['all time', { timeoutMs: Infinity }, /^timeoutMs is Infinity: /],
  ['a trace that is no traceparent', { trace: 'yes' }, /^trace is 'yes': /],
  ['a trace that is no text', { trace: {} }, /^trace is an object: /],
  ['values that are none', { values: null }, /^values is null: /],
  ['too many values', { values: tooMany }, /32 at most, not 33$/],
  ['a long key', { values: { ['k'.repeat(65)]: '' } }, /1 … 64 characters, not 65$/],
  ['a value that is no text', { values: { key: 7 } }, /^values\.key is 7: /],
  ['a long value', { values: { key: 'v'.repeat(1_025) } }, /^values\.key .*1024 .*not 1025$/],
];
for (const [what, options, message] of malformed) {
  test(`with refuses ${what}`, (t) => {
    const leaf = new ActorSystem().spawn(Leaf);

    const error = t.throws(() => leaf.with(options), { instanceOf: BadOption, message });

    t.like(error, { code: 'ERR_BAD_OPTION', executed: 'no' });
    t.is(executedOf(error), 'no');
  });
}

test('a context survives being packed for another node', async (t) => {
  const system = new ActorSystem();
  const contexts: (CallContext | undefined)[] = [];
  class Packer extends Actor {
    @rpc pack(): void {
      contexts.push(new Caller(undefined).contextIn(system));
    }
  }
  await system
    .spawn(Packer)
    .with({ trace, values: { tenant: 'x' } })
    .pack();
  const [context] = contexts;
  const running = { address: 'local/Packer/#1', method: 'pack', turn: 1 };
  const packed = { chain: [running], trace, values: { tenant: 'x' } };
  t.truthy(context);

  const unpacked = unpackContext(packed);

  t.deepEqual(unpacked && packContext(unpacked), packed);
  t.is(unpackContext({ chain: [] }), undefined);
  t.throws(() => unpackContext({ chain: Array.from({ length: 129 }, () => running) }), {
    instanceOf: RangeError,
  });
  await system.stop();
});
