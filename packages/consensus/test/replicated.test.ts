import test from 'ava';
import {
  BadMachine,
  command,
  Engine,
  Machine,
  MachineOutdated,
  MemoryStore,
  query,
  Replicated,
  replicate,
} from '@troupe/consensus';
import { CborCodec } from '@troupe/remote';
import { CallSampler } from '../dist/call-sampler.js';
import { reshare, unshare } from '../dist/shared-objects.js';
import { Ledger } from './ledger.ts';

const codec = new CborCodec();
const plain = { dehydrate: () => undefined, hydrate: () => undefined };

/** An entry as a node of any release may have written it. */
function entry(...fields: unknown[]): Uint8Array {
  return codec.encode(fields, plain);
}

/** `[kind, time, session, sequence, acknowledged, since, seed, name, args]`. */
function deposit(sequence: number, acknowledged: number): Uint8Array {
  return entry(2, 0, 1, sequence, acknowledged, 1, 7, 'deposit', ['ann', 1]);
}

/** A machine that has applied `entries`, and what came of the last. */
function applied(...entries: readonly Uint8Array[]) {
  const machine = new Replicated(Ledger);
  const commands = entries.map((data, at) => ({ index: at + 1, epoch: 1, data }));
  return { machine, last: machine.apply(commands).at(-1), balance: balanceOf(machine) };
}

function balanceOf(machine: Replicated<Ledger>): unknown {
  const method = machine.methods.get('balance');
  return method && machine.query(method, ['ann']);
}

const open = entry(0, 0);

test('a command is executed once for its session and sequence, and answered alike', (t) => {
  const first = applied(open, deposit(1, 0));
  const again = applied(open, deposit(1, 0), deposit(2, 0), deposit(1, 0));

  t.deepEqual(again.last, first.last);
  t.is(again.balance, 2);
});

test('results are dropped when they are acknowledged, and their commands never run again', (t) => {
  const { last, balance } = applied(open, deposit(1, 0), deposit(2, 1), deposit(1, 0));

  t.deepEqual(last, { kind: 'refused', reason: 'given-up' });
  t.is(balance, 2);
});

test('a command that was given up before it came is not executed', (t) => {
  const { last, balance } = applied(open, deposit(9, 8), deposit(3, 0));

  t.deepEqual(last, { kind: 'refused', reason: 'given-up' });
  t.is(balance, 1);
});

const refusals: readonly [what: string, data: Uint8Array, reason: string][] = [
  ['of a session that is not there', entry(2, 0, 5, 1, 0, 1, 7, 'deposit', ['ann', 1]), 'expired'],
  ['that acknowledges itself', deposit(1, 1), 'malformed'],
  ['at the end of time', entry(2, Infinity, 1, 1, 0, 1, 7, 'deposit', ['ann', 1]), 'malformed'],
  ['of no arguments at all', entry(2, 0, 1, 1, 0, 1, 7, 'deposit', null), 'malformed'],
  ['of other bytes', Uint8Array.of(1, 2, 3), 'malformed'],
  ['of no bytes', new Uint8Array(), 'malformed'],
];
for (const [what, data, reason] of refusals) {
  test(`a command ${what} fails by itself, and the next one is executed`, (t) => {
    const refused = applied(open, data);
    const after = applied(open, data, deposit(1, 0));

    t.deepEqual(refused.last, { kind: 'refused', reason });
    t.is(refused.balance, 0);
    t.is(after.balance, 1);
  });
}

const unknown: readonly [what: string, name: string, since: number, message: RegExp][] = [
  ['that came later', 'deposit', 2, /came with version 2 of Ledger, and this node runs version 1:/],
  ['that it does not have', 'rob', 1, /command rob is not known to Ledger of version 1/],
  ['that is a query here', 'balance', 1, /command balance is not known to Ledger of version 1/],
  ['that is a method of Object', 'toString', 1, /command toString is not known to Ledger/],
];
for (const [what, name, since, message] of unknown) {
  test(`a machine does not skip a command ${what}: it stops, and says why`, (t) => {
    const known = entry(3, 0, 'a', 2, ['a']); // Or it would be refused, by all of them.
    const error = t.throws(() => applied(open, known, entry(2, 0, 1, 1, 0, since, 7, name, [])), {
      instanceOf: MachineOutdated,
      message,
    });

    t.like(error, {
      code: 'ERR_MACHINE_OUTDATED',
      machine: 'Ledger',
      what: `command ${name}`,
      needed: since,
      running: 1,
    });
  });
}

test('an entry of a kind that a later release has brought is not skipped either', (t) => {
  t.throws(() => applied(open, entry(4, 0)), { message: /an entry of kind 4 is none .* upgrade/ });
});

test('a command that some members do not know is refused by all of them, and can come again', (t) => {
  const early = entry(2, 0, 1, 1, 0, 2, 7, 'deposit', ['ann', 1]);
  const [a, b] = [entry(3, 0, 'a', 2, ['a', 'b']), entry(3, 0, 'b', 2, ['a', 'b'])];
  const refused = { kind: 'refused', reason: 'early' };

  t.deepEqual(applied(open, early).last, refused);
  t.deepEqual(applied(open, a, early).last, refused);
  t.throws(() => applied(open, a, early, b, early), { instanceOf: MachineOutdated });
});

const versions: readonly [what: string, fields: readonly unknown[]][] = [
  ['whose node has no name', [1, 2, ['a']]],
  ['whose version is none', ['a', -1, ['a']]],
  ['whose members are none', ['a', 2, ['a', 1]]],
];
for (const [what, fields] of versions) {
  test(`an entry about a version ${what} is refused`, (t) => {
    const { last } = applied(entry(3, 0, ...fields));

    t.deepEqual(last, { kind: 'refused', reason: 'malformed' });
  });
}

test('versions in a snapshot that are none are refused as damaged', async (t) => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield codec.encode([3, 0, 0, {}, [], [1, [['a', 'x']]]], plain);
  }

  await t.throwsAsync(new Replicated(Ledger).restore(chunks(), { version: 1, index: 0 }), {
    code: 'ERR_BAD_BYTES',
  });
});

test('sessions make room in the order in which the log heard of them', (t) => {
  const opens = Array.from({ length: 1_024 }, () => open);
  const touched = [...opens.slice(0, -1), deposit(1, 0), ...opens.slice(0, 2)];

  const kept = applied(...touched, deposit(2, 0));
  const gone = applied(...opens, open, deposit(1, 0));

  t.is(kept.balance, 2);
  t.deepEqual(gone.last, { kind: 'refused', reason: 'expired' });
  t.is(gone.machine.sessions, 1_024);
});

test('a snapshot holds the state, the time, and sessions in their order', async (t) => {
  const opens = Array.from({ length: 1_023 }, () => open);
  const { machine: before } = applied(open, ...opens, entry(2, 9_000, 1, 1, 0, 1, 7, 'draw', []));
  const after = new Replicated(Ledger);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* before.snapshot().chunks();
  }

  await after.restore(chunks(), { version: 1, index: 1_025 });

  const results = [before, after].map((machine) =>
    machine.apply([
      { index: 1_026, epoch: 1, data: entry(2, 0, 1, 1, 0, 1, 8, 'draw', []) },
      { index: 1_027, epoch: 1, data: entry(2, 0, 1, 2, 0, 1, 9, 'draw', []) },
      { index: 1_028, epoch: 1, data: open },
      { index: 1_029, epoch: 1, data: deposit(3, 0) },
      { index: 1_030, epoch: 1, data: entry(2, 0, 2, 1, 0, 1, 7, 'deposit', ['ann', 1]) },
    ]),
  );
  t.deepEqual(results[1], results[0]);
  t.deepEqual(results[1]?.at(-1), { kind: 'refused', reason: 'expired' });
  const clock = after.methods.get('clock');
  t.deepEqual(clock && after.query(clock, []), [9_000, 9_000]);
});

test('a later version keeps what a snapshot holds, and begins what it does not', async (t) => {
  class Before extends Machine {
    total = 1;
    @command add(by: number): number {
      return (this.total += by);
    }
  }
  class After extends Machine {
    static override readonly version = 2;
    total = 1;
    adds = 0;
    @command add(by: number): number {
      this.adds += 1;
      return (this.total += by);
    }
    @command({ since: 2 }) count(): number {
      return this.adds;
    }
  }
  const store = new MemoryStore();
  const old = new Engine({ store });
  const before = new Replicated(Before);
  const group = await old.open({ group: 'g', machine: before });
  await replicate(group, before).add(4);
  await group.snapshot();
  await old.stop();

  await using engine = new Engine({ store });
  const machine = new Replicated(After);
  const sum = replicate(await engine.open({ group: 'g', machine }), machine);

  t.is(await sum.add(1), 6);
  t.is(await sum.count(), 1);
});

class Account {
  balance = 0;
}
class Idle extends Machine {
  idle = true;
}
class Secretive extends Machine {
  #count = 0;
  @command add(): number {
    return (this.#count += 1);
  }
}
class Bank extends Machine {
  account = new Account();
  @command add(): number {
    return (this.account.balance += 1);
  }
}
class Late extends Machine {
  @command({ since: 2 }) add(): void {}
}
class Listening extends Machine {
  listener = (): void => {};
  @command add(): void {}
}
class Unversioned extends Machine {
  static override readonly version = 0;
  @command add(): void {}
}
class Stranger {
  add(): void {}
}
const classes: readonly [what: string, type: unknown, message: RegExp][] = [
  ['is no machine', Stranger, /is no class that extends Machine/],
  ['is none', undefined, /undefined is no class that extends Machine/],
  ['has no version', Unversioned, /Unversioned has version 0: give static version 1, 2/],
  ['brings a command with a later version', Late, /Late has add since version 2, and is of ver/],
  ['has no command', Idle, /Idle has no command/],
  ['hides its state from snapshots', Secretive, /Secretive keeps #count, which no snapshot would/],
  [
    'keeps what is no plain data',
    Bank,
    /has something at state\.account from the start .*: it is a Account, not plain data; keep/,
  ],
  [
    'keeps a function',
    Listening,
    /at state\.listener .*: functions stay on their node; keep plain data in fields, or override/,
  ],
];
for (const [what, type, message] of classes) {
  test(`a class that ${what} is refused before it has any`, (t) => {
    const error = t.throws(() => new Replicated(type as typeof Ledger), { message });

    t.true(error instanceof BadMachine);
  });
}

test('a class with private fields saves and loads them itself', async (t) => {
  class Guarded extends Machine {
    #count = 0;
    @command add(): number {
      return (this.#count += 1);
    }
    protected override save(): number {
      return this.#count;
    }
    protected override load(state: unknown): void {
      this.#count = Number(state);
    }
  }
  const store = new MemoryStore();
  const old = new Engine({ store });
  const before = new Replicated(Guarded);
  const group = await old.open({ group: 'g', machine: before });
  await replicate(group, before).add();
  await group.snapshot();
  await old.stop();

  await using engine = new Engine({ store });
  const machine = new Replicated(Guarded);
  const guarded = replicate(await engine.open({ group: 'g', machine }), machine);

  t.is(await guarded.add(), 2);
});

test('what is at several places of a state is one thing after a restart, too', async (t) => {
  class Desk extends Machine {
    names = ['ann'];
    byRoom = new Map([['a', { names: this.names, of: new Set([this.names]) }]]);
    @command add(name: string): void {
      this.byRoom.get('a')?.names.push(name);
    }
    @query counts(): readonly number[] {
      const { names, of } = this.byRoom.get('a') ?? { names: [], of: new Set() };
      return [this.names, names, ...of].map(({ length }) => length);
    }
  }
  const store = new MemoryStore();
  const old = new Engine({ store });
  const before = new Replicated(Desk);
  const group = await old.open({ group: 'g', machine: before });
  await replicate(group, before).add('bob');
  await group.snapshot();
  await old.stop();

  await using engine = new Engine({ store });
  const machine = new Replicated(Desk);
  const desk = replicate(await engine.open({ group: 'g', machine }), machine);
  await desk.add('cid');

  t.deepEqual(await desk.counts(), [3, 3, 3]);
});

test('objects that share objects, and keys that are shared, come back as they were', (t) => {
  const leaf = [1];
  const branch = { leaf, date: new Date(0) };
  const state = {
    branches: [branch, branch],
    leaf,
    map: new Map<unknown, unknown>([[leaf, branch]]),
  };

  const { state: written, shared } = unshare(state);
  const back = reshare({ state: written, shared }) as typeof state;

  t.is(shared.length, 2);
  t.deepEqual(back, state);
  const [one, other] = back.branches;
  t.is(one, other);
  t.is(one?.leaf, back.leaf);
  t.deepEqual([...back.map], [[leaf, branch]]);
  t.true(back.map.get(back.leaf) === one);
});

test('a state that contains itself is refused, and says where', (t) => {
  class Loop extends Machine {
    self: unknown = this.list();
    @command add(): void {}
    list(): unknown {
      const list: unknown[] = [];
      list.push([list]);
      return list;
    }
  }

  t.throws(() => new Replicated(Loop), { message: /state\.self.* it contains itself/ });
});

class Meter extends Machine {
  reads = 0;
  marks: unknown[] = [];
  @command mark(kind: 'plain' | 'own'): number {
    return this.marks.push(kind === 'own' ? new Account() : kind);
  }
  @query value(): number {
    return this.reads;
  }
  @query count(how: 'field' | 'inside' | 'no data' | 'and fail'): number {
    if (how === 'field') this.reads += 1;
    else this.marks.push(how === 'no data' ? new Account() : how);
    if (how === 'and fail') throw new RangeError('after all');
    return this.reads;
  }
}

function mark(sequence: number, kind: string): Uint8Array {
  return entry(2, 0, 1, sequence, 0, 1, 7, 'mark', [kind]);
}

function metering(...entries: readonly Uint8Array[]): Replicated<Meter> {
  const machine = new Replicated(Meter);
  machine.apply([open, ...entries].map((data, at) => ({ index: at + 1, epoch: 1, data })));
  return machine;
}

async function written(machine: Replicated<Meter>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of machine.snapshot().chunks()) chunks.push(chunk);
  return chunks;
}

for (const how of ['field', 'inside', 'no data', 'and fail']) {
  test(`a query that writes is refused, and what it wrote is undone: ${how}`, async (t) => {
    const machine = metering(mark(1, 'plain'));
    const [count, value] = ['count', 'value'].map((name) => machine.methods.get(name));
    const before = await written(machine);

    const error = t.throws(() => count && machine.query(count, [how]), { instanceOf: BadMachine });

    t.like(error, { code: 'ERR_BAD_MACHINE', machine: 'Meter' });
    t.regex(error?.message ?? '', /changed its state in count, .* undone: mark .* @command/);
    t.is(value && machine.query(value, []), 0);
    t.deepEqual(await written(machine), before);
  });
}

test('what no snapshot can hold is found with the command that leaves it, and where', (t) => {
  const error = t.throws(() => metering(mark(1, 'plain'), mark(2, 'own')), {
    instanceOf: BadMachine,
  });

  t.regex(
    error?.message ?? '',
    /at state\.marks\[1\] after mark that no snapshot can hold: .*Account/,
  );
});

test('a method is looked at ever more seldom, and never while the state is large', (t) => {
  const sampler = new CallSampler();
  const due = Array.from({ length: 70 }, () => sampler.isDue('add'));

  sampler.stateBytes = 2 ** 20 + 1;

  t.deepEqual(
    due.flatMap((isDue, at) => (isDue ? [at + 1] : [])),
    [1, 2, 4, 8, 16, 32, 64],
  );
  t.false(sampler.isDue('another'));
});

const sessions: readonly [what: string, session: readonly unknown[]][] = [
  ['no id', ['1', 0, []]],
  ['no results', [1, 0, {}]],
  ['a result that is none', [1, 0, [[1, 'yes', Uint8Array.of(1)]]]],
];
for (const [what, session] of sessions) {
  test(`a snapshot in which a session has ${what} is not taken for one`, async (t) => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield* new Replicated(Ledger).snapshot().chunks();
      yield codec.encode(session, plain);
    }
    const restoring = new Replicated(Ledger).restore(chunks(), { version: 1, index: 0 });

    await t.throwsAsync(restoring, { code: 'ERR_BAD_BYTES' });
  });
}

/** Stands for an object at several places, as snapshots have it. */
class Ref {
  constructor(readonly index: number) {}
}

const referring = {
  dehydrate: (value: object) =>
    value instanceof Ref ? { tag: 0, content: value.index } : undefined,
  hydrate: () => undefined,
};

const spoiled: readonly [what: string, frame: readonly unknown[]][] = [
  ['has no list of them', [1, 0, 0, { names: new Ref(0) }]],
  ['has an empty list of them', [2, 0, 0, { names: new Ref(0) }, []]],
  ['lacks one of them', [2, 0, 0, { names: [new Ref(0), new Ref(1)] }, [[]]]],
  ['has one that refers to itself', [2, 0, 0, { names: new Ref(0) }, [new Ref(0)]]],
  ['counts them by halves', [2, 0, 0, { names: new Ref(0.5) }, [[], []]]],
];
for (const [what, frame] of spoiled) {
  test(`a snapshot that refers to objects and ${what} is refused as damaged`, async (t) => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield codec.encode(frame, referring);
    }
    const machine = new Replicated(Ledger);
    const restoring = machine.restore(chunks(), { version: 1, index: 0 });

    await t.throwsAsync(restoring, { code: 'ERR_BAD_BYTES' });
  });
}
