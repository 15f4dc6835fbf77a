import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import {
  Actor,
  actor,
  ActorDown,
  ActorSystem,
  BadArguments,
  BadOption,
  type DeadLetter,
  DeadlineExceeded,
  defineActor,
  type Down,
  Draining,
  rpc,
  Unreachable,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';
import {
  gossip,
  MetadataTooLarge,
  type Node,
  NameTaken,
  startNode,
  staticMembers,
} from '@troupe/cluster';
import { Broken, Counter, keyOn, TestCluster } from './nodes.js';

function states(node: Node): Readonly<Record<string, string>> {
  return Object.fromEntries(node.members().map(({ name, state }) => [name, state]));
}

function causeOf(error: Error | undefined): Error {
  if (error?.cause instanceof Error) return error.cause;
  throw new TypeError('an error without a cause');
}

test('an actor names entities as its node does, and waits for them in its turn', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const [here, there] = [keyOn(a, 'a'), keyOn(a, 'b')];

  t.is(await a.entity(Counter, here).addAt(there, 2), 2);
  t.is(await b.entity(Counter, there).add(1), 3);
  t.is(await a.spawn(Counter).addAt(there, 1), 4);
  await t.throwsAsync(a.entity(Counter, here).addAt(here, 1), { code: 'ERR_DEADLOCK' });
});

/** Lets its caller see how its own calls fail. */
@actor({ kind: 'relay' })
class Relay extends Actor {
  #runs = 0;
  @rpc pass(): never {
    this.#runs += 1;
    throw new Unreachable('c/counter/1', 'its node is gone');
  }
  @rpc runs(): number {
    return this.#runs;
  }
}

for (const owner of ['a', 'b']) {
  test(`a method on ${owner} whose own call was not executed runs once all the same`, async (t) => {
    const cluster = new TestCluster([Relay]);
    const [a] = await cluster.nodes('a', 'b');
    if (a === undefined) return t.fail();
    const relay = a.entity(Relay, keyOn(a, owner, Relay));

    const error = await t.throwsAsync(relay.pass(), { instanceOf: Unreachable });

    t.like(error, { code: 'ERR_UNREACHABLE', reason: 'its node is gone' });
    t.is(error?.executed, 'yes');
    t.is(await relay.runs(), 1);
  });
}

test('a node is given back the bytes that came from another one, and not its own', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const bytes = new Uint8Array(100_000).fill(7);
  const fromThere = await a.entity(Counter, keyOn(a, 'b')).echo(bytes);
  const fromHere = await a.entity(Counter, keyOn(a, 'a')).echo(bytes);

  t.true(a.recycle(fromThere));
  t.false(a.recycle(fromHere));
  await cluster.env.settled();

  t.is(fromThere.length, 0);
  t.is(fromHere[0], 7);
});

test('an actor of no cluster names no entities', async (t) => {
  await using system = new ActorSystem({ env: virtualEnv() });

  const error = await t.throwsAsync(system.spawn(Counter).addAt('x', 1));

  t.regex(error?.message ?? '', /^local\/counter\/#1 is part of no cluster$/);
});

test('a node by itself runs entities without any configuration', async (t) => {
  const node = await startNode();
  const counter = node.entity(Counter, 'one');

  t.is(await counter.add(2), 2);
  t.is(await node.entity(Counter, 'one').add(2), 4);
  t.is(await counter.name(), 'one');

  await node.stop();
});

test('an entity is one and the same from every node, and lives where placement says', async (t) => {
  const cluster = new TestCluster();
  const [a, b, c] = await cluster.nodes('a', 'b', 'c');
  if (a === undefined || b === undefined || c === undefined) return t.fail();

  for (const owner of ['a', 'b', 'c']) {
    const key = keyOn(a, owner);
    t.is(await a.entity(Counter, key).add(1), 1);
    t.is(await b.entity(Counter, key).add(1), 2);
    t.is(await c.entity(Counter, key).add(1), 3);
    t.regex(await c.entity(Counter, key).where(), new RegExp(`^${owner}/counter/`));
  }
});

for (const make of [gossip, staticMembers]) {
  test(`nodes with ${make.name}() of their own options join where \`join\` says`, async (t) => {
    const cluster = new TestCluster();
    await cluster.node('a', { membership: make() });

    const b = await cluster.node('b', { membership: make() });
    await cluster.env.advance(1_000);

    t.deepEqual(
      b.members().map(({ name }) => name),
      ['a', 'b'],
    );
  });
}

test('seeds that membership has of its own count, and not `join`', async (t) => {
  const cluster = new TestCluster();
  await cluster.node('a');

  const b = await cluster.node('b', { membership: gossip({ seeds: [] }) });
  await cluster.env.advance(1_000);

  t.is(b.members().length, 1);
});

test('a reference to an entity travels', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const remote = a.entity(Counter, keyOn(a, 'b'));
  const local = a.entity(Counter, keyOn(a, 'a'));

  t.is(await remote.forward(local, 5), 5);
  t.is(await local.add(0), 5);
});

test('when the owner dies, the next call activates the entity elsewhere', async (t) => {
  const cluster = new TestCluster();
  const [a, , c] = await cluster.nodes('a', 'b', 'c');
  if (a === undefined || c === undefined) return t.fail();
  const key = keyOn(a, 'b');
  t.is(await a.entity(Counter, key).add(1), 1);

  cluster.kill('b');
  await cluster.env.settled(); // The connections are broken; what leaves now certainly did not run.
  const calls = Promise.all([a.entity(Counter, key).add(1), c.entity(Counter, key).add(1)]);
  await cluster.env.advance(3_000);

  t.deepEqual(
    (await calls).toSorted((x, y) => x - y),
    [1, 2],
  ); // A fresh start, and one activation for both.
  t.not(a.ownerOf(Counter, key)?.name, 'b');
});

test('a call that was running on the node that died is not repeated', async (t) => {
  @actor({ kind: 'slow' })
  class Slow extends Actor {
    @rpc wait(): Promise<never> {
      return new Promise(() => {});
    }
  }
  const cluster = new TestCluster();
  const a = await cluster.node('a', { actors: [] });
  await cluster.node('b', { actors: [Slow] });
  await cluster.env.advance(3_000);
  const call = t.throwsAsync(a.entity(Slow, 'x').wait());
  await cluster.env.settled();

  cluster.kill('b');
  await cluster.env.advance(2_000);

  t.like(await call, { code: 'ERR_SESSION_LOST', executed: 'unknown' });
});

test('a call of an idempotent method is repeated where the entity is then', async (t) => {
  @actor({ kind: 'patient' })
  class Patient extends Actor {
    @rpc({ idempotent: true }) async outlive(owner: string): Promise<string> {
      const address = String(this.self());
      return address.startsWith(`${owner}/`) ? new Promise(() => {}) : address;
    }
  }
  const cluster = new TestCluster();
  const a = await cluster.node('a', { actors: [] });
  await cluster.node('b', { actors: [Patient] });
  await cluster.node('c', { actors: [Patient] });
  await cluster.env.advance(3_000);
  const patient = a.entity(Patient, 'x');
  const owner = a.ownerOf(Patient, 'x')?.name ?? '';
  const call = patient.outlive(owner);
  await cluster.env.settled();

  cluster.kill(owner);
  await cluster.env.advance(5_000);

  t.regex(await call, owner === 'b' ? /^c\/patient/ : /^b\/patient/);
});

test('a node that leaves hands its entities over, and no call fails meanwhile', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const key = keyOn(a, 'b');
  const counter = a.entity(Counter, key);
  t.is(await counter.add(1), 1);

  const calls: Promise<number>[] = [];
  const stopping = b.stop();
  for (let i = 0; i < 20; i += 1) {
    calls.push(counter.add(1));
    await cluster.env.advance(20);
  }
  await cluster.env.advance(3_000);
  await stopping;

  const results = await Promise.all(calls);
  t.is(results.length, 20);
  t.is(a.ownerOf(Counter, key)?.name, 'a');
  t.is(a.members().find(({ name }) => name === 'b')?.state, 'left');
});

test('when a node joins, the entities it draws move to it', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a');
  if (a === undefined) return t.fail();
  const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
  for (const key of keys) await a.entity(Counter, key).add(1);

  await cluster.nodes('b');

  for (const key of keys) {
    const owner = a.ownerOf(Counter, key)?.name;
    t.is(await a.entity(Counter, key).add(1), owner === 'a' ? 2 : 1);
  }
});

test('a call for a kind that nobody hosts says what to do', async (t) => {
  @actor({ kind: 'nowhere' })
  class Nowhere extends Actor {
    @rpc ping(): void {}
  }
  const cluster = new TestCluster();
  const a = await cluster.node('a', { actors: [] });

  const call = t.throwsAsync(a.entity(Nowhere, 'x').with({ timeoutMs: 500 }).ping(), {
    instanceOf: DeadlineExceeded,
  });
  await cluster.env.advance(1_000);

  const error = await call;
  t.is(error?.executed, 'no');
  t.regex(causeOf(error).message, /startNode\(\{ actors \}\)/);
});

test('an entity whose constructor fails tells its caller why, at once', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();

  for (const node of [a, b]) {
    const error = await t.throwsAsync(node.entity(Broken, 'x').ping(), { instanceOf: ActorDown });
    t.is(error?.executed, 'no');
    t.regex(causeOf(error).message, /no licence/);
  }
});

test('a monitor of an entity tells when its activation ends', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a', 'b');
  if (a === undefined) return t.fail();
  const counter = a.entity(Counter, keyOn(a, 'b'));
  const downs: Down[] = [];
  a.monitor(counter, (down) => downs.push(down));
  await cluster.env.settled();

  await counter.end();
  await cluster.env.settled();

  t.is(downs.length, 1);
  t.like(downs[0], { reason: { kind: 'stopped' } });
  t.is(await counter.add(1), 1); // The next call activates it anew.
});

test('tells to an entity on another node arrive; those that cannot are dead letters', async (t) => {
  const letters: DeadLetter[] = [];
  const cluster = new TestCluster();
  const a = await cluster.node('a', { onDeadLetter: (letter) => letters.push(letter) });
  await cluster.node('b');
  await cluster.env.advance(3_000);
  const counter = a.entity(Counter, keyOn(a, 'b'));

  counter.tell.add(5);
  t.is(await counter.add(1), 6);
  (counter.tell as unknown as { add(value: unknown): void }).add(Symbol('mine'));

  t.like(letters, [{ method: 'add', reason: { code: 'ERR_NOT_SERIALIZABLE' } }]);
});

test('a second node of the same name cannot join', async (t) => {
  const cluster = new TestCluster();
  await cluster.nodes('a', 'b');

  const error = await t.throwsAsync(cluster.node('b', { listen: 'elsewhere:1' }), {
    instanceOf: NameTaken,
  });

  t.regex(error?.message ?? '', /another name/);
});

test('a class without a kind cannot be an entity', async (t) => {
  class Plain extends Actor {}
  const node = await startNode();

  t.throws(() => node.entity(Plain, 'x'), { message: /@actor\(\{ kind: … \}\)/ });

  await node.stop();
});

test('a class that the others cannot be told of is refused, each time', async (t) => {
  const classes = Array.from({ length: 8 }, (_, i) => {
    return defineActor({ kind: `kind-${i}`.padEnd(64, '-'), rpc: [] }, class extends Actor {});
  });
  await using node = await startNode({ name: 'a' });
  const last = classes.pop() ?? Counter;
  for (const each of classes) node.entity(each, 'x');

  for (let i = 0; i < 2; i += 1) {
    t.throws(() => node.entity(last, 'x'), { instanceOf: MetadataTooLarge });
  }
});

test('a name that is too long, or no text, is refused at once, and calls under way are not disturbed', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a', 'b');
  if (a === undefined) return t.fail();
  const there = a.entity(Counter, keyOn(a, 'b'));
  const method = 'm'.repeat(1_025);
  const long = there as object as Readonly<Record<string, () => Promise<unknown>>>;
  const given = (length: number): string => 'x'.repeat(length);
  const refused = { instanceOf: BadArguments, code: 'ERR_BAD_ARGUMENTS' };

  const innocent = there.add(1);
  const errors = [
    t.throws(() => a.entity(Counter, given(513)), refused),
    t.throws(() => a.entity(Counter, given(100_000)), refused),
    t.throws(() => void Reflect.apply(a.entity, a, [Counter, 7]), refused),
    await t.throwsAsync(a.spawn(Counter).addAt(given(1_025), 1), refused),
    await t.throwsAsync(a.channel(given(513)), refused),
    await t.throwsAsync(async () => long[method]?.(), refused),
  ];

  t.is(await innocent, 1);
  t.is(await there.add(1), 2);
  t.true(errors.every((error) => error?.message.length < 250));
  t.is(
    errors[0]?.message,
    `node.entity: the key '${given(32)}…' has 513 characters, and 512 is the limit: ` +
      'use a shorter one, such as a hash of it',
  );
});

test('a name as long as may be reaches its entity, its channel and its method', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const name = 'x'.repeat(512);
  const entity = a.entity(Counter, name);
  const method = 'm'.repeat(1_024);
  const calls = b.entity(Counter, keyOn(b, 'a')) as object as Readonly<
    Record<string, () => Promise<unknown>>
  >;

  t.is(await entity.name(), name);
  t.is(await b.entity(Counter, name).name(), name);
  t.truthy(await a.channel(name));
  t.truthy(await b.channel(name));
  await t.throwsAsync(async () => calls[method]?.(), { code: 'ERR_NO_SUCH_METHOD' });
});

test('a node that was alone for an hour is as well as ever when another one joins', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a');
  if (a === undefined) return t.fail();
  const seen: string[] = [];
  a.observeCluster(({ kind }) => void seen.push(kind));

  await cluster.env.advance(3_600_000);
  await cluster.nodes('b');

  t.deepEqual(seen, ['joined']);
});

test('an observer that fails is logged, and the others are told all the same', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a');
  if (a === undefined) return t.fail();
  const seen: string[] = [];
  a.observeCluster(() => {
    throw new Error('no use');
  });
  const stop = a.observeCluster(({ kind }) => void seen.push(kind));

  await cluster.nodes('b');
  stop();
  cluster.kill('b');
  await cluster.env.advance(3_000);

  t.deepEqual(seen, ['joined']);
  t.true(cluster.env.logged.some(({ message }) => message.startsWith('an observer of the')));
});

test('members are followed through join, crash and restart', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a', 'b');
  if (a === undefined) return t.fail();
  const seen: string[] = [];
  const watching = new AbortController();
  const watcher = (async () => {
    for await (const { kind, member } of a.watchMembers(watching.signal)) {
      seen.push(`${member.name} ${kind}`);
    }
  })();
  await cluster.env.settled();

  cluster.kill('b');
  await cluster.env.advance(3_000);
  cluster.network.restore('b');
  await cluster.nodes('b');
  watching.abort();
  await watcher;

  t.deepEqual(seen, ['a up', 'b up', 'b down', 'b up']); // Its address refuses: no suspicion.
});

test('a member that was taken for dead and answers again is where references to its actors lead', async (t) => {
  const cluster = new TestCluster();
  const [a, b] = await cluster.nodes('a', 'b');
  if (a === undefined || b === undefined) return t.fail();
  const counter = await a.at('b').spawn(Counter);
  const downs: Down[] = [];
  a.monitor(counter, (down) => downs.push(down));
  t.is(await counter.add(1), 1);
  cluster.network.cut('a', 'b');
  await cluster.env.advance(30_000);
  t.deepEqual(states(a), { a: 'alive', b: 'down' });

  cluster.network.heal('a', 'b');
  await cluster.env.advance(30_000);

  t.deepEqual(states(a), { a: 'alive', b: 'alive' });
  t.is(await counter.add(1), 2);
  t.deepEqual(
    downs.map(({ reason }) => reason.kind),
    ['node-down'],
  );
});

test('nodes that dial each other at once end up with one connection, and nothing is lost', async (t) => {
  const cluster = new TestCluster();
  const starting = ['a', 'b', 'c'].map((name) =>
    startNode({
      name,
      listen: `${name}:1`,
      join: ['a:1', 'b:1', 'c:1'],
      actors: [Counter],
      env: cluster.env,
      transport: cluster.network.transport(name),
    }),
  );
  await cluster.env.advance(3_000);
  const nodes = await Promise.all(starting);

  const calls = nodes.flatMap((node) =>
    Array.from({ length: 30 }, (_, i) => node.entity(Counter, `key-${i}`).add(1)),
  );
  await cluster.env.advance(3_000);

  t.is((await Promise.all(calls)).filter((count) => count === 3).length, 30);
  for (const node of nodes) {
    t.deepEqual(
      node.members().map(({ state }) => state),
      ['alive', 'alive', 'alive'],
    );
  }
  const lost = cluster.env.logged.filter(({ level }) => level === 'error');
  t.deepEqual(lost, []);
});

test('a node that has stopped calls nobody, and says so at once', async (t) => {
  const node = await startNode({ name: 'a', actors: [Counter] });
  const counter = node.entity(Counter, 'x');
  await node.stop();

  await t.throwsAsync(counter.add(1), { instanceOf: Draining, message: /^a is stopping/ });
  t.throws(() => node.spawn(Counter), { instanceOf: Draining });
});

@actor({ kind: 'late' })
class Late extends Actor {
  readonly #isBroken: boolean;
  constructor(isBroken: boolean) {
    super();
    this.#isBroken = isBroken;
  }
  override async started(): Promise<void> {
    await null;
    if (this.#isBroken) throw new RangeError('no licence');
  }
  @rpc ping(): string {
    return 'pong';
  }
}

for (const place of ['a', 'b']) {
  test(`to start an actor on node ${place} fails with what its start fails with`, async (t) => {
    const cluster = new TestCluster();
    const [a] = [await cluster.node('a', { actors: [Late] })];
    await cluster.node('b', { actors: [Late] });
    await cluster.env.advance(3_000);

    const error = await t.throwsAsync(a.at(place).spawn(Late, true), { instanceOf: ActorDown });

    t.true(causeOf(error) instanceof RangeError);
    t.is(causeOf(error).message, 'no licence');
    t.is(await (await a.at(place).spawn(Late, false)).ping(), 'pong');
  });
}

test('a monitor of an entity that is one too many is told so', async (t) => {
  const cluster = new TestCluster();
  const [a] = await cluster.nodes('a', 'b');
  if (a === undefined) return t.fail();
  const actor = await a.at('b').spawn(Counter);
  for (let count = 0; count < 65_536; count += 1) a.monitor(actor, () => {});

  const down = await new Promise<Down>((resolve) => {
    a.monitor(a.entity(Counter, keyOn(a, 'b')), resolve);
  });

  t.like(down.reason, { kind: 'node-down', error: { code: 'ERR_OVERLOADED', limit: 65_536 } });
});

test('a module that is TypeScript and cannot be loaded is refused with what to do', async (t) => {
  const module = new URL('./no-such-module.ts', import.meta.url);

  const error = await t.throwsAsync(startNode({ actors: [module] }), { instanceOf: TypeError });

  t.regex(error?.message ?? '', /no-such-module\.ts is TypeScript .* pass the URL of what it is/);
  t.true(causeOf(error) instanceof Error);
});

test('a module that would be compiled from TypeScript, and was not, is refused likewise', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'actors.mts'), 'export const nothing: number = 0;');
  const load = (name: string): Promise<unknown> =>
    startNode({ actors: [pathToFileURL(join(directory, name))] });

  await t.throwsAsync(load('actors.mjs'), { message: /actors\.mts is TypeScript .* in a worker/ });
  const odd = await t.throwsAsync(load('odd.js'), { code: 'ERR_MODULE_NOT_FOUND' });

  t.notRegex(odd?.message ?? '', /TypeScript/);
});

test('a node that does not listen cannot be told where it is reached', async (t) => {
  await t.throwsAsync(startNode({ advertise: 'db.example:7001' }), {
    instanceOf: BadOption,
    message: /pass listen as well/,
  });
});
