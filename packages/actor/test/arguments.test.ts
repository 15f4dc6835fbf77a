import test from 'ava';
import {
  Actor,
  ActorSystem,
  BadArguments,
  channel,
  defineActor,
  rpc,
  type Schema,
  select,
  sending,
} from '@troupe/actor';
import { checked, OUTSIDE, recipientOf } from '@troupe/actor/internal';

/** A schema as a library would make it. */
function schema<T>(check: (value: unknown) => T): Schema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        try {
          return { value: check(value) };
        } catch (error) {
          return { issues: [{ message: String(error), path: ['deep', { key: 0 }] }] };
        }
      },
    },
  };
}

function trim(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no text');
  return value.trim();
}

const trimmed = schema(trim);

class Checked extends Actor {
  @rpc({ args: [trimmed] }) each(text: string): string {
    return text;
  }
  @rpc({ args: schema((args) => [(args as string[]).join('+')]) }) list(...all: string[]): string {
    return all.join();
  }
}

test('a schema of an argument checks and converts it', async (t) => {
  await using system = new ActorSystem();
  const actor = system.spawn(Checked);

  t.is(await actor.each('  ann '), 'ann');
  t.is(await actor.list('a', 'b'), 'a+b');
});

test('a wrong argument is refused before the method begins, and the error names it', async (t) => {
  await using system = new ActorSystem();
  const actor = system.spawn(Checked);

  const error = await t.throwsAsync(actor.each(1 as never), { instanceOf: BadArguments });

  t.like(error, { code: 'ERR_BAD_ARGUMENTS', executed: 'no', method: 'each' });
  t.is(error?.message, 'local/Checked/#1.each: args[0][deep][0]: TypeError: no text');
  t.true(error?.cause instanceof TypeError);
});

test('one argument too many is refused', async (t) => {
  await using system = new ActorSystem();
  const recipient = recipientOf(system.spawn(Checked));

  const call = recipient.ask('each', ['a', 'b'], OUTSIDE);

  await t.throwsAsync(call, { instanceOf: BadArguments, message: /2 arguments, not 1/ });
});

test('an asynchronous schema is refused: waiting for it would reorder messages', (t) => {
  const slow: Schema = {
    '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) },
  };

  t.throws(() => checked(slow, 1, 'value'), { instanceOf: TypeError, message: /asynchronous/ });
});

/** What reflect-metadata keeps, as the compiler calls it. */
function withTypes(types: readonly unknown[], target: object): void {
  const reflect = Reflect as { getMetadata?: unknown };
  reflect.getMetadata = (key: string, owner: object, name: string) =>
    key === 'design:paramtypes' && owner === target && name === 'take' ? types : undefined;
}

class Money {}

const cases: readonly [type: unknown, good: readonly unknown[], bad: unknown, issue: string][] = [
  [String, ['a', undefined, null], 1, 'args[0] must be a string, not a number'],
  [Number, [1, Number.NaN], '1', 'args[0] must be a number, not a string'],
  [Boolean, [true], 0, 'args[0] must be a boolean, not a number'],
  [BigInt, [1n], 1, 'args[0] must be a bigint, not a number'],
  [Array, [[]], { length: 0 }, 'args[0] must be an array, not a Object'],
  [Date, [new Date(0)], '1970', 'args[0] must be a Date, not a string'],
  [Money, [new Money()], {}, 'args[0] must be a Money, not a Object'],
];
for (const [type, good, bad, issue] of cases) {
  const { name } = type as { name: string };
  test.serial(`a parameter of type ${name} is checked where the compiler noted it`, async (t) => {
    class Typed extends Actor {
      @rpc take(value: unknown): unknown {
        return value;
      }
    }
    withTypes([type], Typed.prototype);
    await using system = new ActorSystem();
    const typed = system.spawn(Typed);

    for (const value of good) t.is(await typed.take(value), value);
    const error = await t.throwsAsync(typed.take(bad), { instanceOf: BadArguments });

    t.is(error?.message, `local/Typed/#1.take: ${issue}`);
    Reflect.deleteProperty(Reflect, 'getMetadata');
  });
}

test.serial('a type that the compiler could not note is not checked', async (t) => {
  class Vague extends Actor {
    @rpc take(value: unknown): unknown {
      return value;
    }
  }
  withTypes([Object], Vague.prototype);
  await using system = new ActorSystem();

  t.is(await system.spawn(Vague).take(1), 1);
  Reflect.deleteProperty(Reflect, 'getMetadata');
});

test('the plain form takes schemas too', async (t) => {
  const Plain = defineActor(
    { kind: 'plain', rpc: { say: { args: [trimmed] } } },
    class extends Actor {
      say(text: string): string {
        return text;
      }
    },
  );
  await using system = new ActorSystem();

  t.is(await system.spawn(Plain).say(' hello '), 'hello');
});

for (const capacity of [0, 2]) {
  test(`a channel of capacity ${capacity} with a schema checks and converts once`, async (t) => {
    const c = channel(capacity, { schema: schema((value) => `<${trim(value)}>`) });

    const received = [c.receive(), c.receive(), c.receive()];
    await c.send(' a ');
    t.is(c.trySend(' b '), 'sent');
    await select({ sent: sending(c, ' c ') });
    const waits = [c.send(' d '), c.send(' e '), c.send(' f '), select({ s: sending(c, ' g ') })];

    t.deepEqual(await Promise.all(received), ['<a>', '<b>', '<c>']);
    t.deepEqual(c.receiveBatch(9), ['<d>', '<e>', '<f>', '<g>']);
    await Promise.all(waits);
  });
}

test('an element that the schema refuses is not sent, and the channel goes on', async (t) => {
  const c = channel(1, { schema: trimmed });
  const wrong = 1 as never;

  const error = await t.throwsAsync(c.send(wrong), { instanceOf: BadArguments });

  t.like(error, { code: 'ERR_BAD_ARGUMENTS', executed: 'no' });
  t.is(error?.message, 'channel.send: element[deep][0]: TypeError: no text');
  t.throws(() => c.sender.trySend(wrong), { instanceOf: BadArguments });
  t.throws(() => sending(c, wrong), { instanceOf: BadArguments });
  t.is(c.length, 0);
  t.is(c.trySend(' right '), 'sent');
  t.deepEqual(c.tryReceive(), { value: 'right' });
});
