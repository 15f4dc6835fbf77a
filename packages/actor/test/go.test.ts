import test from 'ava';
import { go } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('a task is awaited like a promise', async (t) => {
  t.is(await go(() => 'done'), 'done');
  await t.throwsAsync(async () => await go(() => Promise.reject(new RangeError('odd'))), {
    instanceOf: RangeError,
  });
});

test('a goroutine begins after the present turn', async (t) => {
  const seen: string[] = [];
  const task = go(() => void seen.push('goroutine'));
  seen.push('caller');

  await task;

  t.deepEqual(seen, ['caller', 'goroutine']);
});

test('cancel aborts the signal that the function sees, whenever it looks', async (t) => {
  const task = go(async ({ signal }) => {
    await null;
    return String(signal.reason);
  });

  task.cancel('enough');

  t.is(await task, 'enough');
});

test('the failure of a task that nobody awaits has an owner', async (t) => {
  const env = virtualEnv();
  const failures: unknown[] = [];
  go(() => Promise.reject(new Error('one')), { onFailure: (error) => failures.push(error) });
  go(() => Promise.reject(new Error('two')), { env });

  await env.settled();

  t.like(failures, [{ message: 'one' }]);
  t.like(env.logged, [{ level: 'error', fields: { error: { message: 'two' } } }]);
});

test('ending with the reason of the cancellation is no failure', async (t) => {
  const env = virtualEnv();
  const owner = new AbortController();
  go(
    async ({ signal }) => {
      await null;
      signal.throwIfAborted();
    },
    { env, signal: owner.signal },
  );

  owner.abort(new Error('the owner has ended'));
  await env.settled();

  t.deepEqual(env.logged, []);
});
