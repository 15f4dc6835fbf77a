import test from 'ava';
import { executedOf } from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';
import {
  command,
  type Consensus,
  defineMachine,
  Engine,
  Machine,
  MemoryStore,
  type Outcome,
  OutcomeUnknown,
  type Replica,
  Replicated,
  replicate,
} from '@troupe/consensus';
import { Ledger, Overdrawn } from './ledger.ts';

interface Opened {
  readonly group: Consensus<Outcome>;
  readonly machine: Replicated<Ledger>;
  readonly ledger: Replica<Ledger>;
}

async function open(engine: Engine): Promise<Opened> {
  const machine = new Replicated(Ledger);
  const group = await engine.open({ group: 'ledger', machine, keepEntries: 1 });
  return { machine, group, ledger: replicate(group, machine) };
}

/** From now on the answers to `count` commands are lost, though the commands are executed. */
function losesAnswers(group: Consensus<Outcome>, count: number): void {
  const propose = group.propose.bind(group);
  let lost = 0;
  group.propose = async (data, options) => {
    const applied = await propose(data, options);
    if (applied.result.kind === 'opened' || lost === count) return applied;
    lost += 1;
    throw new OutcomeUnknown('ledger', 'the answer was lost');
  };
}

test('commands change the machine, and queries see what they changed', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);

  t.is(await ledger.deposit('ann', 5), 5);
  t.is(await ledger.deposit('ann', 2), 7);
  t.is(await ledger.balance('ann'), 7);
  t.is(await ledger.with({ consistency: 'stale' }).balance('bob'), 0);
});

const tooLarge: readonly [what: string, megabytes: number][] = [
  ['over the limit of its group', 2],
  ['over all limits of messages', 20],
];
for (const [what, megabytes] of tooLarge) {
  test(`a command ${what} is refused with its size, and was not executed`, async (t) => {
    await using engine = new Engine();
    const { ledger } = await open(engine);

    const error = await t.throwsAsync(ledger.deposit('x'.repeat(megabytes * 1e6), 1), {
      code: 'ERR_COMMAND_TOO_LARGE',
      message: /^a command of group ledger has \d+ bytes, over 1048576: keep what is large/,
    });

    t.is(executedOf(error), 'no');
    t.deepEqual(await ledger.history(), []);
  });
}

test('an option that makes no sense was found before anything was executed', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);

  const error = t.throws(() => ledger.with({ timeoutMs: -1 }).deposit('ann', 1), {
    code: 'ERR_BAD_OPTION',
    instanceOf: RangeError,
  });

  t.is(executedOf(error), 'no');
  t.deepEqual(await ledger.history(), []);
});

test('what no log can hold is told by where it is in the arguments', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);
  const wrong: never = [{ key: Symbol('s') }] as never;

  const error = await t.throwsAsync(ledger.deposit('ann', wrong), { code: 'ERR_NOT_SERIALIZABLE' });

  t.like(error, { path: 'args[1][0].key', executed: 'no' });
});

test('commands of one client are executed in the order of its calls, the first ones too', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);
  const amounts = Array.from({ length: 500 }, (_, i) => i);

  await Promise.all(amounts.map((amount) => ledger.deposit('ann', amount)));

  t.deepEqual(
    await ledger.history(),
    amounts.map((amount) => `deposit ann ${amount}`),
  );
});

test('what a command throws is its result: of its own class, and executed', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);
  await ledger.deposit('ann', 5);

  const error = await t.throwsAsync(ledger.withdraw('ann', 6), { instanceOf: Overdrawn });

  t.like(error, { account: 'ann', balance: 5, message: 'ann has 5' });
  t.is(await ledger.withdraw('ann', 5), 0);
});

const odd: readonly [kind: string, error: object][] = [
  ['promise', { message: 'odd returned a promise: methods of machines do not wait' }],
  ['function', { code: 'ERR_NOT_SERIALIZABLE', executed: 'yes', path: 'result' }],
  ['long', { name: 'RangeError' }],
  ['other', { name: 'RangeError', message: 'no kind other' }],
];
for (const [kind, expected] of odd) {
  test(`a command whose result cannot be one fails by itself: ${kind}`, async (t) => {
    await using engine = new Engine();
    const { ledger } = await open(engine);

    t.like(await t.throwsAsync(ledger.odd(kind)), expected);
    t.is(await ledger.deposit('ann', 1), 1);
  });
}

test('arguments that cannot be in a log are refused, and nothing is proposed', async (t) => {
  await using engine = new Engine();
  const { group, ledger } = await open(engine);
  const { last } = group.status();
  const amount = (() => 1) as unknown as number;

  const error = await t.throwsAsync(ledger.deposit('ann', amount));

  t.like(error, { code: 'ERR_NOT_SERIALIZABLE', executed: 'no' });
  t.is(group.status().last, last);
});

test('a command has its arguments as they were when it was called', async (t) => {
  await using engine = new Engine();
  class Bag extends Machine {
    all: string[] = [];
    put(items: string[]): readonly string[] {
      this.all.push(...items);
      return this.all;
    }
  }
  const machine = new Replicated(defineMachine({ commands: ['put'] }, Bag));
  const bag = replicate(await engine.open({ group: 'bag', machine }), machine);
  const items = ['a'];

  const putting = bag.put(items);
  items.push('b');

  t.deepEqual(await putting, ['a']);
});

test('what callers get is a copy: nobody changes the machine from outside', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);
  await ledger.deposit('ann', 1);

  (await ledger.list()).length = 0;
  ((await ledger.history()) as string[]).length = 0;

  t.deepEqual(await ledger.history(), ['deposit ann 1']);
});

test('time is that of the log, and never goes back; every entry has an id and chances', async (t) => {
  const clocks = [virtualEnv(1), virtualEnv(2)] as const;
  await using engine = new Engine();
  const { group, machine } = await open(engine);
  const [early, late] = clocks.map((env) => replicate(group, machine, { env }));
  await clocks[1].advance(5_000);
  const [start, later] = [clocks[0].wallTime(), clocks[1].wallTime()];

  const one = await early?.draw();
  const two = await late?.draw();
  const three = await early?.draw();

  t.deepEqual([one?.time, two?.time, three?.time], [start, later, later]);
  t.deepEqual(await early?.clock(), [start, later, later]);
  t.true((one?.id ?? 0) < (two?.id ?? 0));
  const chances = [one, two, three].flatMap((drawn) => drawn?.chances ?? []);
  t.is(new Set(chances).size, 6);
  t.true(chances.every((chance) => chance >= 0 && chance < 1));
});

test('a query has no chances', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);

  await t.throwsAsync(ledger.chance(), { message: /only a command has randomness/ });
});

test('a method without a mark is not called', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);

  const error = await t.throwsAsync(ledger.unmarked());

  t.like(error, { code: 'ERR_NO_SUCH_COMMAND', executed: 'no', command: 'unmarked' });
});

test('a command that is proposed again gives its first result, and is executed once', async (t) => {
  await using engine = new Engine();
  const { group, ledger } = await open(engine);
  losesAnswers(group, 3);

  t.is(await ledger.deposit('ann', 5), 5);
  t.deepEqual(await ledger.history(), ['deposit ann 5']);
});

test('an error that was lost on its way is given again, too', async (t) => {
  await using engine = new Engine();
  const { group, ledger } = await open(engine);
  losesAnswers(group, 1);

  t.like(await t.throwsAsync(ledger.withdraw('ann', 6)), { name: 'Overdrawn', balance: 0 });
});

test('a session is in the snapshot: a repeated command is known after a restart', async (t) => {
  const store = new MemoryStore();
  const before = new Engine({ store });
  const { group, ledger } = await open(before);
  const attempts: Uint8Array[] = [];
  const propose = group.propose.bind(group);
  group.propose = (data, options) => {
    attempts.push(data);
    return propose(data, options);
  };
  await ledger.deposit('ann', 5);
  const first = await group.propose(attempts.at(-1) ?? new Uint8Array());
  await group.snapshot();
  await before.stop();

  await using engine = new Engine({ store });
  const after = await open(engine);
  const again = await after.group.propose(attempts.at(-1) ?? new Uint8Array());

  t.deepEqual(again.result, first.result);
  t.is(after.machine.sessions, 1);
  t.deepEqual(await after.ledger.history(), ['deposit ann 5']);
});

test('a session that was given up is opened anew where nothing was executed', async (t) => {
  await using engine = new Engine();
  const { group, machine, ledger } = await open(engine);
  await ledger.deposit('ann', 1);
  const others = Array.from({ length: 1_024 }, () => replicate(group, machine));
  await Promise.all(others.map((other) => other.deposit('bob', 1)));

  t.is(await ledger.deposit('ann', 1), 2);
  t.is(machine.sessions, 1_024);
});

test('a command that may have been executed under a lost session is not executed again', async (t) => {
  await using engine = new Engine();
  const { group, machine, ledger } = await open(engine);
  await ledger.deposit('ann', 1);
  const propose = group.propose.bind(group);
  group.propose = async (data, options) => {
    group.propose = propose;
    await propose(data, options);
    const others = Array.from({ length: 1_024 }, () => replicate(group, machine));
    await Promise.all(others.map((other) => other.deposit('bob', 1)));
    throw new OutcomeUnknown('ledger', 'the answer was lost');
  };

  const error = await t.throwsAsync(ledger.deposit('ann', 1));

  t.like(error, { code: 'ERR_SESSION_EXPIRED', executed: 'unknown' });
  t.is(await ledger.balance('ann'), 2);
  t.is(await ledger.deposit('ann', 1), 3);
});

test('a replica that is closed has no session; a later command begins another', async (t) => {
  await using engine = new Engine();
  const { machine, ledger } = await open(engine);
  await ledger.deposit('ann', 1);

  await ledger.close();

  t.is(machine.sessions, 0);
  t.is(await ledger.deposit('ann', 1), 2);
  t.is(machine.sessions, 1);
});

test('a query opens no session', async (t) => {
  await using engine = new Engine();
  const { machine, ledger } = await open(engine);

  await ledger.balance('ann');
  await ledger.close();

  t.is(machine.sessions, 0);
});

test('without a leader a command ends at its deadline, not executed, and so does a signal', async (t) => {
  const env = virtualEnv();
  await using engine = new Engine({ env, node: 'a' });
  const machine = new Replicated(Ledger);
  const group = await engine.open({ group: 'ledger', machine, voters: ['a', 'b', 'c'] });
  const ledger = replicate(group, machine, { env });
  const controller = new AbortController();
  const late = t.throwsAsync(ledger.with({ timeoutMs: 499.5 }).deposit('ann', 1));
  const aborted = t.throwsAsync(ledger.with({ signal: controller.signal }).deposit('ann', 1));

  await env.advance(600);
  controller.abort();

  t.like(await late, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no', timeoutMs: 500 });
  t.regex((await late)?.message ?? '', /; at last: nobody leads group ledger: a hears only a of /);
  t.like(await aborted, { code: 'ERR_CANCELLED', executed: 'no' });
});

test('a group that ends tells who waits for a session', async (t) => {
  await using engine = new Engine({ node: 'a' });
  const machine = new Replicated(Ledger);
  const group = await engine.open({ group: 'ledger', machine, voters: ['a', 'b', 'c'] });
  const waiting = t.throwsAsync(replicate(group, machine).deposit('ann', 1));

  await group.stop();

  t.like(await waiting, { code: 'ERR_GROUP_CLOSED', executed: 'no' });
});

test('more commands under way than a session keeps results of are refused', async (t) => {
  await using engine = new Engine();
  const { ledger } = await open(engine);
  await ledger.deposit('ann', 0);

  const ends = await Promise.allSettled(
    Array.from({ length: 8_193 }, () => ledger.deposit('ann', 1)),
  );

  const refused = ends.filter((end) => end.status === 'rejected');
  t.is(refused.length, 1);
  t.like(refused[0]?.reason, { code: 'ERR_OVERLOADED', executed: 'no', limit: 8_192 });
  t.is(await ledger.balance('ann'), 8_192);
});

test('a class can be told what its commands are without decorators', async (t) => {
  await using engine = new Engine();
  const Counter = defineMachine(
    { commands: { add: { since: 1 } }, queries: ['value'] },
    class extends Machine {
      sum = 0;
      add(by: number): number {
        return (this.sum += by);
      }
      value(): number {
        return this.sum;
      }
    },
  );
  const machine = new Replicated(Counter);
  const counter = replicate(await engine.open({ group: 'counter', machine }), machine);

  await counter.add(2);

  t.is(await counter.value(), 2);
});

test('names that every replica has cannot be marked', (t) => {
  class Door extends Machine {
    close(): void {}
  }

  t.throws(() => command(Door.prototype, 'close', { value: Door.prototype.close }), {
    code: 'ERR_BAD_OPTION',
    message: "@command is 'close': every replica has its own, so name it otherwise",
  });
});
