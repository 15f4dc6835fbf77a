import test from 'ava';
import {
  Actor,
  ActorSystem,
  actor,
  type CallOptions,
  type DeadLetter,
  type Executed,
  executedOf,
  type Failure,
  type IncomingCall,
  type IncomingInterceptor,
  type OutgoingInterceptor,
  Overloaded,
  rpc,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

class Log extends Actor {
  readonly #lines: string[] = [];
  @rpc note(line: string): number {
    return this.#lines.push(line);
  }
  @rpc lines(): readonly string[] {
    return this.#lines;
  }
}

test('an interceptor of a reference sees its tells, which keep their order', async (t) => {
  const seen: unknown[] = [];
  await using system = new ActorSystem();
  const plain = system.spawn(Log);
  const log = plain.with({
    intercept: (call, next) => {
      seen.push([call.kind, call.to, call.method, call.args]);
      return next();
    },
  });

  plain.tell.note('one');
  log.tell.note('two');
  plain.tell.note('three');
  await log.note('four');

  t.deepEqual(await plain.lines(), ['one', 'two', 'three', 'four']);
  t.deepEqual(seen, [
    ['tell', 'local/Log/#1', 'note', ['two']],
    ['call', 'local/Log/#1', 'note', ['four']],
  ]);
});

test('a tell that an interceptor refuses is a dead letter, and one that it fails at is a failure', async (t) => {
  const letters: DeadLetter[] = [];
  const failures: Failure[] = [];
  const env = virtualEnv();
  await using system = new ActorSystem({
    env,
    onDeadLetter: (letter) => letters.push(letter),
    onFailure: (failure) => failures.push(failure),
  });
  const log = system.spawn(Log);
  const refusing = log.with({
    intercept: () => Promise.reject(new Overloaded('the log', 'notes a second', 1)),
  });
  const failing = log.with({
    intercept: () => {
      throw new RangeError('odd');
    },
  });

  refusing.tell.note('one');
  failing.tell.note('two');
  await env.settled();

  t.like(letters, [{ to: 'local/Log/#1', method: 'note', reason: { code: 'ERR_OVERLOADED' } }]);
  t.like(failures, [{ address: 'local/Log/#1', method: 'note', error: { message: 'odd' } }]);
  t.deepEqual(await log.lines(), []);
});

test('interceptors that are added run within those that are there, and see their options', async (t) => {
  const seen: string[] = [];
  const noting =
    (name: string): OutgoingInterceptor =>
    async ({ options }, next) => {
      seen.push(`${name} sees ${Object.keys(options.values ?? {}).join()}`);
      const outcome = await next({ values: { ...options.values, [name]: 'was here' } });
      seen.push(`${name} is done`);
      return outcome;
    };
  @actor({ kind: 'teller' })
  class Teller extends Actor {
    @rpc values(): unknown {
      return this.ctx.values;
    }
  }
  await using system = new ActorSystem();
  const outer = system.spawn(Teller).with({ intercept: noting('outer') });

  const values = await outer.with({ intercept: noting('inner') }).values();

  t.deepEqual(values, { outer: 'was here', inner: 'was here' });
  t.deepEqual(seen, ['outer sees ', 'inner sees outer', 'inner is done', 'outer is done']);
});

test('an interceptor of a system is told calls from tells, and whom they come from', async (t) => {
  const seen: Pick<IncomingCall, 'kind' | 'from'>[] = [];
  await using system = new ActorSystem({
    name: 'a',
    interceptors: [
      ({ kind, from }, next) => {
        seen.push({ kind, from });
        return next();
      },
    ],
  });
  const log = system.spawn(Log);

  log.tell.note('one');
  await log.note('two');

  const from = { kind: 'node', name: 'a' } as const;
  t.deepEqual(seen, [
    { kind: 'tell', from },
    { kind: 'call', from },
  ]);
});

const shed = (_after?: unknown): never => {
  throw new Overloaded('a/log/#1', 'notes', 10);
};

const refusing: readonly (readonly [
  claim: string,
  interceptor: IncomingInterceptor,
  expected: { readonly executed: Executed; readonly lines: number },
])[] = [
  ['at once', shed, { executed: 'no', lines: 0 }],
  ['after a while', async () => shed(), { executed: 'no', lines: 0 }],
  [
    'after the method has run',
    async (_call, next) => {
      await next();
      shed();
    },
    { executed: 'yes', lines: 1 },
  ],
];

for (const [claim, interceptor, { executed, lines }] of refusing) {
  test(`what an interceptor refuses ${claim} says whether it was executed`, async (t) => {
    const isNote: IncomingInterceptor = (call, next) =>
      call.method === 'note' ? interceptor(call, next) : next();
    await using system = new ActorSystem({ name: 'a', interceptors: [isNote] });
    const log = system.spawn(Log);

    const error = await t.throwsAsync(log.note('one'), { instanceOf: Overloaded });

    t.is(error?.executed, executed);
    t.is((await log.lines()).length, lines);
  });
}

const failing: readonly (readonly [
  claim: string,
  intercept: OutgoingInterceptor,
  executed: Executed,
])[] = [
  ['before the call is made', async () => shed(), 'no'],
  ['when the call was made', async (_call, next) => shed(await next()), 'yes'],
  ['while the call is made', async (_call, next) => shed(next()), 'unknown'],
  ['when the call was refused', async (_call, next) => shed(await refused(next)), 'no'],
  [
    'when the call was made and then refused',
    async (_call, next) => (await next()) && next({ signal: AbortSignal.abort() }),
    'yes',
  ],
];

async function refused(next: (options: CallOptions) => Promise<unknown>): Promise<void> {
  await next({ signal: AbortSignal.abort() }).catch(() => undefined);
}

for (const [claim, intercept, executed] of failing) {
  test(`what an interceptor of a reference fails with ${claim} says: ${executed}`, async (t) => {
    await using system = new ActorSystem({ name: 'a' });

    const error: unknown = await t.throwsAsync(system.spawn(Log).with({ intercept }).note('one'));

    t.is(executedOf(error), executed);
  });
}

test('one error that refuses two calls at once says of both that they were not executed', async (t) => {
  const denied = new Overloaded('a/log/#1', 'notes', 10);
  await using system = new ActorSystem({ name: 'a', interceptors: [() => Promise.reject(denied)] });
  const calls = [system.spawn(Log).note('one'), system.spawn(Log).note('two')];

  const outcomes = await Promise.all(calls.map((call) => call.then(() => 'yes', executedOf)));

  t.deepEqual(outcomes, ['no', 'no']);
});
