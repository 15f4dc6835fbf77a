import test from 'ava';
import {
  Actor,
  type ActorRef,
  ActorSystem,
  actor,
  Cancelled,
  DeadlockError,
  rpc,
} from '@troupe/actor';
import { Caller, type Cell, recipientOf, unpackContext } from '@troupe/actor/internal';
import { virtualEnv } from '@troupe/actor/testing';

/** Calls whom it is told to, after all others in `via`; a way to build any ring. */
class Link extends Actor {
  @rpc async call(via: readonly ActorRef<Link>[], last: 'ping' | 'peek'): Promise<string> {
    await null;
    const [next, ...others] = via;
    if (next === undefined) return 'end';
    return others.length === 0 ? next[last]() : next.call(others, last);
  }
  @rpc({ readonly: true }) async read(other: ActorRef<Link>): Promise<string> {
    await null;
    return other.look();
  }
  @rpc({ readonly: true }) look(): string {
    return 'seen';
  }
  @rpc ping(): string {
    return 'pong';
  }
  @rpc({ interleave: true }) peek(): string {
    return 'peeked';
  }
  /** Waits for `gate` before it calls, so that a test can close a ring of two chains. */
  @rpc async meet(gate: Promise<void>, other: ActorRef<Link>): Promise<string> {
    await gate;
    return other.ping();
  }
}

@actor({ kind: 'room' })
class Room extends Link {}

@actor({ kind: 'session' })
class Session extends Link {}

test('a call that comes back to its own actor fails at once, with the path', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() }); // No time passes.
  const room = system.spawn(Room);
  const session = system.spawn(Session);

  const error = await t.throwsAsync(room.call([session, room], 'ping'), {
    instanceOf: DeadlockError,
  });

  t.like(error, { code: 'ERR_DEADLOCK', executed: 'yes' });
  t.is(error?.message, 'local/room/#1.call → local/session/#2.call → local/room/#1.ping');
});

test('a call to oneself fails at once', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() });
  const room = system.spawn(Room);

  const error = await t.throwsAsync(room.call([room], 'ping'), { instanceOf: DeadlockError });

  t.is(error?.message, 'local/room/#1.call → local/room/#1.ping');
});

test('an interleaving method lets the call in that its own turn waits for', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() });
  const room = system.spawn(Room);

  t.is(await room.call([room], 'peek'), 'peeked');
  t.is(await room.call([system.spawn(Session), room], 'peek'), 'peeked');
});

test('a readonly method may call another of its own actor, though a change waits', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() });
  const room = system.spawn(Room);

  const read = room.read(room);
  const change = room.ping();

  t.is(await read, 'seen');
  t.is(await change, 'pong');
});

test('once a turn is over, its actor can be called by those it called', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() });
  class Starter extends Link {
    @rpc start(other: ActorRef<Link>): void {
      void other
        .call([this.self<Starter>() as object as ActorRef<Link>], 'ping')
        .then((answer) => answers.push(answer));
    }
  }
  const answers: string[] = [];
  const starter = system.spawn(Starter);

  await starter.start(system.spawn(Link));
  await starter.ping();
  await system.stop();

  t.deepEqual(answers, ['pong']);
});

for (const count of [2, 3, 5]) {
  test(`a ring of ${count} chains is found within a second and broken once`, async (t) => {
    const env = virtualEnv();
    const system = new ActorSystem({ env });
    const links = Array.from({ length: count }, () => system.spawn(Link));
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const calls = links.map((link, at) =>
      link.meet(gate, links[(at + 1) % count] as ActorRef<Link>).catch((error: unknown) => error),
    );
    await env.settled();

    open();
    await env.advance(1_000);
    const outcomes = await Promise.all(calls);

    const errors = outcomes.filter((outcome) => outcome instanceof DeadlockError);
    t.is(errors.length, 1);
    t.is(outcomes.filter((outcome) => outcome === 'pong').length, count - 1);
    t.is(errors[0]?.message.split(' → ').length, count + 1);
  });
}

test('two actors that wait long for a third are no ring', async (t) => {
  const env = virtualEnv();
  const system = new ActorSystem({ env });
  const [a, b, c] = [system.spawn(Link), system.spawn(Link), system.spawn(Link)];
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const slow = c.meet(gate, system.spawn(Link));
  const calls = [a.call([c], 'ping'), b.call([a, c], 'ping'), b.call([c], 'ping')];

  await env.advance(5_000);
  open();

  t.deepEqual(await Promise.all([slow, ...calls]), ['pong', 'pong', 'pong', 'pong']);
});

test('a probe asks so many turns and no more, in however many ways they are reached', async (t) => {
  class Fan extends Actor {
    readonly #next: readonly ActorRef<Fan>[];
    constructor(next: readonly ActorRef<Fan>[]) {
      super();
      this.#next = next;
    }
    @rpc async call(): Promise<void> {
      if (this.#next.length === 0) await new Promise(() => {});
      await Promise.all(this.#next.map((fan) => fan.call()));
    }
  }
  const env = virtualEnv();
  const system = new ActorSystem({ env, callTimeoutMs: 60_000 });
  let layer: ActorRef<Fan>[] = [];
  for (let depth = 0; depth < 12; depth += 1) {
    const below = layer;
    layer = [0, 1, 2].map(() => system.spawn(Fan, below));
  }
  const abort = new AbortController();
  const call = system.spawn(Fan, layer).with({ signal: abort.signal }).call();

  const from = performance.now();
  await env.advance(2_000); // To the ground there are 3 ** 12 ways.
  const tookMs = performance.now() - from;

  t.true(tookMs < 5_000, `${tookMs} ms`);
  abort.abort();
  await t.throwsAsync(call, { instanceOf: Cancelled });
});

test('a chain that has been to another node and back is known by its names', async (t) => {
  const system = new ActorSystem({ env: virtualEnv() });
  let error: unknown;
  class Asker extends Link {
    @rpc async ask(): Promise<void> {
      const cell = recipientOf(this.self<Asker>()) as Cell;
      await null;
      const chain = cell.context?.chain() ?? [];
      const away = { address: 'b/session/#1', method: 'deliver', turn: 9 };
      const context = unpackContext({ chain: [...chain, away] });
      error = await cell
        .ask('ping', [], Caller.within(context, {}))
        .catch((caught: unknown) => caught);
    }
  }

  await system.spawn(Asker).ask();

  t.true(error instanceof DeadlockError);
  t.is((error as Error).message, 'local/Asker/#1.ask → b/session/#1.deliver → local/Asker/#1.ping');
});
