import test from 'ava';
import fc from 'fast-check';
import type { CoordinationMachine } from '@troupe/consensus';
import type { ItemCondition, StoreOperation } from '../../dist/coordination/key-store.js';
import { TestLog } from './log.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (key: string, text: string): StoreOperation => {
  return { kind: 'put', key, value: bytes(text), lease: 0 };
};

function transact(
  log: TestLog,
  operations: readonly StoreOperation[],
  conditions: readonly ItemCondition[] = [],
  otherwise: readonly StoreOperation[] = [],
) {
  return log.next((machine) => machine.transact({ conditions, operations, otherwise }));
}

/** `key=text@revision`, or `-key@revision` of one that was deleted. */
function eventsOf({ store }: CoordinationMachine, from: number): readonly string[] {
  return [...store.eventsFrom(from)].map(({ key, item, revision }) => {
    return item === undefined
      ? `-${key}@${revision}`
      : `${key}=${new TextDecoder().decode(item.value)}@${revision}`;
  });
}

test('a key has revisions of its creation and last change, and counts its changes', (t) => {
  const log = new TestLog();
  log.put('a', '1');
  log.put('b', '1');
  log.put('a', '2');

  t.like(log.machine.item('a'), { created: 1, revision: 3, version: 2, lease: 0 });
  transact(log, [{ kind: 'delete', range: { key: 'a' } }]);
  t.is(log.machine.item('a'), undefined);
  log.put('a', '3');

  t.like(log.machine.item('a'), { created: 5, revision: 5, version: 1 });
});

const conditions: readonly [holds: boolean, condition: ItemCondition][] = [
  [true, { key: 'a' }],
  [true, { key: 'a', exists: true, revision: 3, created: 1, version: 2, value: bytes('2') }],
  [true, { key: 'no', exists: false, revision: 0, created: 0, version: 0, lease: 0 }],
  [false, { key: 'a', exists: false }],
  [false, { key: 'no', exists: true }],
  [false, { key: 'a', revision: 1 }],
  [false, { key: 'a', revision: 0 }],
  [false, { key: 'a', created: 3 }],
  [false, { key: 'a', version: 1 }],
  [false, { key: 'a', lease: 1 }],
  [false, { key: 'a', value: bytes('1') }],
  [false, { key: 'no', value: bytes('') }],
];
for (const [holds, condition] of conditions) {
  const { value, ...rest } = condition;
  const text = JSON.stringify({ ...rest, ...(value && { value: [...value] }) });
  test(`of a key that was put twice it is ${holds} that ${text}`, (t) => {
    const log = new TestLog();
    log.put('a', '1');
    log.put('b', '1');
    log.put('a', '2');

    const { succeeded } = transact(log, [put('then', '')], [condition], [put('else', '')]);

    t.is(succeeded, holds);
    t.is(log.machine.item('then') !== undefined, holds);
    t.is(log.machine.item('else') !== undefined, !holds);
  });
}

test('a transaction is one revision, and each of its parts sees those before it', (t) => {
  const log = new TestLog();

  const { revision, results } = transact(log, [
    put('a', '1'),
    { kind: 'get', key: 'a' },
    { kind: 'delete', range: { prefix: '' } },
    { kind: 'get', key: 'a' },
  ]);

  t.is(revision, 1);
  t.like(results[1], { kind: 'get', item: { version: 1 } });
  t.like(results[2], { kind: 'delete', deleted: 1 });
  t.deepEqual(results[3], { kind: 'get', item: undefined });
  t.deepEqual(eventsOf(log.machine, 1), ['a=1@1', '-a@1']);
});

test('only who holds the lock under that token passes', (t) => {
  const log = new TestLog();
  const [ann, bob] = [log.lease(), log.lease()];
  const token = Number(log.claim(ann, 1));
  log.claim(bob, 1);
  const write = () =>
    log.next((machine) =>
      machine.transact({
        conditions: [{ resource: 'lock x', token }],
        operations: [put('a', '1')],
        otherwise: [],
      }),
    ).succeeded;

  t.true(write());
  log.expire(ann);

  t.false(write());
});

test('keys go with their lease, in one revision; what was put again without it stays', (t) => {
  const log = new TestLog();
  const ann = log.lease();
  for (const key of ['b', 'a', 'c']) log.put(key, '1', ann);
  log.put('c', '2');

  log.expire(ann);

  t.deepEqual(log.machine.page({ prefix: '' }, 9, undefined).items.length, 1);
  t.deepEqual(eventsOf(log.machine, log.index), [`-a@${log.index}`, `-b@${log.index}`]);
  t.throws(() => log.put('d', '1', ann), { message: /lease \d has ended/ });
});

test('a transaction that is refused changes nothing', (t) => {
  const log = new TestLog();
  log.put('big', 'x'.repeat(200_000));
  const before = log.machine['~troupe/save']();
  const get: StoreOperation = { kind: 'get', key: 'big' };
  const refused: readonly (readonly StoreOperation[])[] = [
    [put('a', '1'), put('b', 'x'.repeat(256 * 1_024 + 1))],
    [put('a', '1'), put('', '1')],
    [put('a', '1'), get, get, get],
    Array.from({ length: 129 }, (_, i) => put(`k${i}`, '1')),
    Array.from({ length: 4 }, (_, i) => put(`k${i}`, 'x'.repeat(200_000))),
    [put('a', '1'), { kind: 'delete', range: {} as { key: string } }],
    [put('a', '1'), { kind: 'rob' } as unknown as StoreOperation],
    [put('a', '1'), { kind: 'put', key: 'b', value: '1' as unknown as Uint8Array, lease: 0 }],
  ];

  for (const operations of refused) t.throws(() => transact(log, operations));

  t.deepEqual(log.machine['~troupe/save'](), before);
});

test('not more keys are deleted by one range than may be', (t) => {
  const log = new TestLog();
  for (let i = 0; i < 1_025; i += 1) log.put(`k${i}`, '');

  t.throws(() => transact(log, [{ kind: 'delete', range: { prefix: 'k' } }]), {
    code: 'ERR_BAD_ARGUMENTS',
    message: /more than 1024 keys would be deleted/,
  });
  log.put('last', '');
  transact(log, [{ kind: 'delete', range: { from: 'k0', to: 'k9' } }]);

  t.is(log.machine.page({ prefix: 'k' }, 2_000, undefined).items.length, 111);
});

test('a store takes so many bytes, and takes some again when others are gone', (t) => {
  const log = new TestLog();
  const value = 'x'.repeat(250_000);
  const count = Math.floor((64 * 2 ** 20) / 250_010);
  for (let i = 0; i < count; i += 1) log.put(`k${i}`, value);

  const error = t.throws(() => log.put('one more', value));
  log.put('k0', '');

  t.like(error, { code: 'ERR_OVERLOADED', bound: 'bytes', limit: 64 * 2 ** 20 });
  t.notThrows(() => log.put('one more', value));
});

test('history is bounded: revisions are dropped whole, oldest first', (t) => {
  const log = new TestLog();
  transact(log, [put('a', '1'), put('b', '1')]);
  for (let i = 0; i < 9_999; i += 1) log.put('a', '');
  const { store } = log.machine;

  t.is(store.firstRevision, 2);
  t.is([...store.eventsFrom(0)].length, 9_999);
  log.put('a', '');
  t.is(store.firstRevision, 2);
  log.put('a', '');

  t.is(store.firstRevision, 3);
  t.is(log.restored().store.firstRevision, 3);
});

test('history is bounded in bytes, too', (t) => {
  const log = new TestLog();
  const value = 'x'.repeat(250_000);
  for (let i = 0; i < 100; i += 1) log.put('a', value);

  const events = [...log.machine.store.eventsFrom(0)].length;

  t.is(events, Math.floor((16 * 2 ** 20) / 250_001));
  t.is(log.machine.store.firstRevision, 101 - events);
});

test('pages follow one another without gaps', (t) => {
  const log = new TestLog();
  for (const key of ['b', 'a/2', 'a/1', 'a/3', 'a', 'a0']) log.put(key, '');

  const first = log.machine.page({ prefix: 'a/' }, 2, undefined);
  const second = log.machine.page({ prefix: 'a/' }, 2, 'a/2');

  t.deepEqual(
    first.items.map(([key]) => key),
    ['a/1', 'a/2'],
  );
  t.deepEqual(
    second.items.map(([key]) => key),
    ['a/3'],
  );
  t.deepEqual([first.more, second.more], [true, false]);
});

test('a store of random puts and deletes is what a map would be, also out of a snapshot', (t) => {
  const keys = fc.constantFrom('', 'a', 'b', 'a/x', 'a/y', 'ab', 'ü');
  const range = fc.oneof(
    keys.map((key) => ({ key })),
    keys.map((prefix) => ({ prefix })),
    fc.tuple(keys, keys).map(([from, to]) => ({ from, to })),
    keys.map((from) => ({ from })),
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), key: keys }),
    fc.record({ kind: fc.constant('delete' as const), range }),
  );
  const isIn = (
    key: string,
    where: { key?: string; prefix?: string; from?: string; to?: string },
  ) =>
    where.key === key ||
    (where.prefix !== undefined && key.startsWith(where.prefix)) ||
    (where.from !== undefined && key >= where.from && (where.to === undefined || key < where.to));

  fc.assert(
    fc.property(fc.array(step), range, (steps, asked) => {
      const log = new TestLog();
      const model = new Map<string, number>();
      for (const each of steps) {
        if (each.kind === 'put') {
          if (each.key !== '') model.set(each.key, log.put(each.key, 'v'));
        } else {
          transact(log, [each]);
          for (const key of model.keys()) if (isIn(key, each.range)) model.delete(key);
        }
      }
      const expected = [...model]
        .filter(([key]) => isIn(key, asked))
        .sort(([a], [b]) => (a < b ? -1 : 1));
      for (const machine of [log.machine, log.restored()]) {
        const { items } = machine.page(asked, 100, undefined);
        t.deepEqual(
          items.map(([key, { revision }]) => [key, revision]),
          expected,
        );
      }
    }),
  );
});
