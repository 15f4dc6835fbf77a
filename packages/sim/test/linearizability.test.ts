import test from 'ava';
import fc from 'fast-check';
import {
  checkLinearizable,
  History,
  lists,
  type ListInput,
  locks,
  type LockInput,
  type Operation,
  registers,
  type RegisterInput,
} from '@troupe/sim';

type RegisterOutput = { readonly value?: unknown; readonly swapped?: boolean };

/** `client input output from to`, a line each; `?` for an outcome that nobody knows. */
function history(lines: readonly string[]): Operation<RegisterInput, RegisterOutput>[] {
  return lines.map((line) => {
    const [client = '', kind, value, output = '?', from, to] = line.split(' ');
    const input: RegisterInput =
      kind === 'read' ? { kind, key: 'x' } : { kind: 'write', key: 'x', value };
    const unknown = output === '?';
    return {
      client,
      input,
      callMs: Number(from),
      returnMs: unknown ? Infinity : Number(to),
      output: unknown ? undefined : kind === 'read' ? { value: output } : {},
    };
  });
}

for (const [claim, lines, kind] of [
  ['a read sees the write before it', ['a write 1 ok 0 1', 'b read - 1 2 3'], 'linearizable'],
  ['a read misses a write that is over', ['a write 1 ok 0 1', 'b read - 0 2 3'], 'violated'],
  [
    'reads during a write may see old and new, in this order',
    ['a write 0 ok 0 1', 'a write 1 ok 2 9', 'b read - 0 3 4', 'b read - 1 5 6'],
    'linearizable',
  ],
  [
    'but not new and then old',
    ['a write 0 ok 0 1', 'a write 1 ok 2 9', 'b read - 1 3 4', 'b read - 0 5 6'],
    'violated',
  ],
  [
    'a write of unknown outcome may take effect much later',
    ['a write 0 ok 0 1', 'a write 1 ? 2 -', 'b read - 0 3 4', 'b read - 1 5 6'],
    'linearizable',
  ],
  ['or never', ['a write 0 ok 0 1', 'a write 1 ? 2 -', 'b read - 0 90 91'], 'linearizable'],
  [
    'but not come and go',
    ['a write 0 ok 0 1', 'a write 1 ? 2 -', 'b read - 1 3 4', 'b read - 0 5 6'],
    'violated',
  ],
] as const) {
  test(`${claim}: ${kind}`, (t) => {
    t.is(checkLinearizable(registers(), history(lines)).kind, kind);
  });
}

test('an append that a read has seen is there for every later read', (t) => {
  const read = (output: readonly unknown[], callMs: number): Operation<ListInput, unknown[]> => ({
    client: 'b',
    input: { kind: 'read', key: 'l' },
    callMs,
    returnMs: callMs + 1,
    output: [...output],
  });
  const append: Operation<ListInput, unknown[]> = {
    client: 'a',
    input: { kind: 'append', key: 'l', value: 1 },
    callMs: 0,
    returnMs: 9,
    output: [],
  };

  t.is(checkLinearizable(lists(), [append, read([], 1), read([1], 3)]).kind, 'linearizable');
  t.is(checkLinearizable(lists(), [append, read([1], 1), read([], 3)]).kind, 'violated');
});

test('a lock is held by one at a time, and its tokens rise', (t) => {
  const at = (
    [by, kind, output]: readonly [string, LockInput['kind'], number | boolean | null],
    callMs: number,
  ): Operation<LockInput, number | boolean | null> => ({
    client: by,
    input: { kind, lock: 'l', by },
    callMs,
    returnMs: callMs + 0.5,
    output,
  });
  const check = (...steps: Parameters<typeof at>[0][]): string =>
    checkLinearizable(locks(), steps.map(at)).kind;

  t.is(check(['a', 'acquire', 1], ['a', 'release', true], ['b', 'acquire', 2]), 'linearizable');
  t.is(check(['a', 'acquire', 1], ['b', 'acquire', null]), 'linearizable');
  t.is(check(['a', 'acquire', 1], ['b', 'acquire', 2]), 'violated');
  t.is(check(['a', 'acquire', 2], ['a', 'release', true], ['b', 'acquire', 1]), 'violated');
});

test('the verdict is that of trying every order', (t) => {
  const operation = fc.record({
    write: fc.boolean(),
    value: fc.integer({ min: 0, max: 2 }),
    call: fc.integer({ min: 0, max: 12 }),
    lasts: fc.integer({ min: 1, max: 8 }),
    known: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 5 }), (drawn) => {
      const operations = drawn.map(({ write, value, call, lasts, known }, i) => {
        const input: RegisterInput = write
          ? { kind: 'write', key: 'x', value }
          : { kind: 'read', key: 'x' };
        const output = write ? {} : { value };
        return {
          client: String(i),
          input,
          callMs: call,
          returnMs: known ? call + lasts + 0.5 : Infinity, // Never equal to a call's time.
          output: known ? output : undefined,
        };
      });

      const { kind } = checkLinearizable(registers(), operations);

      t.is(kind === 'linearizable', someOrderFits(operations, { value: undefined }));
    }),
    { numRuns: 2_000, seed: 1 },
  );
});

/** The definition, word for word. */
function someOrderFits(
  left: readonly Operation<RegisterInput, RegisterOutput>[],
  state: unknown,
): boolean {
  const firstReturnMs = Math.min(...left.map(({ returnMs }) => returnMs));
  if (firstReturnMs === Infinity) return true;
  return left.some((operation) => {
    if (operation.callMs > firstReturnMs) return false;
    const after = registers().step(state, operation.input, operation.output);
    return (
      after !== undefined &&
      someOrderFits(
        left.filter((o) => o !== operation),
        after,
      )
    );
  });
}

test('a history leaves out what certainly did not happen, and keeps what may have', (t) => {
  let nowMs = 0;
  const recorded = new History<string, string>(() => (nowMs += 1));
  const done = recorded.call('a', 'one');
  const refused = recorded.call('b', 'two');
  const lost = recorded.call('c', 'three');

  done.returns('ok');
  refused.fails('no');
  lost.fails('unknown');

  t.deepEqual(recorded.operations, [
    { client: 'a', input: 'one', callMs: 1, returnMs: 4, output: 'ok' },
    { client: 'c', input: 'three', callMs: 3, returnMs: Infinity, output: undefined },
  ]);
});
