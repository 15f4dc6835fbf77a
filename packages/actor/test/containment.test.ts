import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorDown,
  ActorSystem,
  actor,
  allForOne,
  BadArguments,
  BadOption,
  type Failure,
  oneForOne,
  rpc,
  type Schema,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

// Whatever goes wrong in values, hooks and callbacks of the user's stays with whoever is to blame:
// the other actors of the system go on.

class Echo extends Actor {
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc trap(name: string): unknown {
    return throwing(name);
  }
  @rpc fail(): never {
    throw new Error('broken');
  }
}

function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

function throwing(name: string): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      throw new Error('no such field');
    },
  });
}

type Trapped = (echo: ActorRef<Echo>) => Promise<unknown>;
const trapped: readonly [what: string, call: Trapped][] = [
  ['an argument', (echo) => echo.echo(throwing('field'))],
  ['a result', (echo) => echo.trap('field')],
  ['a result that looks like a promise', (echo) => echo.trap('then')],
];
for (const [what, call] of trapped) {
  test(`${what} with a getter that throws fails its call, and nothing else`, async (t) => {
    await using system = new ActorSystem();
    const [echo, other] = [system.spawn(Echo), system.spawn(Echo)];

    const failed = t.throwsAsync(call(echo), { message: 'no such field' });
    const calls = Promise.all([echo.echo(1), other.echo(2)]);

    await failed;
    t.deepEqual(await calls, [1, 2]);
  });
}

test('onFailure and onDeadLetter that throw are logged, and the system goes on', async (t) => {
  const env = virtualEnv();
  const fail = (): never => {
    throw new Error('hook');
  };
  await using system = new ActorSystem({ env, onFailure: fail, onDeadLetter: fail });
  const [echo, other] = [system.spawn(Echo), system.spawn(Echo)];

  echo.tell.fail();
  t.is(await echo.echo(1), 1);
  const refused = t.throwsAsync(echo.echo(2), { instanceOf: ActorDown });
  await system.stopActor(echo);

  await refused;
  t.is(await other.echo(3), 3);
  t.deepEqual(
    env.logged.map(({ fields }) => fields['hook']),
    ['onFailure', 'onDeadLetter'],
  );
});

test.serial('a log that throws is told of once, and the system goes on', async (t) => {
  const fail = (): never => {
    throw new Error('disk full');
  };
  const log = { debug: fail, info: fail, warn: fail, error: fail };
  const written: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (text: unknown) => written.push(String(text)) > 0;
  t.teardown(() => (process.stderr.write = write));
  await using system = new ActorSystem({ env: { ...virtualEnv(), log }, onFailure: fail });
  const [echo, other] = [system.spawn(Echo), system.spawn(Echo)];
  system.monitor(echo, fail);

  echo.tell.fail();
  await echo.echo(1);
  await system.stopActor(echo);
  echo.tell.echo(2);

  t.is(await other.echo(3), 3);
  t.is(written.filter((text) => text.includes('the log failed at')).length, 1);
});

test('a monitor whose callback throws keeps no other from being told', async (t) => {
  const failures: Failure[] = [];
  await using system = new ActorSystem({ onFailure: (failure) => failures.push(failure) });
  const echo = system.spawn(Echo);
  const told: string[] = [];
  system.monitor(echo, () => {
    throw new Error('told');
  });
  system.monitor(echo, ({ address }) => told.push(address));

  await system.stopActor(echo);

  t.deepEqual(told, ['local/Echo/#1']);
  t.like(failures, [{ address: 'local/Echo/#1', method: 'onDown' }]);
});

function schemaOf(validate: Schema['~standard']['validate']): Schema {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

class Guarded extends Actor {
  @rpc({ args: [schemaOf(() => fault())] }) sync(value: unknown): unknown {
    return value;
  }
  @rpc({ args: [schemaOf(async () => fault())] }) async(value: unknown): unknown {
    return value;
  }
}

function fault(): never {
  throw new RangeError('schema fault');
}

test('a schema that throws refuses the call; one that rejects does not end the process', async (t) => {
  await using system = new ActorSystem();
  const guarded = system.spawn(Guarded);

  await t.throwsAsync(guarded.sync(1), { instanceOf: BadArguments, message: /schema fault/ });
  await t.throwsAsync(guarded.async(1), { instanceOf: BadArguments, message: /asynchronous/ });
});

test("a reference's interceptor that throws rejects the call", async (t) => {
  await using system = new ActorSystem();
  const echo = system.spawn(Echo).with({
    intercept: () => {
      throw new Error('intercepted');
    },
  });

  const call = echo.echo(1);

  await t.throwsAsync(call, { message: 'intercepted' });
});

class Leaver extends Actor {
  @rpc leave(): void {
    this.stop();
    this.stash();
  }
}

test('what is stashed while its actor stops is refused like all that waits', async (t) => {
  await using system = new ActorSystem({ onDeadLetter: () => undefined });
  const [called, told] = [system.spawn(Leaver), system.spawn(Leaver)];

  told.tell.leave();
  await t.throwsAsync(called.leave(), { instanceOf: ActorDown });

  t.deepEqual([...system.undelivered], [['ERR_ACTOR_DOWN', 2]]);
});

class Idler extends Actor {
  #idle = 0;
  #end: (() => void) | undefined;
  @rpc watch(timeoutMs: number): void {
    this.#end = this.receiveTimeout(timeoutMs, () => (this.#idle += 1));
  }
  @rpc work(until: Promise<void>): Promise<void> {
    return until;
  }
  @rpc async workAndEnd(until: Promise<void>): Promise<void> {
    await until;
    this.#end?.();
  }
  @rpc idle(): number {
    return this.#idle;
  }
}

const idlers: readonly [method: 'work' | 'workAndEnd', idle: number, title: string][] = [
  ['work', 1, 'of the receive timeouts of a long turn one is kept'],
  ['workAndEnd', 0, 'a receive timeout that has been ended does not run, though it was due'],
];
for (const [method, idle, title] of idlers) {
  test(title, async (t) => {
    const env = virtualEnv();
    const system = new ActorSystem({ env, callTimeoutMs: 60_000 });
    const idler = system.spawn(Idler);
    const { promise, open } = gate();
    await idler.watch(10);

    const work = idler[method](promise);
    await env.advance(10_000);
    open();
    await work;
    await env.settled();

    t.is(await idler.idle(), idle);
  });
}

for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31]) {
  test(`a receive timeout of ${timeoutMs} ms is refused`, async (t) => {
    await using system = new ActorSystem();

    const watch = system.spawn(Idler).watch(timeoutMs);

    await t.throwsAsync(watch, { instanceOf: BadOption, message: /^timeoutMs is / });
  });
}

class Worker extends Actor {
  @rpc waitForEnd(): Promise<never> {
    const { signal } = this.ctx;
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    );
  }
  @rpc async failAfter(until: Promise<void>): Promise<never> {
    await until;
    throw new Error('broken');
  }
  @rpc ping(): string {
    return 'pong';
  }
}

@actor({ kind: 'crew', supervision: allForOne({ restarts: 1 }) })
class Crew extends Actor {
  @rpc hire(): ActorRef<Worker>[] {
    return [this.spawn(Worker), this.spawn(Worker)];
  }
}

test('a turn that a restart has aborted is no further failure', async (t) => {
  const env = virtualEnv();
  const directives: (string | undefined)[] = [];
  const system = new ActorSystem({ env, onFailure: (f) => directives.push(f.directive) });
  const [first, second] = await system.spawn(Crew).hire();

  second?.tell.waitForEnd();
  first?.tell.failAfter(Promise.resolve());
  await env.settled();

  t.deepEqual(directives, ['restart', undefined]);
  t.deepEqual(await Promise.all([first?.ping(), second?.ping()]), ['pong', 'pong']);
});

class Watcher extends Actor {
  constructor(readonly seen: string[]) {
    super();
  }
  @rpc watch(ref: ActorRef<Worker>): void {
    this.monitor(ref, () => this.seen.push('down'));
    this.after(10, () => this.seen.push('after'));
  }
  @rpc async failAfter(until: Promise<void>): Promise<never> {
    await until;
    throw new Error('broken');
  }
}

test('notices that wait when an instance is replaced are not told to the next one', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env, supervision: oneForOne(), onFailure: () => undefined });
  const seen: string[] = [];
  const [watcher, worker] = [system.spawn(Watcher, seen), system.spawn(Worker)];
  const { promise, open } = gate();
  await watcher.watch(worker);
  watcher.tell.failAfter(promise);
  await env.settled();

  await system.stopActor(worker);
  await env.advance(10);
  open();
  await env.settled();

  t.deepEqual(seen, []);
});
