import test from 'ava';
import {
  command,
  type Consensus,
  defineMachine,
  Engine,
  Machine,
  MemoryStore,
  recoverAlone,
  replicate,
  Replicated,
} from '@troupe/consensus';
import { add, Adder } from '@troupe/consensus/conformance';

type Wrong = (group: Consensus<number>) => Promise<unknown>;

/** As a program in JavaScript may have it. */
const any = (value: unknown): never => value as never;

const calls: readonly [what: string, call: Wrong, message: RegExp][] = [
  ['a command that is no bytes', (it) => it.propose(any('x')), /^command is 'x': give the/],
  [
    'a deadline that is no number',
    (it) => it.propose(add(1), { timeoutMs: any('soon') }),
    /^timeoutMs/,
  ],
  [
    'a deadline that never comes',
    (it) => it.read({ timeoutMs: Number.NaN }),
    /^timeoutMs is NaN: give/,
  ],
  ['a signal that is none', (it) => it.read({ signal: any({}) }), /^signal is an object: give/],
  ['no flag', (it) => it.propose(add(1), { forward: any('no') }), /^forward is 'no': give/],
  [
    'a consistency that there is not',
    (it) => it.read({ consistency: any('eventual') }),
    /^consistency is 'eventual': give one of linearizable, lease, stale$/,
  ],
  [
    'changes that are no list',
    (it) => it.changeMembers(any({})),
    /^changes is an object: give a list/,
  ],
  ['a change that is none', (it) => it.changeMembers([any(null)]), /^changes\[0\] is null: give/],
  ['nobody to lead', (it) => it.transferLeadership(any(undefined)), /^to is undefined: give/],
];
for (const [what, call, message] of calls) {
  test(`${what} is refused before anything is begun`, async (t) => {
    await using engine = new Engine();
    const group = await engine.open({ group: 'g', machine: new Adder() });

    const error = await t.throwsAsync(call(group), { code: 'ERR_BAD_OPTION', message });

    t.true(error instanceof RangeError);
    t.is(group.status().waiting, 0);
  });
}

test('a group is opened with no option that there is not', async (t) => {
  await using engine = new Engine();

  const opening = engine.open(any({ group: 'g', machine: new Adder(), rnk: 1 }));

  await t.throwsAsync(opening, {
    code: 'ERR_BAD_OPTION',
    message: 'rnk is no option: did you mean rank?',
  });
});

test('a replica looks at options where they are given', async (t) => {
  await using engine = new Engine();
  const machine = new Replicated(Marked);
  const replica = replicate(await engine.open({ group: 'g', machine }), machine);

  for (const [options, message] of [
    [{ consistency: 'foo' }, /^consistency is 'foo': give one of linearizable, lease, stale$/],
    [{ timeout: 5 }, /^timeout is no option: did you mean timeoutMs\?$/],
    [{ timeoutMs: 0 }, /^timeoutMs is 0: /],
    [{ signal: 5 }, /^signal is 5: /],
  ] as const) {
    t.throws(() => replica.with(any(options)), { code: 'ERR_BAD_OPTION', message });
  }
});

test('a command that is too large is refused with its size and the limit', async (t) => {
  await using engine = new Engine();
  const group = await engine.open({ group: 'g', machine: new Adder(), commandBytesMax: 8 });

  const error = await t.throwsAsync(group.propose(new Uint8Array(9)));

  t.like(error, { code: 'ERR_COMMAND_TOO_LARGE', executed: 'no', group: 'g', size: 9, limit: 8 });
  t.regex(error?.message ?? '', /has 9 bytes, over 8: .* commandBytesMax$/);
});

test('a snapshot of nothing is refused', async (t) => {
  await using engine = new Engine();
  const group = await engine.open({ group: 'g', machine: new Adder(), voters: ['local', 'b'] });

  await t.throwsAsync(group.snapshot(), { code: 'ERR_NOTHING_APPLIED', message: /group g/ });
});

test('nothing is recovered of a group that is not there', async (t) => {
  await t.throwsAsync(recoverAlone(new MemoryStore(), { group: 'g', node: 'a' }), {
    code: 'ERR_BAD_OPTION',
    message: "group is 'g': nothing of it is saved here, name one that is",
  });
});

class Counter extends Machine {
  count = 0;
  add(): void {
    this.count += 1;
  }
  with(): void {}
}

class Marked extends Machine {
  count = 0;
  @command add(): void {
    this.count += 1;
  }
}

const marks: readonly [what: string, mark: () => unknown, message: RegExp][] = [
  ['since half a version', () => command({ since: 0.5 }), /^since is 0\.5: give the version/],
  [
    'with a name that each replica has',
    () => defineMachine({ commands: any(['with']) }, Counter),
    /^@command is 'with': every replica has its own/,
  ],
  [
    'that is no method',
    () => defineMachine({ commands: any(['count']) }, Counter),
    /^@command is 'count': class Counter has no such method$/,
  ],
  [
    'that there is not',
    () => defineMachine({ commands: ['add'], queries: any(['zzz']) }, Counter),
    /^@query is 'zzz': class Counter has no such method$/,
  ],
];
for (const [what, mark, message] of marks) {
  test(`a command ${what} is refused where it is marked`, (t) => {
    t.throws(mark, { code: 'ERR_BAD_OPTION', message });
  });
}
