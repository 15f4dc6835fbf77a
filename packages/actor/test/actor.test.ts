import test from 'ava';
import {
  Actor,
  actor,
  ActorDown,
  ActorSystem,
  addressOf,
  Cancelled,
  type DeadLetter,
  DeadlineExceeded,
  defineActor,
  type Down,
  Draining,
  type Failure,
  MailboxFull,
  NoSuchMethod,
  rpc,
} from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';

class Counter extends Actor {
  #count: number;
  constructor(start: number) {
    super();
    this.#count = start;
  }
  @rpc add(by: number): number {
    return (this.#count += by);
  }
  @rpc async addSlowly(by: number, gate: Promise<void>): Promise<number> {
    const before = this.#count;
    await gate;
    this.#count = before + by;
    return this.#count;
  }
  @rpc fail(message: string): never {
    throw new RangeError(message);
  }
  secret(): string {
    return 'not for others';
  }
}

/** A gate that a test opens: `[promise, open]`. */
function gate(): [Promise<void>, () => void] {
  let open!: () => void;
  return [new Promise((resolve) => (open = resolve)), open];
}

/** Holds its turn until the signal is aborted, and says so. */
class Stuck extends Actor {
  @rpc wait(): Promise<string> {
    const { signal } = this.ctx;
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(`aborted: ${String(signal.reason)}`));
    });
  }
  @rpc ping(): string {
    return 'pong';
  }
}

test('a call runs the method and resolves with its result', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 1);

  t.is(await counter.add(2), 3);
  t.is(await counter.add(2), 5);
});

test('one message at a time, awaits included: slow turns do not interleave', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);
  const [opened, open] = gate();

  const results = [counter.addSlowly(1, opened), counter.addSlowly(1, opened), counter.add(1)];
  open();

  t.deepEqual(await Promise.all(results), [1, 2, 3]);
});

test('tells and calls of one sender are served in the order they were sent', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);

  counter.tell.add(10);
  const asked = counter.add(1);
  counter.tell.add(100);

  t.is(await asked, 11);
  t.is(await counter.add(0), 111);
});

test('the very error that the method threw reaches the caller, and the actor lives on', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 1);

  await t.throwsAsync(counter.fail('too big'), { instanceOf: RangeError, message: 'too big' });

  t.is(await counter.add(1), 2);
});

test('an unmarked method cannot be called, and the error names it', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 1);

  // `secret` is public, so that the compiler cannot tell; `@rpc` is what opens a method.
  const error = await t.throwsAsync(counter.secret(), { instanceOf: NoSuchMethod });

  t.like(error, { code: 'ERR_NO_SUCH_METHOD', executed: 'no', method: 'secret' });
});

for (const name of ['constructor', '__proto__', 'hasOwnProperty', 'toString', 'started']) {
  test(`the method table has no '${name}'`, async (t) => {
    await using system = new ActorSystem();
    const counter = system.spawn(Counter, 1);
    const { OUTSIDE, recipientOf } = await import('@troupe/actor/internal');

    const called = recipientOf(counter).ask(name, [], OUTSIDE);

    await t.throwsAsync(called, { instanceOf: NoSuchMethod });
  });
}

test('a reference can be awaited and printed without calling its actor', async (t) => {
  const letters: DeadLetter[] = [];
  await using system = new ActorSystem({ onDeadLetter: (letter) => letters.push(letter) });
  const counter = system.spawn(Counter, 1);

  t.is(await counter, counter);
  t.is(String(counter), 'local/Counter/#1');
  t.is(addressOf(counter), 'local/Counter/#1');
  t.is(JSON.stringify({ counter }), '{"counter":{}}');
  await counter.add(1);
  t.deepEqual(letters, []);
});

test('ask rejects, with no effect, when the mailbox is full', async (t) => {
  @actor({ kind: 'small', mailboxCapacity: 1 })
  class Small extends Stuck {}
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const small = system.spawn(Small);
  small.tell.wait();
  await env.settled(); // That turn has begun and does not end, so its slot is free again.
  small.tell.ping(); // Fills the one slot.

  const error = await t.throwsAsync(small.ping(), { instanceOf: MailboxFull });

  t.like(error, { code: 'ERR_MAILBOX_FULL', executed: 'no', capacity: 1 });
});

test('a reference has one view for telling, with its own options', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);
  const patient = counter.with({ timeoutMs: 500 });

  const views = [counter.tell, counter.tell, patient.tell, patient.tell];

  t.is(views[0], views[1]);
  t.is(views[2], views[3]);
  t.not(views[0], views[2]);
});

test('a tell that is refused becomes a dead letter with its reason', async (t) => {
  const letters: DeadLetter[] = [];
  const system = new ActorSystem({ onDeadLetter: (letter) => letters.push(letter) });
  const counter = system.spawn(Counter, 1);
  await system.stopActor(counter);

  counter.tell.add(1);

  t.like(letters, [{ to: 'local/Counter/#1', method: 'add' }]);
  t.true(letters[0]?.reason instanceof ActorDown);
  t.is(system.deadLetters, 1);
});

test('an error thrown from a tell goes to onFailure, and the actor lives on', async (t) => {
  const failures: Failure[] = [];
  await using system = new ActorSystem({ onFailure: (failure) => failures.push(failure) });
  const counter = system.spawn(Counter, 1);

  counter.tell.fail('nobody waits');

  t.is(await counter.add(1), 2);
  t.like(failures, [{ method: 'fail', address: 'local/Counter/#1' }]);
});

test('a call that waits past its deadline never runs, and its error says so', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const stuck = system.spawn(Stuck);
  stuck.tell.wait();

  const late = t.throwsAsync(stuck.with({ timeoutMs: 500 }).ping(), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(600);

  t.like(await late, { executed: 'no', timeoutMs: 500 });
});

test('a method that a call of its own has failed was executed, though that call was not', async (t) => {
  await using system = new ActorSystem();
  const inner = new Draining('local/other');
  class Relay extends Actor {
    @rpc pass(): never {
      throw inner;
    }
  }

  const error = await t.throwsAsync(system.spawn(Relay).pass(), { instanceOf: Draining });

  t.like(error, { name: 'Draining', code: 'ERR_DRAINING', to: 'local/other' });
  t.is(error?.executed, 'yes');
  t.is(inner.executed, 'no');
  t.is(error?.stack, inner.stack);
});

test('a method that runs past its deadline sees its signal aborted; its caller knows no more', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const stuck = system.spawn(Stuck);

  const late = t.throwsAsync(stuck.with({ timeoutMs: 500 }).wait(), {
    instanceOf: DeadlineExceeded,
  });
  await env.advance(600);

  t.like(await late, { executed: 'unknown' });
  t.is(await stuck.ping(), 'pong'); // The abort ended the turn.
});

test('a call has ten seconds unless it says otherwise', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const stuck = system.spawn(Stuck);
  let rejected = false;
  const call = stuck.wait().catch((error: unknown) => {
    rejected = true;
    return error;
  });

  await env.advance(9_999);
  t.false(rejected);
  await env.advance(100);

  t.like(await call, { code: 'ERR_DEADLINE_EXCEEDED', timeoutMs: 10_000 });
});

test('no timer stays behind when every call is answered', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const counter = system.spawn(Counter, 0);

  for (let i = 0; i < 100; i += 1) await counter.add(1);
  await env.advance(100);

  t.is(env.timers, 0);
});

test('a call cancelled while it waits never runs; cancelled while it runs, its signal tells', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const stuck = system.spawn(Stuck);
  const first = new AbortController();
  const second = new AbortController();

  const running = stuck.with({ signal: first.signal }).wait();
  const waiting = stuck.with({ signal: second.signal }).wait();
  await env.settled();
  second.abort(new Error('no longer wanted'));
  first.abort();

  const waited = await t.throwsAsync(waiting, { instanceOf: Cancelled });
  t.like(waited, { executed: 'no', cause: { message: 'no longer wanted' } });
  t.like(await t.throwsAsync(running, { instanceOf: Cancelled }), { executed: 'unknown' });
  t.is(await stuck.ping(), 'pong');
});

test('a signal that is aborted already sends nothing', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);

  const call = counter.with({ signal: AbortSignal.abort() }).add(1);

  t.like(await t.throwsAsync(call, { instanceOf: Cancelled }), { executed: 'no' });
  t.is(await counter.add(0), 0);
});

test('hooks frame the life of an actor: started before all messages, stopping after the last', async (t) => {
  const seen: string[] = [];
  class Hooked extends Actor {
    override async started(): Promise<void> {
      await null;
      seen.push('started');
    }
    override stopping(): void {
      seen.push('stopping');
    }
    @rpc note(what: string): void {
      seen.push(what);
    }
  }
  await using system = new ActorSystem();
  const hooked = system.spawn(Hooked);

  await hooked.note('first');
  await system.stopActor(hooked);

  t.deepEqual(seen, ['started', 'first', 'stopping']);
});

test('an actor whose started hook fails is down, and its callers learn why', async (t) => {
  class Broken extends Actor {
    override started(): void {
      throw new Error('no licence');
    }
    @rpc ping(): string {
      return 'pong';
    }
  }
  await using system = new ActorSystem({ onFailure: () => undefined });
  const broken = system.spawn(Broken);

  const error = await t.throwsAsync(broken.ping(), { instanceOf: ActorDown });

  t.like(error, { executed: 'no', cause: { message: 'no licence' } });
});

test('stop lets the running turn end and refuses what waits', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);
  const [opened, open] = gate();
  const running = counter.addSlowly(1, opened);
  const waiting = t.throwsAsync(counter.add(1), { instanceOf: ActorDown });
  await null;

  const stopped = system.stopActor(counter);
  const late = t.throwsAsync(counter.add(1), { instanceOf: ActorDown });
  open();

  t.like(await waiting, { executed: 'no' });
  t.like(await late, { executed: 'no' });
  t.is(await running, 1);
  await stopped;
  t.is(system.size, 0);
});

test('a monitor is told once, after all that the actor had sent', async (t) => {
  const seen: string[] = [];
  class Watcher extends Actor {
    @rpc watch(other: ReturnType<typeof spawnTalker>): void {
      this.monitor(other, (down: Down) => seen.push(`down: ${down.reason.kind}`));
    }
    @rpc hear(text: string): void {
      seen.push(text);
    }
  }
  class Talker extends Actor {
    readonly #to: ReturnType<typeof spawnWatcher>;
    constructor(to: ReturnType<typeof spawnWatcher>) {
      super();
      this.#to = to;
    }
    @rpc talk(): void {
      this.#to.tell.hear('one');
      this.#to.tell.hear('two');
      this.stop();
    }
  }
  const system = new ActorSystem();
  const spawnWatcher = () => system.spawn(Watcher);
  const spawnTalker = () => system.spawn(Talker, watcher);
  const watcher = spawnWatcher();
  const talker = spawnTalker();
  await watcher.watch(talker);

  await talker.talk();
  await system.stopActor(talker);
  await watcher.hear('end');

  t.deepEqual(seen, ['one', 'two', 'down: stopped', 'end']);
});

test('a monitor of an actor that is down already is told so', async (t) => {
  await using system = new ActorSystem();
  const counter = system.spawn(Counter, 0);
  await system.stopActor(counter);

  const down = await new Promise<Down>((resolve) => system.monitor(counter, resolve));

  t.deepEqual(down, { address: 'local/Counter/#1', reason: { kind: 'no-actor' } });
});

test('children stop before their parent', async (t) => {
  const seen: string[] = [];
  class Child extends Actor {
    override async stopping(): Promise<void> {
      await null;
      seen.push('child');
    }
  }
  class Parent extends Actor {
    override started(): void {
      this.spawn(Child);
    }
    override stopping(): void {
      seen.push('parent');
    }
    @rpc ping(): void {}
  }
  const system = new ActorSystem();
  const parent = system.spawn(Parent);
  await parent.ping();
  t.is(system.size, 2);

  await system.stopActor(parent);

  t.deepEqual(seen, ['child', 'parent']);
  t.is(system.size, 0);
});

test('system.stop abandons a turn that does not end, and tells its caller', async (t) => {
  class Endless extends Actor {
    @rpc wait(): Promise<never> {
      return new Promise(() => {});
    }
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const endless = system.spawn(Endless);
  const call = t.throwsAsync(endless.wait(), { instanceOf: ActorDown });
  await env.settled();

  const stopped = system.stop(1_000);
  await env.advance(1_000);
  await stopped;

  t.like(await call, { executed: 'unknown' });
  t.is(system.size, 0);
});

/** Hands its signal on, as a method does that waits for something outside. */
class Patient extends Actor {
  readonly #env: VirtualEnv;
  constructor(env: VirtualEnv) {
    super();
    this.#env = env;
  }
  @rpc wait(ms: number): Promise<string> {
    const { signal } = this.ctx;
    return new Promise((resolve) => {
      const timer = this.#env.setTimer(ms, () => resolve('done'));
      signal.addEventListener('abort', () => {
        timer.cancel();
        resolve(`told at ${this.#env.now()}`);
      });
    });
  }
  @rpc async *waits(): AsyncGenerator<string> {
    yield 'begun';
    yield await this.wait(Infinity);
  }
}

test('system.stop leaves a method in peace, and tells it when a fifth of the time is left', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const [quick, slow] = [system.spawn(Patient, env), system.spawn(Patient, env)];
  const calls = Promise.all([quick.wait(700), slow.wait(5_000)]);
  await env.settled();

  const stopped = system.stop(1_000);
  await env.advance(1_000);
  await stopped;

  t.deepEqual(await calls, ['done', 'told at 800']);
});

test('system.stop tells a stream at once, which would go on for longer than anybody waits', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const stream = await system.spawn(Patient, env).waits();
  await stream.next();
  const next = stream.next();
  await env.settled();

  await system.stop(1_000);

  t.is((await next).value, 'told at 0');
  await t.throwsAsync(stream.next(), { instanceOf: ActorDown });
});

test('two actors that answer each other without end do not keep timers from firing', async (t) => {
  class Echo extends Actor {
    readonly #partner: { echo?: { tell: { bounce(n: number): void } } };
    constructor(partner: { echo?: { tell: { bounce(n: number): void } } }) {
      super();
      this.#partner = partner;
    }
    @rpc bounce(n: number): void {
      this.#partner.echo?.tell.bounce(n + 1);
    }
  }
  const system = new ActorSystem({ onDeadLetter: () => undefined });
  const partner: { echo?: { tell: { bounce(n: number): void } } } = {};
  const first = system.spawn(Echo, partner);
  partner.echo = system.spawn(Echo, { echo: first });
  first.tell.bounce(0);

  await new Promise((resolve) => system.env.setTimer(5, () => resolve(undefined)));

  await system.stop();
  t.is(system.size, 0);
});

test('defineActor opens methods without decorators', async (t) => {
  const Greeter = defineActor(
    { kind: 'greeter', rpc: ['greet'] },
    class extends Actor {
      greet(name: string): string {
        return `hello ${name}`;
      }
      whisper(): string {
        return 'psst';
      }
    },
  );
  await using system = new ActorSystem();
  const greeter = system.spawn(Greeter);

  t.is(await greeter.greet('ann'), 'hello ann');
  t.is(addressOf(greeter), 'local/greeter/#1');
  await t.throwsAsync(greeter.whisper(), { instanceOf: NoSuchMethod });
});

test('an override of a marked method is callable without a mark of its own', async (t) => {
  class Double extends Counter {
    override add(by: number): number {
      return super.add(by * 2);
    }
  }
  await using system = new ActorSystem();

  t.is(await system.spawn(Double, 0).add(3), 6);
});

test('a name that every reference has already cannot be marked', (t) => {
  function define(): void {
    class Clash extends Actor {
      @rpc with(): void {}
    }
    new Clash();
  }

  t.throws(define, { instanceOf: TypeError, message: /'with'/ });
});

test('a name that every actor has already cannot be marked', (t) => {
  const own = Object.getOwnPropertyNames(Actor.prototype).filter((name) => name !== 'constructor');
  t.true(own.includes('stop') && own.includes('key'));

  for (const name of [...own, 'started', 'stopping']) {
    const mark = (): void => rpc({})({}, name, { value: () => undefined });

    t.throws(mark, {
      instanceOf: TypeError,
      message: new RegExp(`every actor has its own '${name}'`),
    });
  }
});

test('a kind must be a short plain name', (t) => {
  t.throws(() => actor({ kind: 'a/b' })(Counter), { instanceOf: TypeError, message: /'a\/b'/ });
});

test('a tell of a method that nobody may call becomes a dead letter, like any other', async (t) => {
  const letters: DeadLetter[] = [];
  await using system = new ActorSystem({ onDeadLetter: (letter) => void letters.push(letter) });
  const counter = system.spawn(Counter, 0);

  counter.tell.secret(); // Public for the compiler, and bears no mark.

  t.is(letters.length, 1);
  t.like(letters[0], { method: 'secret', reason: { code: 'ERR_NO_SUCH_METHOD' } });
});

test('nothing is started in a system that has stopped', async (t) => {
  const system = new ActorSystem({ name: 'a' });
  await system.stop();

  t.throws(() => system.spawn(Counter, 0), { instanceOf: Draining, message: /^a is stopping/ });
});

test('a decorator that lacks its options says how it is written', (t) => {
  const decorate = rpc as (options?: unknown) => unknown;
  const name = actor as (options?: unknown) => unknown;

  t.throws(() => decorate(), { instanceOf: TypeError, message: /without parentheses/ });
  t.throws(() => name(class extends Actor {}), { message: /@actor\(\{ kind: '…' \}\)/ });
});
