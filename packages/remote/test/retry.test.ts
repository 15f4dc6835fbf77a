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
  @rpc({ idempotent: true }) fail(): never {
    this.runs += 10;
    throw new RangeError('no such entry');
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

test('an error of the method is an outcome, and no reason to call it again', async (t) => {
  const { ledger } = await remoteLedger([Ledger]);

  await t.throwsAsync(ledger.fail(), { instanceOf: RangeError });

  t.is(await ledger.add(), 11);
});

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
