import test from 'ava';
import {
  Actor,
  actor,
  type ActorClass,
  type ActorRef,
  Cancelled,
  DeadlineExceeded,
  rpc,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { testNodes } from './nodes.js';

/** Its first turn lasts until nobody waits for it any more. */
@actor({ kind: 'ledger' })
class Ledger extends Actor {
  runs = 0;
  @rpc({ idempotent: true }) async read(): Promise<number> {
    return this.add();
  }
  @rpc async add(): Promise<number> {
    this.runs += 1;
    const { signal } = this.ctx;
    if (this.runs === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return this.runs;
  }
  @rpc({ idempotent: true }) async note<T>(entry: T): Promise<T> {
    await this.add();
    return entry;
  }
  @rpc({ idempotent: true }) async noteWith(stamp: () => Promise<string>): Promise<string> {
    await this.add();
    return stamp();
  }
  @rpc count(bytes: Uint8Array): number {
    return bytes.length;
  }
  @rpc({ idempotent: true }) fail(): never {
    this.runs += 10;
    throw new RangeError('no such entry');
  }
  /** Lets its caller see how a call of its own fails. */
  @rpc({ idempotent: true }) pass(): never {
    this.runs += 10;
    throw new Unreachable('c/archive/#1', 'its node is gone');
  }
}

async function remoteLedger(knows: readonly ActorClass[]) {
  const nodes = testNodes();
  const a = await nodes.node('a', { knows });
  const b = await nodes.node('b');
  b.serve('ledger', b.system.spawn(Ledger));
  const ledger = await a.find<ActorRef<Ledger>>(b, 'ledger');
  const [toB] = a.endpoint.peers;
  const lose = (): void => toB?.end(new Error('cut for the test'));
  return { ...nodes, a, b, ledger, lose };
}

test('a call that is idempotent is made again when nobody knows whether it ran', async (t) => {
  const { ledger, lose, env } = await remoteLedger([Ledger]);
  const call = ledger.read();
  await env.settled();

  lose();
  await env.advance(100);

  t.is(await call, 2);
});

test('any other call is not, and says that nobody knows', async (t) => {
  const { ledger, lose, env } = await remoteLedger([Ledger]);
  const call = t.throwsAsync(ledger.add(), { instanceOf: SessionLost });
  await env.settled();

  lose();
  await env.advance(100);

  t.is((await call)?.executed, 'unknown');
  t.is(await ledger.add(), 2);
});

test('the caller can say so itself, when the class is not known to its node', async (t) => {
  const { ledger, lose, env } = await remoteLedger([]);
  const call = ledger.with({ idempotent: true }).add();
  await env.settled();

  lose();
  await env.advance(100);

  t.is(await call, 2);
});

test('another attempt sends what the first one did, whatever has become of that since', async (t) => {
  const { ledger, lose, env } = await remoteLedger([Ledger]);
  let reads = 0;
  const entry = {
    text: 'first',
    get reads() {
      return (reads += 1);
    },
  };
  const call = ledger.note(entry);
  await env.settled();

  entry.text = 'second';
  lose();
  await env.advance(100);

  t.deepEqual({ ...(await call) }, { text: 'first', reads: 1 });
});

test('large arguments stay as they were sent though more is sent when they have arrived', async (t) => {
  const { ledger, lose, env } = await remoteLedger([Ledger]);
  const bytes = new Uint8Array(200_000).fill(1);
  const call = ledger.note(bytes);
  await env.settled();
  bytes.fill(2);
  for (let i = 0; i < 3; i += 1) ledger.count(bytes).catch(() => undefined);
  await env.advance(1_000);

  lose();
  await env.advance(100);

  const noted = await call;
  t.deepEqual([noted.length, noted.every((byte) => byte === 1)], [200_000, true]);
});

test('what was lent to the session that is lost is lent again to the next', async (t) => {
  const { ledger, lose, env } = await remoteLedger([Ledger]);
  const call = ledger.noteWith(async () => 'stamped');
  await env.settled();

  lose();
  await env.advance(100);

  t.is(await call, 'stamped');
});

const outcomes = [
  ['an error of the method', 'fail', RangeError],
  ['the failure of a call of its own', 'pass', Unreachable],
] as const;

for (const [what, method, instanceOf] of outcomes) {
  test(`${what} is an outcome, and no reason to call it again`, async (t) => {
    const { ledger, env } = await remoteLedger([Ledger]);

    const call = t.throwsAsync(ledger[method](), { instanceOf });
    await env.advance(1_000);
    await call;

    t.is(await ledger.add(), 11);
  });
}

test('a later attempt that never left does not make it certain that the call did not run', async (t) => {
  const { ledger, lose, env, network } = await remoteLedger([Ledger]);
  const call = t.throwsAsync(ledger.with({ timeoutMs: 500 }).read(), {
    instanceOf: DeadlineExceeded,
  });
  await env.settled();

  network.refuse('a', 'b');
  lose();
  await env.advance(1_000);

  t.is((await call)?.executed, 'unknown');
});

test('an actor whose node was started anew is not waited for', async (t) => {
  const { ledger, env, network, node } = await remoteLedger([Ledger]);
  const call = t.throwsAsync(ledger.read(), { instanceOf: SessionLost });
  await env.settled();

  network.crash('b');
  await env.settled();
  network.restore('b');
  await node('b', { incarnation: 'b-2' });
  await env.advance(2_000);

  t.is((await call)?.executed, 'unknown');
});

test('attempts end when the own node is closed', async (t) => {
  const { a, ledger, env } = await remoteLedger([Ledger]);
  const call = t.throwsAsync(ledger.read(), { instanceOf: SessionLost });
  await env.settled();

  void a.endpoint.close();
  await env.advance(1_000);

  t.is((await call)?.executed, 'unknown');
});

test('attempts end with the deadline of the call', async (t) => {
  const { ledger, lose, env, network } = await remoteLedger([Ledger]);
  network.cut('a', 'b');
  const call = t.throwsAsync(ledger.with({ timeoutMs: 500 }).read(), {
    instanceOf: DeadlineExceeded,
  });

  lose();
  await env.advance(1_000);

  await call;
});

test('attempts end when the call is cancelled', async (t) => {
  const { ledger, lose, env, network } = await remoteLedger([Ledger]);
  const controller = new AbortController();
  network.cut('a', 'b');
  const call = t.throwsAsync(Promise.resolve(ledger.with({ signal: controller.signal }).read()), {
    instanceOf: Cancelled,
  });
  lose();
  await env.advance(300);

  controller.abort();
  await env.settled();

  await call;
});
