import test from 'ava';
import { Actor, ActorDown, ActorSystem, type Failure, go, processEnv, rpc } from '@troupe/actor';
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

test('goroutines that follow one another without end do not keep timers from firing', async (t) => {
  const env = processEnv();
  const late = new AbortController();
  env.setTimer(5, () => late.abort());
  let count = 0;

  while (!late.signal.aborted && count < 5_000_000) {
    await go(() => undefined, { env });
    count += 1;
  }

  t.true(late.signal.aborted);
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

class Starter extends Actor {
  readonly seen: unknown[];
  constructor(seen: unknown[]) {
    super();
    this.seen = seen;
  }
  @rpc begin(): void {
    this.go(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      this.seen.push(signal.reason);
    });
  }
  @rpc beginOdd(): void {
    this.go(() => Promise.reject(new RangeError('odd')));
  }
}

test('a goroutine of an actor ends with it', async (t) => {
  const env = virtualEnv();
  const seen: unknown[] = [];
  const system = new ActorSystem({ env });
  await system.spawn(Starter, seen).begin();
  await env.settled();
  t.deepEqual(seen, []);

  await system.stop();
  await env.settled();

  t.true(seen[0] instanceof ActorDown);
});

test('a goroutine that an actor starts when it is down is cancelled at once', async (t) => {
  const env = virtualEnv();
  const seen: unknown[] = [];
  let begin: (() => void) | undefined;
  class Late extends Actor {
    override started(): void {
      begin = () => void this.go(({ signal }) => void seen.push(signal.aborted));
    }
  }
  const system = new ActorSystem({ env });
  system.spawn(Late);
  await env.settled();
  await system.stop();

  begin?.();
  await env.settled();

  t.deepEqual(seen, [true]);
});

test('a goroutine that fails is a failure of its actor', async (t) => {
  const env = virtualEnv();
  const failures: Failure[] = [];
  const system = new ActorSystem({ env, onFailure: (failure) => failures.push(failure) });

  await system.spawn(Starter, []).beginOdd();
  await env.settled();

  t.like(failures, [{ address: 'local/Starter/#1', error: { message: 'odd' } }]);
});

test('a log that throws does not make the failure of a goroutine the end of the process', async (t) => {
  const fail = (): never => {
    throw new Error('disk full');
  };
  const env = { ...virtualEnv(), log: { debug: fail, info: fail, warn: fail, error: fail } };

  const task = go(() => Promise.reject(new Error('odd')), { env });

  // By then a rejection that nobody handles has been seen, and has ended the test.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  t.truthy(task);
});
