import test from 'ava';
import { CoordinationMachine } from '@troupe/consensus';
import { TestLog } from './log.ts';

/** What a snapshot holds where something of each kind is there. */
function saved(): Record<string, unknown[]> {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  log.claim(ann, 1, { delayMs: 60_000 });
  log.claim(bob, 1, { value: new Uint8Array(2) });
  log.next((machine) => machine.release(bob, 9));
  log.next((machine) => machine.enterBarrier('b', { size: 2, lease: bob, ticket: 2 }));
  log.put('key', 'text', bob);
  log.expire(ann);
  return structuredClone(log.machine['~troupe/save']()) as Record<string, unknown[]>;
}

function load(state: unknown): void {
  new CoordinationMachine()['~troupe/load'](state, 1);
}

/** Every place of `value` at which there is no list and no object, by its path. */
function places(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  const isLeaf = typeof value !== 'object' || value === null || value instanceof Uint8Array;
  if (isLeaf) return [path];
  return Object.entries(value).flatMap(([name, each]) => places(each, [...path, name]));
}

/** `state` with something else at `path`, or at what it leads into. */
function broken(state: unknown, [name = '', ...rest]: readonly string[], other: unknown): unknown {
  const whole = structuredClone(state) as object;
  const inner: unknown = Reflect.get(whole, name);
  Reflect.set(whole, name, rest.length === 0 ? other : broken(inner, rest, other));
  return whole;
}

test('what the machine has saved it reads', (t) => {
  t.notThrows(() => load(saved()));
});

test('a snapshot with something else at any of its places is refused, and says where', (t) => {
  const state = saved();
  const paths = places(state);

  for (const path of paths) {
    for (const other of [-1, true, { a: 1 }, undefined]) {
      t.throws(() => load(broken(state, path, other)), {
        code: 'ERR_BAD_BYTES',
        message: new RegExp(`the ${path[0]} in the snapshot`),
      });
    }
  }
  t.true(paths.length > 30, `${paths.length}`);
});

const others: readonly [what: string, state: unknown][] = [
  ['nothing', undefined],
  ['a text', 'leases'],
  ['parts that are no lists', { leases: {}, claims: {}, barriers: {}, store: {} }],
  [
    'more leases than there may be',
    { ...saved(), leases: Array.from({ length: 10_001 }, () => [1, 2, 3, []]) },
  ],
];
for (const [what, state] of others) {
  test(`${what}: no snapshot`, (t) => {
    t.throws(() => load(state), { code: 'ERR_BAD_BYTES' });
  });
}
