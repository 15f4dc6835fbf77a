import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  actor,
  BadOption,
  type DeadLetter,
  DeadlineExceeded,
  defineActor,
  MailboxFull,
  rpc,
  type WhenFull,
} from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';

/** Notes what it serves; a message `hold` keeps it busy until `open` is called. */
class Gate extends Actor {
  constructor(
    readonly served: string[],
    readonly gate: Promise<void>,
  ) {
    super();
  }
  @rpc async hold(): Promise<void> {
    await this.gate;
  }
  @rpc note(what: string): string {
    this.served.push(what);
    return what;
  }
  @rpc({ control: true }) order(what: string): string {
    this.served.push(what);
    return what;
  }
  @rpc({ readonly: true }) async read(what: string, until: Promise<void>): Promise<string> {
    this.served.push(`${what} begins`);
    await until;
    this.served.push(`${what} ends`);
    return what;
  }
  @rpc({ interleave: true }) peek(what: string): string {
    this.served.push(what);
    return what;
  }
}

interface Held {
  readonly env: VirtualEnv;
  readonly system: ActorSystem;
  readonly letters: DeadLetter[];
  readonly served: string[];
  readonly gate: ActorRef<Gate>;
  readonly open: () => void;
}

/** An actor of one place that is busy. */
async function held(whenFull: WhenFull): Promise<Held> {
  @actor({ kind: 'gate', mailboxCapacity: 1, whenFull })
  class Small extends Gate {}
  const env = virtualEnv();
  const letters: DeadLetter[] = [];
  const system = new ActorSystem({ env, onDeadLetter: (letter) => letters.push(letter) });
  let open!: () => void;
  const served: string[] = [];
  const gate = system.spawn(Small, served, new Promise((resolve) => (open = resolve)));
  gate.tell.hold();
  await env.settled();
  return { env, system, letters, served, gate, open };
}

test('refuse: a message more than there is room for fails at once, and is counted', async (t) => {
  const { system, letters, gate } = await held('refuse');
  gate.tell.note('first');

  const error = await t.throwsAsync(gate.note('second'), { instanceOf: MailboxFull });
  gate.tell.note('third');

  t.like(error, { executed: 'no', capacity: 1 });
  t.like(letters, [{ isCall: true }, { isCall: false, method: 'note' }]);
  t.deepEqual([...system.undelivered], [['ERR_MAILBOX_FULL', 2]]);
});

test('wait: a call waits for room, in order; a tell, for which nobody waits, is refused', async (t) => {
  const { letters, served, gate, open } = await held('wait');
  const calls = [gate.note('first'), gate.note('second')];

  gate.tell.note('told');
  open();

  t.deepEqual(await Promise.all(calls), ['first', 'second']);
  t.deepEqual(served, ['first', 'second']);
  t.like(letters, [{ method: 'note', isCall: false }]);
});

test('wait: no more calls wait than the mailbox has places', async (t) => {
  const { gate } = await held('wait');
  void gate.note('queued').catch(() => undefined);
  void gate.note('waiting').catch(() => undefined);

  await t.throwsAsync(gate.note('too many'), { instanceOf: MailboxFull });
});

test('wait: a call waits no longer than its deadline, and leaves its place to the next', async (t) => {
  const { env, served, gate, open } = await held('wait');
  const first = gate.with({ timeoutMs: 100 }).note('first');
  const expired = t.throwsAsync(first, { instanceOf: DeadlineExceeded });
  const second = gate.note('second');

  await env.advance(200);
  t.like(await expired, { executed: 'no' });
  open();

  t.is(await second, 'second');
  t.deepEqual(served, ['second']);
});

test('drop-oldest: what has waited longest fails in the place of the new one', async (t) => {
  const { system, letters, served, gate, open } = await held('drop-oldest');
  const first = t.throwsAsync(gate.note('first'), { instanceOf: MailboxFull });
  gate.tell.note('second');
  const third = gate.note('third');

  open();

  t.like(await first, { executed: 'no' });
  t.is(await third, 'third');
  t.deepEqual(served, ['third']);
  t.is(letters.length, 2);
  t.is(system.undelivered.get('ERR_MAILBOX_FULL'), 2);
});

test('an expired call is counted and told with its reason', async (t) => {
  const { env, system, letters, gate } = await held('refuse');

  const late = t.throwsAsync(gate.with({ timeoutMs: 100 }).note('late'), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(200);
  await late;

  t.like(letters, [{ isCall: true, reason: { code: 'ERR_DEADLINE_EXCEEDED' } }]);
  t.deepEqual([...system.undelivered], [['ERR_DEADLINE_EXCEEDED', 1]]);
});

test('a control message goes before ordinary ones, and finds room when they fill the mailbox', async (t) => {
  const { served, gate, open } = await held('refuse');
  const note = gate.note('ordinary');
  const order = gate.order('control');

  open();
  await Promise.all([note, order]);

  t.deepEqual(served, ['control', 'ordinary']);
});

test('an interleaving method runs while another one waits', async (t) => {
  const { served, gate, open } = await held('refuse');
  const note = gate.note('ordinary');

  t.is(await gate.peek('at once'), 'at once');
  t.deepEqual(served, ['at once']);

  open();
  await note;
});

test('readonly methods run beside each other; a change waits for them and holds up later ones', async (t) => {
  const { env, served, gate, open } = await held('wait');
  let finish!: () => void;
  const until = new Promise<void>((resolve) => (finish = resolve));
  open();
  const calls = [gate.read('a', until), gate.read('b', until)];
  await env.settled();
  t.deepEqual(served, ['a begins', 'b begins']);

  const change = gate.note('change');
  const late = gate.read('c', until);
  finish();
  await Promise.all([...calls, change, late]);

  t.deepEqual(served.slice(2), ['a ends', 'b ends', 'change', 'c begins', 'c ends']);
});

test('stop waits for all turns that run beside each other', async (t) => {
  const { env, served, system, gate, open } = await held('wait');
  let finish!: () => void;
  const until = new Promise<void>((resolve) => (finish = resolve));
  open();
  const calls = [gate.read('a', until), gate.read('b', until)];
  await env.settled();

  const stopped = system.stopActor(gate);
  finish();
  await stopped;

  t.deepEqual(await Promise.all(calls), ['a', 'b']);
  t.deepEqual(served.slice(-2), ['a ends', 'b ends']);
});

test('the plain form says what the decorators say', async (t) => {
  const Plain = defineActor(
    { kind: 'plain', rpc: { slow: {}, peek: { interleave: true } } },
    class extends Actor {
      slow(gate: Promise<void>): Promise<void> {
        return gate;
      }
      peek(): string {
        return 'peeked';
      }
    },
  );
  await using system = new ActorSystem();
  const plain = system.spawn(Plain);
  let open!: () => void;
  const slow = plain.slow(new Promise((resolve) => (open = resolve)));

  t.is(await plain.peek(), 'peeked');

  open();
  await slow;
});

test('what a full mailbox does must be one of three things', (t) => {
  const whenFull = 'drop' as 'wait';

  t.throws(() => defineActor({ kind: 'odd', rpc: [], whenFull }, class extends Actor {}), {
    instanceOf: BadOption,
    message: "whenFull is 'drop': give 'refuse', 'wait' or 'drop-oldest'",
  });
});

test('a method cannot be both readonly and interleaving', (t) => {
  t.throws(() => rpc({ readonly: true, interleave: true })(Gate.prototype, 'note', {}), {
    instanceOf: TypeError,
  });
});

test('both kinds of decorator take options', (t) => {
  const method = function standard(): void {};
  const context = { kind: 'method', name: 'standard' } as ClassMethodDecoratorContext;

  t.notThrows(() => rpc({ interleave: true })(method, context));
  t.notThrows(() => rpc(function bare(): void {}, { ...context, name: 'bare' }));
});
