import type { KeyChange, KeyValue, KeyValueStore } from '@troupe/consensus';
import { expectTypeOf } from 'expect-type';

interface User {
  readonly name: string;
}

interface Config {
  'config/limit': number;
  'config/motto': string;
  [user: `user/${string}`]: User;
}

declare const untyped: KeyValueStore;
declare const id: string;

// Without types any text is a key, and a value is what it turns out to be.
expectTypeOf(untyped.get('k')).resolves.toEqualTypeOf<KeyValue | undefined>();
expectTypeOf(untyped.put).parameter(0).toEqualTypeOf<string>();

// With types each key has the values that it has, and a pattern those of all its keys.
const kv = untyped.typed<Config>();
expectTypeOf(kv.get('config/limit')).resolves.toEqualTypeOf<KeyValue<number> | undefined>();
expectTypeOf(kv.get(`user/${id}`)).resolves.toEqualTypeOf<KeyValue<User> | undefined>();
void kv.put('config/limit', 10);
void kv.put('user/ann', { name: 'Ann' });
void kv.compareAndSet('config/limit', { revision: 0, value: 10 });
// @ts-expect-error a limit is a number
void kv.put('config/limit', '10');
// @ts-expect-error there is no such key
void kv.get('config/limt');
// @ts-expect-error a limit is a number
void kv.compareAndSet('config/limit', { revision: 0, value: '10' });

// Ranges and watches tell of the values of their keys.
expectTypeOf(kv.range({ prefix: 'user/' })).resolves.toHaveProperty('entries');
const users = await kv.range({ prefix: 'user/' });
expectTypeOf(users.entries).toEqualTypeOf<readonly KeyValue<User>[]>();
const config = await kv.range({ prefix: 'config/' });
expectTypeOf(config.entries).toEqualTypeOf<readonly KeyValue<number | string>[]>();
for await (const change of await kv.watch({ key: 'config/limit' })) {
  expectTypeOf(change).toEqualTypeOf<KeyChange<number>>();
}

// Transactions, too.
const { results } = await kv.transact({
  if: [
    { key: 'config/limit', value: 10 },
    { lock: 'x', token: 1 },
  ],
  do: [{ put: 'config/limit', value: 20 }, { delete: 'user/ann' }, { get: 'config/motto' }],
});
expectTypeOf(results).items.toExtend<object>();
// @ts-expect-error a limit is a number
void kv.transact({ do: [{ put: 'config/limit', value: '20' }] });
// @ts-expect-error a limit is a number
void kv.transact({ if: [{ key: 'config/limit', value: 'x' }] });
