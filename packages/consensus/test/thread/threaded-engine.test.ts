import test from 'ava';
import { type VirtualEnv, virtualEnv } from '@troupe/actor/testing';
import {
  type Command,
  type ConsensusEvent,
  MemoryStore,
  type SnapshotOrigin,
  type SnapshotSource,
  type StateMachine,
} from '@troupe/consensus';
import { add, Adder } from '@troupe/consensus/conformance';
import { TestWorld } from '../world.ts';
import { type Threaded, threaded } from './world.ts';

/** A node by itself. */
function alone(): Threaded & { readonly env: VirtualEnv } {
  const env = virtualEnv();
  return { ...threaded({ env, node: 'a' }), env };
}

/** Opens group `g` of that machine. */
async function open<R>({ env, engine }: ReturnType<typeof alone>, machine: StateMachine<R>) {
  const opening = engine.open({ group: 'g', machine });
  await env.settled();
  return opening;
}

/** Adds up, when it is let to. */
class Slow implements StateMachine<number> {
  readonly version = 1;
  readonly #adder = new Adder();
  go: () => void = () => {};

  apply(batch: readonly Command[]): Promise<readonly number[]> {
    return new Promise((resolve) => (this.go = () => resolve(this.#adder.apply(batch))));
  }
  snapshot(): SnapshotSource {
    return this.#adder.snapshot();
  }
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#adder.restore(chunks);
  }
}

/** So many bytes, whatever is applied. */
class Large implements StateMachine<undefined> {
  readonly version = 1;
  state: Uint8Array = new Uint8Array();

  apply(batch: readonly Command[]): readonly undefined[] {
    for (const { data } of batch) this.state = new Uint8Array(9_000_000).fill(data[0] ?? 0);
    return batch.map(() => undefined);
  }
  snapshot(): SnapshotSource {
    const { state } = this;
    return { chunks: () => [state] };
  }
  async restore(chunks: AsyncIterable<Uint8Array>, _from: SnapshotOrigin): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.state = Buffer.concat(parts);
  }
}

test('what the machine takes time for is answered in order, and reads wait for it', async (t) => {
  const node = alone();
  const machine = new Slow();
  const group = await open(node, machine);
  const told: string[] = [];
  void group.propose(add(2)).then(({ result }) => told.push(`applied ${result}`));
  await node.env.settled();
  void group.read().then(() => told.push('read'));
  await node.env.settled();

  const before = [...told];
  machine.go();
  await node.env.settled();

  t.deepEqual(before, []);
  t.deepEqual(told, ['applied 2', 'read']);
});

test('what was acknowledged is on disk by what the status says, and not some time later', async (t) => {
  const node = alone();
  const group = await open(node, new Adder());
  const told: number[] = [];
  const proposing = (async () => {
    for (const value of [1, 2, 3]) {
      const { index } = await group.propose(add(value));
      const { durable, committed, last } = group.status();
      told.push(...[durable, committed, last].map((each) => each - index));
    }
  })();

  await node.env.settled(); // No time passes, after which the thread would tell of itself.
  await proposing;

  t.deepEqual(told, [0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('a machine that does not come back keeps nobody beyond the deadline', async (t) => {
  const node = alone();
  const group = await open(node, new Slow());
  const { env } = node;
  const ended = t.throwsAsync(group.propose(add(2), { timeoutMs: 500 }));
  const cancelled = new AbortController();
  const aborted = t.throwsAsync(group.propose(add(3), { signal: cancelled.signal }));
  await env.settled();

  cancelled.abort('enough');
  await env.advance(2_500);

  t.like(await ended, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'unknown', timeoutMs: 500 });
  t.like(await aborted, { code: 'ERR_CANCELLED', executed: 'unknown', cause: 'enough' });
});

test('a thread that stands still keeps nobody beyond the deadline', async (t) => {
  const node = alone();
  const group = await open(node, new Adder());
  node.near.hold();
  const proposed = t.throwsAsync(group.propose(add(1), { timeoutMs: 500 }));
  const read = t.throwsAsync(group.read({ timeoutMs: 500 }));

  await node.env.advance(2_500);

  t.like(await proposed, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'unknown', timeoutMs: 500 });
  t.like(await read, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no', timeoutMs: 500 });
});

test('a machine that throws ends the group, and everybody is told what it threw', async (t) => {
  const node = alone();
  const group = await open(node, new Adder().failOn(1));
  const events: ConsensusEvent[] = [];
  const reading = (async () => {
    for await (const event of group.events(new AbortController().signal)) events.push(event);
  })();
  const proposed = t.throwsAsync(group.propose(add(1)));

  await node.env.settled();
  await reading;
  const error = await proposed;

  t.like(error, { code: 'ERR_GROUP_CLOSED', executed: 'unknown' });
  t.like(error?.cause, { message: 'cannot add 1' });
  const fatal = events.at(-1);
  t.true(fatal?.kind === 'fatal' && fatal.error === error?.cause);
  t.is(node.engine.group('g'), undefined);
  for (const late of [group.propose(add(2)), group.read(), group.read({ consistency: 'stale' })]) {
    t.is((await t.throwsAsync(late))?.cause, error?.cause);
  }
});

test('a thread that ends closes all groups, and nothing is opened any more', async (t) => {
  const node = alone();
  const group = await open(node, new Adder());
  node.near.hold();
  const proposed = t.throwsAsync(group.propose(add(1)));
  const read = t.throwsAsync(group.read());

  node.engine.failed(new Error('out of memory'));

  t.like(await proposed, { code: 'ERR_GROUP_CLOSED', executed: 'unknown' });
  t.like(await read, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  t.like((await proposed)?.cause, { code: 'ERR_CONSENSUS_THREAD_FAILED', node: 'a' });
  const machine = new Adder();
  await t.throwsAsync(node.engine.open({ group: 'h', machine }), {
    code: 'ERR_CONSENSUS_THREAD_FAILED',
    message: /start the node anew: out of memory/,
  });
  await t.notThrowsAsync(node.engine.stop());
});

test('what no driver would take is refused before it goes to the thread', async (t) => {
  const node = alone();
  const group = await open(node, new Slow());
  const aborted = AbortSignal.abort('no more');

  const refused = [
    group.propose(new Uint8Array(2 ** 20 + 1)),
    group.propose(add(1), { timeoutMs: 0 }),
    group.read({ timeoutMs: Number.NaN }),
    group.read({ consistency: 'eventual' as 'stale' }),
    group.propose(add(1), { signal: aborted }),
  ];

  const codes: unknown[] = [];
  for (const each of refused) {
    const error: unknown = await each.catch((thrown: unknown) => thrown);
    codes.push(Reflect.get(Object(error), 'code'));
  }
  t.deepEqual(codes, [
    'ERR_COMMAND_TOO_LARGE',
    'ERR_BAD_OPTION',
    'ERR_BAD_OPTION',
    'ERR_BAD_OPTION',
    'ERR_CANCELLED',
  ]);
  t.is(group.status().waiting, 0);
});

test('a state that is larger than what may be on its way is saved, and read back', async (t) => {
  const env = virtualEnv();
  const store = new MemoryStore();
  const first = { ...threaded({ env, node: 'a', store }), env };
  const group = await open(first, new Large());
  const proposing = group.propose(Uint8Array.of(7));
  await env.settled();
  await proposing;
  const snapshot = group.snapshot();
  await env.settled();
  const { bytes } = await snapshot;
  const stopping = first.engine.stop();
  await env.settled();
  await stopping;

  const machine = new Large();
  await open({ ...threaded({ env, node: 'a', store }), env }, machine);

  t.true(bytes > 9_000_000);
  t.is(machine.state.length, 9_000_000);
  t.true(machine.state.every((byte) => byte === 7));
});

function never(): Promise<never> {
  return Promise.reject(new Error('there is no such group'));
}

/** Three nodes, and who leads them. */
async function three(): Promise<{
  readonly world: TestWorld;
  readonly leader: string;
  readonly follower: string;
  readonly ways: ReadonlyMap<string, Threaded['near']>;
}> {
  const ways = new Map<string, Threaded['near']>();
  const world: TestWorld = new TestWorld({}, (options) => {
    const { engine, near } = threaded({ ...options, env: world.env });
    ways.set(options.node ?? '', near);
    return engine;
  });
  const names = ['a', 'b', 'c'];
  await Promise.all(names.map((name) => world.start(name, names)));
  await world.env.advance(2_000);
  const leader = world.of('a').group('g')?.status().leader;
  const follower = names.find((name) => name !== leader);
  if (leader === undefined || follower === undefined) throw new Error('nobody leads');
  return { world, leader, follower, ways };
}

test('while its main loop stands still a node leads on, and after ten seconds lets another', async (t) => {
  const { world, leader, follower, ways } = await three();
  const group = world.of(follower).group('g');
  const { epoch } = group?.status() ?? {};

  ways.get(leader)?.hold();
  await world.env.advance(9_000);
  const meanwhile = group?.status();
  await world.env.advance(2_000);
  const later = group?.status();
  ways.get(leader)?.goOn();

  t.like(meanwhile, { leader, epoch });
  t.not(later?.leader, leader);
  t.is(later?.epoch, (epoch ?? 0) + 1); // Handed over, so that nobody had to be voted out.
});

test('a main loop that stands still is sent no more than it is able to hold', async (t) => {
  const { world, follower, leader, ways } = await three();
  const group = world.of(follower).group('g');
  const way = ways.get(leader);
  const command = new Uint8Array(2 ** 19);

  way?.hold();
  for (let i = 0; i < 40; i += 1) await world.settle(group?.propose(command) ?? never());
  const heldBytes = way?.heldBytes ?? 0;
  way?.goOn();
  const reading = world.of(leader).group('g')?.read() ?? never();
  const { index } = await world.settle(reading);

  t.true(heldBytes >= 4 * 2 ** 20 && heldBytes <= 6 * 2 ** 20, `${heldBytes}`);
  t.true(index >= 40); // The rest was in the log.
});
