import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  Actor,
  actor,
  type Down,
  type Log,
  type LogFields,
  type Node,
  type NodeOptions,
  NoSuchActor,
  Overloaded,
  processEnv,
  rpc,
  SessionLost,
  startNode,
  Unreachable,
  WorkerFailed,
} from 'troupe';
import { Cruncher, Unbearable } from './workers/actors.js';
import { setup } from './workers/quick.js';

const ACTORS = new URL('./workers/actors.js', import.meta.url);
const NOTHING = new URL('./workers/nothing.js', import.meta.url);
const QUICK = new URL('./workers/quick.js', import.meta.url);

/** A log that keeps what it is told. */
class Kept implements Log {
  readonly lines: string[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: LogFields, message: string): void {
    this.lines.push(`${String(fields['worker'])}: ${message}`);
  }
  error(fields: LogFields, message: string): void {
    this.warn(fields, message);
  }
}

function start(options: NodeOptions = {}): Promise<Node> {
  const env = processEnv({ log: new Kept() });
  return startNode({
    name: 'a',
    actors: [],
    workers: { count: 2, actors: [ACTORS] },
    env,
    ...options,
  });
}

/** Threads that this one has started and that live. */
function threads(): number {
  const { workers } = process.report.getReport() as { readonly workers: readonly unknown[] };
  return workers.length;
}

async function eventually(t: ExecutionContext, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !holds(); i += 1) await new Promise((r) => setTimeout(r, 20));
  t.true(holds());
}

test.serial(
  'an actor on a worker is called as one of this thread, and runs in another',
  async (t) => {
    await using node = await start();
    const [first = '', second = ''] = node.workers;

    const one = await node.at(first).spawn(Cruncher, 5);
    const two = await node.at(second).spawn(Cruncher);

    t.is(await one.sum(3), 11);
    t.not(await one.thread(), await two.thread());
    t.is((await one.fill(5_000_000)).length, 5_000_000);
  },
);

test.serial('errors of the actors of a worker arrive as themselves', async (t) => {
  await using node = await start();
  const one = await node.at('a-w1').spawn(Cruncher);

  await t.throwsAsync(one.refuse(), { instanceOf: Unbearable, message: 'no more' });
});

test.serial('entities are placed on workers', async (t) => {
  await using node = await start();

  const keys = Array.from({ length: 16 }, (_, i) => `key-${i}`);
  const threads = await Promise.all(keys.map((key) => node.entity(Cruncher, key).thread()));

  t.is(new Set(threads).size, 2);
  t.deepEqual(
    node.members().map(({ name, state }) => [name, state]),
    [
      ['a', 'alive'],
      ['a-w1', 'alive'],
      ['a-w2', 'alive'],
    ],
  );
});

test.serial(
  'workers talk to each other directly, even while the main thread is busy',
  async (t) => {
    await using node = await start();
    const one = await node.at('a-w1').spawn(Cruncher);
    const two = await node.at('a-w2').spawn(Cruncher);
    const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
    await one.chat(two, 1, join(folder, 'met')); // From here on they know each other.
    const file = join(folder, 'done');

    const done = one.chat(two, 100, file);
    await one.thread(); // By now the request is over there.
    const end = Date.now() + 20_000;
    while (!existsSync(file) && Date.now() < end); // Nothing gets through this thread meanwhile.

    t.true(existsSync(file));
    await done;
    rmSync(folder, { recursive: true });
  },
);

for (const [how, hurt] of [
  ['exits', (cruncher) => cruncher.tell.exit()],
  ['has an error that nobody caught', (cruncher) => cruncher.tell.crash()],
] as const satisfies [string, (cruncher: Awaited<ReturnType<typeof cruncherOn>>) => void][]) {
  test.serial(`a worker that ${how} is a node that died, and is started again`, async (t) => {
    await using node = await start();
    const victim = await cruncherOn(node, 'a-w1');
    const before = await victim.thread();
    const keys = Array.from({ length: 8 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => node.entity(Cruncher, key).thread()));
    const down = new Promise<Down>((resolve) => void node.monitor(victim, resolve));
    const pending = t.throwsAsync(victim.never(), { instanceOf: SessionLost });

    hurt(await cruncherOn(node, 'a-w1'));

    t.like(await down, { reason: { kind: 'node-down' } });
    t.like(await pending, { executed: 'unknown' });
    const moved = await Promise.all(keys.map((key) => node.entity(Cruncher, key).thread()));
    t.false(moved.includes(before));
    await eventually(t, () => isMember(node, 'a-w1') && node.members().length === 3);
    t.not(await (await cruncherOn(node, 'a-w1')).thread(), before);
  });
}

function cruncherOn(node: Node, place: string) {
  return node.at(place).spawn(Cruncher);
}

function isMember(node: Node, name: string): boolean {
  return node.members().some((member) => member.name === name && member.state === 'alive');
}

test.serial('a worker that computes for long stays a member', async (t) => {
  const workers = { count: 1, actors: [ACTORS], setup: QUICK };
  const { membership } = setup({});
  await using node = await start({ workers, ...(membership !== undefined && { membership }) });
  const cruncher = await cruncherOn(node, 'a-w1');
  const states: string[] = [];
  const watching = node.go(async ({ signal }) => {
    for await (const { member } of node.watchMembers(signal)) states.push(member.state);
  });

  await cruncher.block(6_000);

  t.false(states.includes('down'));
  t.is(await cruncher.sum(1), 1);
  watching.cancel();
});

test.serial('no thread outlives its node, not even one that never gives way', async (t) => {
  const log = new Kept();
  const node = await start({ env: processEnv({ log }) });
  const cruncher = await cruncherOn(node, 'a-w1');
  t.is(threads(), 2);
  const folder = mkdtempSync(join(tmpdir(), 'troupe-'));
  const file = join(folder, 'begun');
  const stuck = t.throwsAsync(cruncher.block(60_000, file));
  while (!existsSync(file)) await setImmediate(); // The order to stop could come before the call.

  // The other one waits a second for the stuck one twice, and has five more on a busy machine.
  await node.stop(6_000);

  t.true(log.lines.includes('a-w1: a worker did not end by itself'));
  t.false(log.lines.some((line) => line.startsWith('a-w2: a worker')));
  t.is(threads(), 0);
  await stuck;
  rmSync(folder, { recursive: true });
});

@actor({ kind: 'stranger' })
class Stranger extends Actor {
  @rpc hello(): string {
    return 'hello';
  }
}

test.serial('a class that a place does not know is refused with what to do', async (t) => {
  await using node = await start();

  const error = await t.throwsAsync(node.at('a-w1').spawn(Stranger), { instanceOf: NoSuchActor });

  t.is(error?.executed, 'no');
  t.regex(
    error?.message ?? '',
    /node a-w1 has no class of kind 'stranger'.*module that exports it/,
  );
  const here = await node.at('a').spawn(Stranger);
  t.is(await here.hello(), 'hello');
});

test.serial('a place that is no member is refused with those that are', async (t) => {
  await using node = await start();

  const error = await t.throwsAsync(node.at('b').spawn(Cruncher), { instanceOf: Unreachable });

  t.regex(error?.message ?? '', /there are a, a-w1, a-w2/);
});

test.serial('workers of another machine are places like its own', async (t) => {
  const listen = '127.0.0.1:0';
  await using a = await start({ listen, secret: 'a secret of tests' });
  await using b = await startNode({
    name: 'b',
    secret: 'a secret of tests',
    actors: [],
    join: [a.address],
  });
  await eventually(t, () => isMember(b, 'a-w1'));

  const far = await b.at('a-w1').spawn(Cruncher, 1);

  t.is(await far.sum(2), 4);
  t.is(typeof (await b.entity(Cruncher, 'x').thread()), 'number');
});

for (const [what, options, message] of [
  ['a module without actors', { workers: { count: 1, actors: [NOTHING] } }, /exports no actor/],
  ['no module', { workers: 2 }, /actors: \[new URL/],
  ['too many', { workers: 300, actors: [ACTORS] }, /^workers is 300: .*in 1 … 256/],
  [
    'a plug-in',
    { workers: { count: 1, actors: [ACTORS] }, membership: setup({}).membership },
    /setup/,
  ],
  ['nowhere to be reached', { workers: 1, actors: [ACTORS], join: ['127.0.0.1:1'] }, /pass listen/],
] as const) {
  test(`workers with ${what} are refused before anything starts`, async (t) => {
    const error = await t.throwsAsync(startNode(options as NodeOptions));

    t.true(error instanceof TypeError || error instanceof RangeError);
    t.regex(error?.message ?? '', message);
  });
}

test.serial('a worker that cannot start makes its node fail, and leaves no thread', async (t) => {
  const workers = { count: 2, actors: [ACTORS], setup: NOTHING };

  const error = await t.throwsAsync(start({ workers }), { instanceOf: WorkerFailed });

  t.regex(error?.message ?? '', /worker a-w\d did not start: .*exports no function 'setup'/);
  t.is(threads(), 0);
});

test.serial('a worker whose setup is TypeScript says that it has to be compiled', async (t) => {
  const setup = new URL('./workers/quick.ts', import.meta.url);
  const workers = { count: 1, actors: [ACTORS], setup };

  const error = await t.throwsAsync(start({ workers }), { instanceOf: WorkerFailed });

  t.regex(
    error?.message ?? '',
    /quick\.ts is TypeScript .* pass the URL of what it is compiled to/,
  );
});

test.serial('workers grant other nodes what their node grants them', async (t) => {
  await using node = await start({ limits: { callsMax: 2 } });
  const one = await cruncherOn(node, 'a-w1');
  void Promise.allSettled([one.never(), one.never()]);

  await t.throwsAsync(one.sum(3), { instanceOf: Overloaded, message: /calls of one peer/ });
});
