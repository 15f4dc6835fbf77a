import test from 'ava';
import {
  Actor,
  ActorSystem,
  type ActorFunction,
  BadOption,
  channel,
  ChannelClosed,
  ChannelLost,
  defineActor,
  executedOf,
  go,
  rpc,
  scope,
  select,
  selectNow,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

class Echo extends Actor {
  @rpc say(word: string): string {
    return word;
  }
}

/** As a program in JavaScript may have it. */
const any = (value: unknown): never => value as never;

const options: readonly (readonly [string, unknown, RegExp])[] = [
  ['signal', { signal: 5 }, /^signal is 5: give an AbortSignal, as controller\.signal is$/],
  ['signal', { signal: new AbortController() }, /^signal is an object: give an AbortSignal/],
  ['timeout', { timeout: 500 }, /^timeout is no option: did you mean timeoutMs\?$/],
  ['deadline', { deadline: 500 }, /^deadline is no option: there are timeoutMs, signal, trace, /],
  ['idempotent', { idempotent: 'yes' }, /^idempotent is 'yes': give true or false$/],
  ['intercept', { intercept: 5 }, /^intercept is 5: give a function$/],
  ['options', 500, /^options is 500: give an object, such as \{ timeoutMs: … \}$/],
];
for (const [option, given, message] of options) {
  test(`a reference refuses ${JSON.stringify(given)} where it is given, and goes on`, async (t) => {
    await using system = new ActorSystem();
    const echo = system.spawn(Echo);

    const error = t.throws(() => echo.with(any(given)), { instanceOf: BadOption, message });

    t.like(error, { option, executed: 'no' });
    t.is(await echo.say('still here'), 'still here');
  });
}

test('what an interceptor asks for is looked at as well', async (t) => {
  await using system = new ActorSystem();
  const echo = system.spawn(Echo).with({ intercept: (_, next) => next(any({ timeout: 5 })) });

  await t.throwsAsync(echo.say('x'), { instanceOf: BadOption, message: /did you mean timeoutMs/ });
});

test('an option that is left undefined is the default', async (t) => {
  await using system = new ActorSystem();

  t.is(
    await system
      .spawn(Echo)
      .with(any({ signal: undefined }))
      .say('x'),
    'x',
  );
});

const waits: readonly (readonly [string, () => unknown])[] = [
  ['receive', () => channel().receive({ signal: any(5) })],
  ['next', () => channel().next({ signal: any(5) })],
  ['send', () => channel().send(1, { signal: any(5) })],
  ['send, where there is room', () => channel(1).send(1, { signal: any(5) })],
  [
    'values',
    () =>
      channel()
        .values({ signal: any(5) })
        .next(),
  ],
  ['go', () => go(() => undefined, { signal: any(5) })],
  ['scope', () => scope(() => undefined, { signal: any(5) })],
];
for (const [what, wait] of waits) {
  test(`${what} takes no number for a signal`, async (t) => {
    const error = await t.throwsAsync(async () => wait(), { instanceOf: BadOption });

    t.is(error?.message, 'signal is 5: give an AbortSignal, as controller.signal is');
  });
}

test('a case of a select that is none is refused, and one that is off is not', (t) => {
  const message = /case 'a' is no receiver, sending\(…\), after\(…\) or signal/;
  for (const value of [5, true, 'x', {}, () => undefined]) {
    t.throws(() => selectNow({ a: any(value) }), { instanceOf: TypeError, message });
    t.throws(() => void select({ a: any(value) }), { instanceOf: TypeError, message });
  }

  t.is(selectNow({ a: false, b: null, c: undefined, d: 0, e: '' }), undefined);
});

class Plain {}

test('what is no actor and no function is not spawned', async (t) => {
  await using system = new ActorSystem({ env: virtualEnv() });

  for (const [target, message] of [
    [{}, /^target is an object: give a class that extends Actor, or a function$/],
    [undefined, /^target is undefined: /],
    [Plain, /^target is a class of another kind: /],
  ] as const) {
    t.throws(() => system.spawn(any(target)), { instanceOf: BadOption, message });
  }
  t.is(system.size, 0);
  const run: ActorFunction<number> = () => undefined;
  t.truthy(system.spawn(run));
});

test('defineActor says which method the class does not have', (t) => {
  t.throws(() => defineActor({ kind: 'echo', rpc: any(['nope']) }, Echo), {
    instanceOf: TypeError,
    message: "rpc names 'nope', and class Echo has no such method",
  });
});

test('a channel that takes no more says that the value was not delivered, if that is known', async (t) => {
  const closed = channel<number>();
  closed.close();

  const error = await t.throwsAsync(closed.send(1), { instanceOf: ChannelClosed });

  t.is(executedOf(error), 'no');
  t.is(executedOf(new ChannelLost('node b is down', 0)), 'no');
  t.is(executedOf(new ChannelLost('node b is down', 3)), 'unknown');
});
