import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  actor,
  type IncomingInterceptor,
  type OutgoingCall,
  Overloaded,
  oneForOne,
  rpc,
} from '@troupe/actor';
import { virtualEnv } from '@troupe/actor/testing';

/** A door that can be opened when it is closed, and the other way round. */
class Door extends Actor {
  #knocks = 0;
  @rpc open(): string {
    this.become<Door>({ open: () => 'open already', knock: () => 'come in' });
    return 'opened';
  }
  @rpc close(): string {
    this.become<Door>();
    return 'closed';
  }
  @rpc knock(): string {
    return `knocked ${(this.#knocks += 1)} times`;
  }
}

test('become replaces some methods from the next message on, and puts them back', async (t) => {
  await using system = new ActorSystem();
  const door = system.spawn(Door);

  t.is(await door.knock(), 'knocked 1 times');
  t.is(await door.open(), 'opened');
  t.is(await door.open(), 'open already');
  t.is(await door.knock(), 'come in');
  t.is(await door.close(), 'closed');
  t.is(await door.knock(), 'knocked 2 times');
});

/** Serves only once it is connected. */
class Session extends Actor {
  #isConnected = false;
  @rpc connect(): void {
    this.#isConnected = true;
    this.unstashAll();
  }
  @rpc send(text: string): string {
    if (!this.#isConnected) this.stash();
    return text;
  }
}

test('what was stashed is taken up before what waits, in its order', async (t) => {
  await using system = new ActorSystem();
  const session = system.spawn(Session);
  const order: string[] = [];
  const send = async (text: string): Promise<void> => void order.push(await session.send(text));

  const sends = [send('first'), send('second')];
  await session.connect();
  await Promise.all([...sends, send('third')]);

  t.deepEqual(order, ['first', 'second', 'third']);
});

/** Its readers run beside each other, so that after an `await` nobody knows whose turn it is. */
class Gallery extends Actor {
  #isOpen = false;
  @rpc({ readonly: true }) async see(picture: string): Promise<string> {
    await Promise.resolve();
    if (!this.#isOpen) this.stash();
    return picture;
  }
  @rpc open(): void {
    this.#isOpen = true;
    this.unstashAll();
  }
}

test('methods that run beside each other can stash after an await', async (t) => {
  await using system = new ActorSystem();
  const gallery = system.spawn(Gallery);

  const seen = Promise.all([gallery.see('a'), gallery.see('b')]);
  await gallery.open();

  t.deepEqual(await seen, ['a', 'b']);
});

test('a stashed call still has its deadline', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const session = system.spawn(Session);

  const late = t.throwsAsync(session.with({ timeoutMs: 100 }).send('never'));
  await env.advance(200);

  t.like(await late, { code: 'ERR_DEADLINE_EXCEEDED', executed: 'no' });
});

test('no more than 1,024 messages can be stashed', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const session = system.spawn(Session);
  const sends = Array.from({ length: 1_024 }, (_, at) => session.send(String(at)));
  await env.settled();

  const error = await t.throwsAsync(session.send('too many'), { instanceOf: Overloaded });

  t.like(error, { bound: 'stash', limit: 1_024, executed: 'no' });
  await session.connect();
  t.is((await Promise.all(sends)).length, 1_024);
});

test('after and every run as turns, and end with the actor', async (t) => {
  const ran: string[] = [];
  class Clock extends Actor {
    override started(): void {
      this.after(250, () => ran.push('after'));
      this.every(100, () => ran.push('every'));
      this.after(50, () => ran.push('never'))();
    }
    @rpc ping(): void {}
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const clock = system.spawn(Clock);

  await env.advance(350);
  t.deepEqual(ran, ['every', 'every', 'after', 'every']);
  await system.stopActor(clock);
  await env.advance(1_000);

  t.is(ran.length, 4);
  t.is(env.timers, 0);
});

test('a timer of an instance that was restarted is forgotten', async (t) => {
  let ran = 0;
  class Clock extends Actor {
    override started(): void {
      this.every(100, () => (ran += 1));
    }
    @rpc fail(): never {
      throw new Error('broken');
    }
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env, supervision: oneForOne(), onFailure: () => undefined });
  const clock = system.spawn(Clock);

  clock.tell.fail();
  await env.advance(1_000);

  t.is(ran, 10);
});

test('receiveTimeout runs when no message has come for so long, until it is ended', async (t) => {
  let quiet = 0;
  class Idler extends Actor {
    #end: (() => void) | undefined;
    override started(): void {
      this.#end = this.receiveTimeout(1_000, () => (quiet += 1));
    }
    @rpc ping(): void {}
    @rpc end(): void {
      this.#end?.();
    }
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const idler = system.spawn(Idler);

  await env.advance(900);
  await idler.ping();
  await env.advance(900);
  t.is(quiet, 0);
  await env.advance(200);
  t.is(quiet, 1);
  await idler.end();
  await env.advance(5_000);

  t.is(quiet, 1);
});

test('interceptors run around methods, those of the system outermost', async (t) => {
  const seen: string[] = [];
  const noting =
    (name: string): IncomingInterceptor =>
    async (call, next) => {
      seen.push(`${name}: ${call.method}(${call.args.join()}) for ${call.values['user']}`);
      return `${name}(${String(await next())})`;
    };
  @actor({ kind: 'echo', interceptors: [noting('class')] })
  class Echo extends Actor {
    @rpc echo(text: string): string {
      return text;
    }
  }
  await using system = new ActorSystem({ interceptors: [noting('system')] });

  const answer = await system
    .spawn(Echo)
    .with({ values: { user: 'ann' } })
    .echo('hi');

  t.is(answer, 'system(class(hi))');
  t.deepEqual(seen, ['system: echo(hi) for ann', 'class: echo(hi) for ann']);
});

test('an interceptor may refuse: what it throws is the error of the call', async (t) => {
  @actor({
    kind: 'guarded',
    interceptors: [
      () => {
        throw new RangeError('not for you');
      },
    ],
  })
  class Guarded extends Actor {
    @rpc enter(): string {
      return 'in';
    }
  }
  await using system = new ActorSystem();

  await t.throwsAsync(system.spawn(Guarded).enter(), { message: 'not for you' });
});

test('an interceptor of a reference sees its calls, may add options and may try again', async (t) => {
  const calls: OutgoingCall[] = [];
  class Flaky extends Actor {
    #tries = 0;
    @rpc work(): string {
      this.#tries += 1;
      if (this.#tries === 1) throw new Error('busy');
      return `${this.ctx.values['try']}`;
    }
  }
  await using system = new ActorSystem();
  const flaky: ActorRef<Flaky> = system.spawn(Flaky);
  const patient = flaky.with({
    intercept: (call, next) => {
      calls.push(call);
      return next().catch(() => next({ values: { try: 'again' } }));
    },
  });

  t.is(await patient.work(), 'again');
  t.like(calls, [{ to: 'local/Flaky/#1', method: 'work', args: [] }]);
});
