import test from 'ava';
import { BadArguments, ChannelClosed, type Schema, select, selectNow, watch } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('a subscriber gets the present value, then each change it waits for', async (t) => {
  const level = watch('low');
  const changes = level.subscribe();

  t.is(await changes.receive(), 'low');
  const next = changes.receive();
  level.set('high');

  t.is(await next, 'high');
  t.is(changes.tryReceive(), 'empty');
  t.is(level.value, 'high');
});

test('who is slow skips values, never the last', async (t) => {
  const level = watch(0);
  const changes = level.subscribe();
  t.is(changes.length, 1); // Looking is not receiving.

  for (let i = 1; i <= 100; i += 1) level.update((value) => value + 1);

  t.deepEqual(changes.tryReceive(), { value: 100 });
  t.is(changes.tryReceive(), 'empty');
});

test('every subscriber sees a change, whenever it looks', async (t) => {
  const level = watch(1);
  const early = level.subscribe();
  const waiting = early.receive();
  level.set(2);
  const late = level.subscribe();

  t.is(await waiting, 1);
  t.deepEqual([early.tryReceive(), late.tryReceive()], [{ value: 2 }, { value: 2 }]);
});

test('a closed watch gives its last value, then the end or the error', async (t) => {
  const level = watch(1);
  const behind = level.subscribe();
  const upToDate = level.subscribe();
  await upToDate.receive();
  const waiting = upToDate.next();

  level.close(new RangeError('gone'));

  t.like(await waiting, { ok: false, error: { message: 'gone' } });
  t.is(await behind.receive(), 1);
  await t.throwsAsync(behind.receive(), { message: 'gone' });
  t.throws(() => level.set(2), { instanceOf: ChannelClosed });
  t.throws(() => level.close(), { instanceOf: ChannelClosed });
});

test('changes are a case, and a loop', async (t) => {
  const env = virtualEnv();
  const level = watch(1, { env });
  const changes = level.subscribe();
  const seen: number[] = [];

  t.deepEqual(selectNow({ changes }, { env }), { case: 'changes', ok: true, value: 1 });
  const next = select({ changes }, { env });
  level.set(2);
  t.like(await next, { value: 2 });
  const loop = (async () => {
    for await (const value of changes) seen.push(value);
  })();
  level.set(3);
  await env.settled();
  level.close();
  await loop;

  t.deepEqual(seen, [3]);
});

test('a watched value is checked, the first one too, and stays when the next is refused', (t) => {
  const positive: Schema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'number' && value > 0
          ? { value }
          : { issues: [{ message: 'not a positive number' }] },
    },
  };
  const speed = watch(1, { schema: positive });

  const error = t.throws(() => speed.set(-1), { instanceOf: BadArguments });

  t.is(error?.message, 'watch.set: element: not a positive number');
  t.is(speed.value, 1);
  t.throws(() => speed.update((value) => value - 1), { instanceOf: BadArguments });
  t.throws(() => watch(0, { schema: positive }), { instanceOf: BadArguments });
});
