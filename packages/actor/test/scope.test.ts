import test from 'ava';
import { channel, go, scope } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

test('a scope returns what its body returns, once all its goroutines have ended', async (t) => {
  const c = channel<string>();
  const seen: string[] = [];

  const result = await scope(async (s) => {
    s.go(async () => seen.push(await c.receive()));
    s.go(() => c.send('hello'));
    return 'body';
  });

  t.is(result, 'body');
  t.deepEqual(seen, ['hello']);
});

test('when one fails, the others are cancelled and waited for', async (t) => {
  const never = channel<void>();
  const seen: unknown[] = [];

  const error = await t.throwsAsync(
    scope(async (s) => {
      s.go(async ({ signal }) => {
        await never.receive({ signal }).finally(() => seen.push('sibling ended'));
      });
      s.go(() => Promise.reject(new RangeError('odd')));
      await never.receive({ signal: s.signal });
    }),
  );

  t.is(error?.message, 'odd');
  t.deepEqual(seen, ['sibling ended']);
});

test('all errors are reported, each once', async (t) => {
  const error = await t.throwsAsync(
    scope(async (s) => {
      const first = s.go(() => Promise.reject(new Error('one')));
      s.go(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(new Error('two')));
          }),
      );
      await first; // Passes its error on.
    }),
    { instanceOf: AggregateError },
  );

  t.deepEqual(
    error?.errors.map((e: Error) => e.message),
    ['one', 'two'],
  );
});

test('a failure counts although the body has caught it', async (t) => {
  await t.throwsAsync(
    scope(async (s) => {
      try {
        await s.go(() => Promise.reject(new Error('caught')));
      } catch {
        return;
      }
    }),
    { message: 'caught' },
  );
});

test('a scope is cancelled from outside, and nested ones with it', async (t) => {
  const never = channel<void>();
  const outer = new AbortController();
  const seen: string[] = [];
  const running = scope(
    (s) =>
      scope(
        async (inner) => {
          inner.go(async ({ signal }) => {
            await never.receive({ signal }).finally(() => seen.push('inner'));
          });
          await never.receive({ signal: inner.signal });
        },
        { signal: s.signal },
      ).finally(() => seen.push('outer')),
    { signal: outer.signal },
  );

  outer.abort(new Error('enough'));

  await t.throwsAsync(running, { message: 'enough' });
  t.deepEqual(seen, ['inner', 'outer']);
});

test('the failure of a nested scope cancels the outer one', async (t) => {
  const never = channel<void>();

  await t.throwsAsync(
    scope(async (s) => {
      s.go(({ signal }) => never.receive({ signal }));
      await scope((inner) => inner.go(() => Promise.reject(new Error('deep'))), {
        signal: s.signal,
      });
    }),
    { message: 'deep' },
  );
});

test('a body that is done can cancel its goroutines and still return', async (t) => {
  const never = channel<void>();

  const result = await scope(async (s) => {
    s.go(({ signal }) => never.receive({ signal }));
    s.cancel();
    return 'done';
  });

  t.is(result, 'done');
});

test('one goroutine that is cancelled by itself does not end the others', async (t) => {
  const c = channel<number>();

  const result = await scope(async (s) => {
    const one = s.go(({ signal }) => channel<void>().receive({ signal }));
    const other = s.go(() => c.receive());
    one.cancel('not needed');
    await c.send(1);
    return other;
  });

  t.is(result, 1);
});

test('a goroutine may start another while the scope lives, and not after', async (t) => {
  const seen: string[] = [];
  let kept: ((run: () => void) => unknown) | undefined;

  await scope((s) => {
    kept = (run) => s.go(run);
    s.go(() => void s.go(() => void seen.push('grandchild')));
  });

  t.deepEqual(seen, ['grandchild']);
  t.throws(() => kept?.(() => undefined), { instanceOf: TypeError, message: /has ended/ });
});

test('a scope whose signal was aborted before begins cancelled', async (t) => {
  const error = await t.throwsAsync(
    scope((s) => s.signal.throwIfAborted(), { signal: AbortSignal.abort(new Error('early')) }),
  );

  t.is(error?.message, 'early');
});

test('an AbortError of the platform that wraps the reason is no failure either', async (t) => {
  const env = virtualEnv();
  const reason = new Error('stop');
  const task = go(
    () => {
      const error = new Error('The operation was aborted', { cause: reason });
      error.name = 'AbortError';
      throw error;
    },
    { env },
  );

  task.cancel(reason);
  await env.settled();

  t.deepEqual(env.logged, []);
});

test('a loop over a channel ends with its scope, before it takes another element', async (t) => {
  const lines = channel<string>(8);
  const seen: string[] = [];

  const error = await t.throwsAsync(
    scope(async (s) => {
      s.go(async ({ signal }) => {
        for await (const line of lines.values({ signal })) seen.push(line);
      });
      await lines.send('one');
      await Promise.resolve();
      s.go(async () => {
        await lines.send('two');
        throw new RangeError('odd');
      });
    }),
    { instanceOf: RangeError },
  );
  await lines.send('three');

  t.is(error?.message, 'odd');
  t.deepEqual([...seen, ...lines.receiveBatch(9)], ['one', 'two', 'three']); // None was lost.
});

test('a loop with a signal that is aborted already takes nothing, and one that is not goes on', async (t) => {
  const lines = channel<string>(8);
  await lines.send('one');
  const abort = new AbortController();
  const reason = new Error('enough');

  const loop = lines.values({ signal: abort.signal });
  t.deepEqual(await loop.next(), { done: false, value: 'one' });
  const waiting = loop.next();
  abort.abort(reason);
  await lines.send('two');

  t.is(await waiting.catch((error: unknown) => error), reason);
  t.is(await loop.next().catch((error: unknown) => error), reason);
  t.is(lines.length, 1);
});
