import test, { type ExecutionContext } from 'ava';
import {
  type Command,
  type ConsensusEvent,
  type GroupRecord,
  type LogStore,
  MemoryStore,
} from '@troupe/consensus';
import { add, Adder, type Replica } from '@troupe/consensus/conformance';
import { threaded } from './thread/world.ts';
import { TestWorld } from './world.ts';

const voters = ['a', 'b', 'c'];

interface Loss {
  readonly world: TestWorld;
  readonly leader: Replica;
  /** A follower that has stopped; its log begins at a snapshot that nobody else has made. */
  readonly node: string;
}

/** A group in which one that follows has shortened its log, and then lost what it made of it. */
async function loss(t: ExecutionContext, keepEntries = 1): Promise<Loss> {
  const world = new TestWorld({ keepEntries });
  const replicas = await Promise.all(voters.map((node) => world.start(node, voters)));
  const [any] = replicas;
  for (const value of [1, 2, 3]) await world.settle(any?.consensus.propose(add(value)) ?? never(t));
  const leader = replicas.find(({ consensus }) => consensus.status().role === 'leader');
  const follower = replicas.find((each) => each !== leader);
  if (leader === undefined || follower === undefined) return never(t);
  await world.settle(follower.consensus.read());
  await world.settle(follower.consensus.snapshot());
  const { node } = follower.consensus.status();
  await world.crash(node);
  await world.store(node).keepSnapshots('g', new Set());
  return { world, leader, node };
}

function never(t: ExecutionContext): never {
  t.fail();
  throw new Error('BUG: three nodes have a leader');
}

test('a state that is lost with its snapshot comes from a peer, which makes one for it', async (t) => {
  const { world, leader, node } = await loss(t);
  await world.settle(leader.consensus.propose(add(4)));

  const { consensus, machine } = await world.start(node, voters);
  const before = consensus.status();
  const nothing = await t.throwsAsync(consensus.snapshot());
  await world.settle(consensus.read());

  t.like(before, { awaitsState: true, isDamaged: false, applied: 0 });
  t.like(nothing, { code: 'ERR_NOTHING_APPLIED', executed: 'no' });
  t.like(consensus.status(), { awaitsState: false });
  t.deepEqual(machine.seen, [1, 2, 3, 4]);
  t.deepEqual(
    world.env.logged.filter(({ level }) => level === 'error').map(({ message }) => message),
    ['the snapshot of a group cannot be read: another is asked for'],
  );
});

test('a state that has come from a peer is there after a restart, which needs nobody', async (t) => {
  const { world, node } = await loss(t);
  const { consensus } = await world.start(node, voters);
  await world.settle(consensus.read());

  await world.crash(node);
  world.isolate(node);
  const { machine, consensus: again } = await world.start(node, voters);

  t.deepEqual(machine.seen, [1, 2, 3]);
  t.like(again.status(), { awaitsState: false });
});

test('a node whose state is lost has its vote all the same', async (t) => {
  const { world, leader, node } = await loss(t);
  await world.start(node, voters);
  const { node: dead } = leader.consensus.status();
  const [other = ''] = voters.filter((each) => each !== dead && each !== node);

  await world.crash(dead);
  await world.env.advance(3_000);

  t.is(world.of(other).group('g')?.status().role, 'leader');
});

test('a leader that can serve nobody with a snapshot waits for somebody who can lead', async (t) => {
  const { world, leader, node } = await loss(t);
  const { node: other } = leader.consensus.status();
  const [third = ''] = voters.filter((each) => each !== other && each !== node);
  await world.crash(other);
  await world.crash(third);
  await world.store(third).forget('g'); // Its log is short, as of one that has never been up.

  const { consensus, machine } = await world.start(node, voters);
  await world.start(third, voters);
  await world.env.advance(5_000);
  const alone = consensus.status();
  await world.start(other, voters);
  await world.settle(consensus.read());

  t.like(alone, { role: 'leader', awaitsState: true });
  t.deepEqual(machine.seen, [1, 2, 3]);
});

test('where the log goes back to the beginning, a lost state is made of it once more', async (t) => {
  const { world, node } = await loss(t, 100);
  world.isolate(node);

  const { machine, consensus } = await world.start(node, voters);
  world.rejoin(node);
  await world.settle(consensus.read());

  t.deepEqual(machine.seen, [1, 2, 3]);
});

test('a node by itself whose state is lost does not start, and says why', async (t) => {
  const world = new TestWorld({ keepEntries: 1 });
  const { consensus } = await world.start('a', ['a']);
  for (const value of [1, 2]) await world.settle(consensus.propose(add(value)));
  await world.settle(consensus.snapshot());
  await world.crash('a');
  await world.store('a').keepSnapshots('g', new Set());

  await t.throwsAsync(world.start('a', ['a']), {
    message: 'the snapshot of group g cannot be read, and nobody has another',
  });
});

test('a node that comes back without its disk ends when its leader says what it has forgotten', async (t) => {
  const { world, node } = await loss(t);
  await world.store(node).forget('g');

  await world.start(node, voters);
  await world.env.advance(1_000);

  t.is(world.of(node).group('g'), undefined);
  const [failed] = world.env.logged.filter(({ level }) => level === 'error');
  t.like(failed, { message: 'a group has failed on this node' });
  t.like(failed?.fields['error'], { code: 'ERR_DISQUALIFIED', reason: 'forgot' });
});

/** Nodes that shorten their logs at once, with their drivers on the loop or on a thread. */
function shortened(isThreaded: boolean): TestWorld {
  const world: TestWorld = isThreaded
    ? new TestWorld({ keepEntries: 1 }, (given) => threaded({ ...given, env: world.env }).engine)
    : new TestWorld({ keepEntries: 1 });
  return world;
}

const makesAnother = test.macro({
  title: (_, isThreaded: boolean) =>
    `a leader whose snapshot cannot be read says so, and makes another for whoever needs it${
      isThreaded ? ', on a thread too' : ''
    }`,
  async exec(t, isThreaded: boolean) {
    const world = shortened(isThreaded);
    const { consensus: leader } = await world.start('a', ['a']);
    for (const value of [1, 2, 3]) await world.settle(leader.propose(add(value)));
    const lost = await world.settle(leader.snapshot());
    const told: ConsensusEvent[] = [];
    const reading = (async () => {
      for await (const event of leader.events(new AbortController().signal)) told.push(event);
    })();
    await world.store('a').keepSnapshots('g', new Set()); // As if it had rotted where it is.

    const { machine } = await world.start('b', []);
    const { voters } = await world.settle(leader.changeMembers([{ add: 'b' }]));
    await world.crash('b');
    await world.crash('a');
    await reading;
    const { consensus: again } = await world.start('a', []);

    t.deepEqual(voters, ['a', 'b']);
    t.deepEqual(machine.seen, [1, 2, 3]);
    t.deepEqual(
      told.filter(({ kind }) => kind === 'unreadable'),
      [{ kind: 'unreadable', snapshot: lost }],
    );
    t.like(again.status(), { awaitsState: false }); // What was made is what a restart finds.
    t.deepEqual(
      world.env.logged.filter(({ level }) => level === 'error').map(({ message }) => message),
      [
        'a snapshot of a group cannot be read, to be sent to a member: ' +
          'another is made of the state; look after the disk',
      ],
    );
  },
});

test(makesAnother, false);
test(makesAnother, true);

/** Takes what is written to it, and gives no snapshot back until it is `mended`. */
class WriteOnly extends MemoryStore {
  mended = false;
  readonly writtenAtMs: number[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    super();
    this.#now = now;
  }

  override writeSnapshot(...of: Parameters<MemoryStore['writeSnapshot']>): Promise<number> {
    this.writtenAtMs.push(this.#now());
    if (this.writtenAtMs.length > 100) throw new Error('one snapshot follows the other');
    return super.writeSnapshot(...of);
  }
  override readSnapshot(
    ...of: Parameters<MemoryStore['readSnapshot']>
  ): Promise<Uint8Array | undefined> {
    return this.mended ? super.readSnapshot(...of) : Promise.resolve(undefined);
  }
}

test('a leader whose disk gives no snapshot back makes one every ten seconds, and says so once', async (t) => {
  const store = new WriteOnly(() => world.env.now());
  class World extends TestWorld {
    override store(node: string): LogStore {
      return node === 'a' ? store : super.store(node);
    }
  }
  const world = new World({ keepEntries: 1 });
  const { consensus: leader } = await world.start('a', ['a']);
  for (const value of [1, 2, 3]) await world.settle(leader.propose(add(value)));
  await world.settle(leader.snapshot());
  const { machine } = await world.start('b', []);
  void leader.changeMembers([{ add: 'b', as: 'learner' }]).catch(() => {});

  await world.env.advance(60_000);
  const [, first = 0, ...later] = store.writtenAtMs;
  store.mended = true;
  await world.env.advance(15_000);

  t.is(later.length, 5);
  t.true([first, ...later].every((at, i, all) => i === 0 || at - (all[i - 1] ?? 0) >= 10_000));
  t.deepEqual(machine.seen, [1, 2, 3]);
  const what = 'a snapshot of a group cannot be read, to be sent to a member:';
  t.deepEqual(
    world.env.logged.filter(({ level }) => level === 'error').map(({ message }) => message),
    [
      `${what} another is made of the state; look after the disk`,
      `${what} one is made every 10 s of the state; look after the disk`,
    ],
  );
});

/** Takes until `goOn` to restore what it is given. */
class Slow extends Adder {
  #begin: () => void = () => {};
  goOn: () => void = () => {};
  readonly begun: Promise<void> = new Promise((resolve) => (this.#begin = resolve));
  readonly #going: Promise<void> = new Promise((resolve) => (this.goOn = resolve));

  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#begin();
    await this.#going;
    await super.restore(chunks);
  }
}

test('no snapshot is made of a state that is just being restored', async (t) => {
  const world = new TestWorld({ keepEntries: 1 });
  const { consensus: leader } = await world.start('a', ['a']);
  for (const value of [1, 2, 3]) await world.settle(leader.propose(add(value)));
  await world.settle(leader.snapshot());
  const machine = new Slow();
  const { consensus } = await world.start('b', [], machine);
  const adding = leader.changeMembers([{ add: 'b', as: 'learner' }]);
  await world.settle(machine.begun);
  await world.settle(adding);

  const making = consensus.snapshot();
  machine.goOn();

  t.true((await world.settle(making)).index >= 4);
  t.deepEqual(machine.seen, [1, 2, 3]);
});

/** Until `goOn` it saves no snapshot in place of a log, nor what comes after that. */
class Hesitant extends MemoryStore {
  #begin: () => void = () => {};
  goOn: () => void = () => {};
  readonly begun: Promise<void> = new Promise((resolve) => (this.#begin = resolve));
  readonly #going: Promise<void> = new Promise((resolve) => (this.goOn = resolve));
  #isHeld = false;

  override append(records: readonly GroupRecord[], done: (error?: Error) => void): void {
    this.#isHeld ||= records.some(({ record }) => record.snapshot !== undefined);
    if (!this.#isHeld) return super.append(records, done);
    this.#begin();
    void this.#going.then(() => super.append(records, done));
  }
}

/** A node whose log a snapshot has just taken the place of, and its state is as it was. */
async function outdated(): Promise<{ world: TestWorld; store: Hesitant; replica: Replica }> {
  const store = new Hesitant();
  class World extends TestWorld {
    override store(node: string): LogStore {
      return node === 'b' ? store : super.store(node);
    }
  }
  const world = new World({ keepEntries: 1 });
  const { consensus: leader } = await world.start('a', ['a']);
  for (const value of [1, 2, 3]) await world.settle(leader.propose(add(value)));
  await world.settle(leader.snapshot());
  const replica = await world.start('b', []);
  void leader.changeMembers([{ add: 'b', as: 'learner' }]).catch(() => {});
  await world.settle(store.begun);
  return { world, store, replica };
}

test('a snapshot that is asked for when another has come waits until that is restored', async (t) => {
  const { world, store, replica } = await outdated();
  const before = replica.consensus.status().applied;

  const making = replica.consensus.snapshot();
  await world.env.advance(100);
  store.goOn();
  const made = await world.settle(making);

  t.is(before, 0);
  t.true(made.index >= 4);
  t.deepEqual(replica.machine.seen, [1, 2, 3]);
});

/** Takes until `finish` to apply what it is given first. */
class Busy extends Adder {
  #begin: () => void = () => {};
  finish: () => void = () => {};
  readonly begun: Promise<void> = new Promise((resolve) => (this.#begin = resolve));
  readonly #finished: Promise<void> = new Promise((resolve) => (this.finish = resolve));

  override apply(batch: readonly Command[]): never {
    this.#begin();
    return this.#finished.then(() => super.apply(batch)) as never; // As a machine may.
  }
}

test('so does one that has waited for a busy state machine while another came', async (t) => {
  const world = new TestWorld({ keepEntries: 1 });
  const { consensus: leader } = await world.start('a', ['a']);
  const machine = new Busy();
  const { consensus } = await world.start('b', [], machine);
  await world.settle(leader.changeMembers([{ add: 'b', as: 'learner' }]));
  await world.settle(leader.propose(add(1)));
  await world.settle(machine.begun);
  world.isolate('b');
  for (const value of [2, 3, 4]) await world.settle(leader.propose(add(value)));
  const { index } = await world.settle(leader.snapshot());
  world.rejoin('b');
  await world.env.advance(5_000);

  const making = consensus.snapshot();
  machine.finish();
  const made = await world.settle(making);

  t.true(made.index >= index);
  t.deepEqual(machine.seen, [1, 2, 3, 4]);
});

test('who waits for that is told when the group ends on this node', async (t) => {
  const { world, store, replica } = await outdated();

  const making = t.throwsAsync(replica.consensus.snapshot());
  await replica.consensus.stop();

  t.like(await world.settle(making), { code: 'ERR_GROUP_CLOSED', executed: 'no' });
  store.goOn();
});

test('a witness starts again with the snapshot of nothing that it was sent', async (t) => {
  const world = new TestWorld({ keepEntries: 1 });
  const { consensus: leader } = await world.start('a', ['a']);
  for (const value of [1, 2, 3]) await world.settle(leader.propose(add(value)));
  await world.settle(leader.snapshot());
  await world.start('b', []);
  await world.start('w', []);
  const changes = [{ add: 'b' }, { add: 'w', as: 'witness' }] as const;
  await world.settle(leader.changeMembers(changes));
  await world.env.advance(1_000);
  const sent = world.of('w').group('g')?.status();

  await world.crash('w');
  const { consensus: witness, machine } = await world.start('w', []);
  await world.crash('b'); // Now nothing is agreed on without the witness.
  await world.settle(leader.propose(add(4)));
  const made = await world.settle(witness.snapshot());

  t.true((sent?.first ?? 0) > 1);
  t.deepEqual(machine.seen, []);
  t.like(made, { bytes: 0 });
});
