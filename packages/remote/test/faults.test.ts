import test, { type ExecutionContext } from 'ava';
import {
  Actor,
  actor,
  type ActorRef,
  channel,
  type Env,
  processEnv,
  rpc,
  type Sender,
} from '@troupe/actor';
import { xorshift } from '@troupe/actor/internal';
import { tcpTransport } from '@troupe/remote';
import { startTestNode, type TestNodeOptions } from './nodes.js';
import { Proxy } from './proxy.js';

@actor({ kind: 'witness', mailboxCapacity: 100_000 })
class Witness extends Actor {
  readonly #env: Env;
  readonly #told: number[] = [];
  readonly #channelled: number[] = [];
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc add(entry: number, _padding?: Uint8Array): number {
    return this.#told.push(entry);
  }
  @rpc lines(): Sender<number> {
    const lines = channel<number>(16, { env: this.#env });
    void (async () => {
      for await (const line of lines) this.#channelled.push(line);
    })();
    return lines.sender;
  }
  @rpc told(): readonly number[] {
    return this.#told;
  }
  @rpc channelled(): readonly number[] {
    return this.#channelled;
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** Two nodes over real TCP with a proxy between them, and on one a witness of the other. */
async function overProxy(seed: number, options: TestNodeOptions = {}) {
  const env = processEnv({ log: quiet, seed });
  const proxy = await Proxy.open(env);
  const life = { pingAfterMs: 50, lostAfterMs: 250, resumeWindowMs: 20_000, ...options };
  const a = await startTestNode(env, { name: 'a', transport: proxy.transport(), ...life });
  const b = await startTestNode(env, {
    name: 'b',
    transport: tcpTransport(),
    listen: '127.0.0.1:0',
    ...life,
  });
  b.serve('witness', b.system.spawn(Witness, env));
  const witness = await a.find<ActorRef<Witness>>(b, 'witness');
  return {
    proxy,
    witness,
    async [Symbol.asyncDispose]() {
      await a.endpoint.close();
      await proxy[Symbol.asyncDispose]();
      await b.endpoint.close();
    },
  };
}

/** Calls, tells, large ones among them, and a channel, while `disturb` does its worst. */
async function withstands(
  t: ExecutionContext,
  setup: { readonly seed: number; readonly messages: number },
  disturb: (proxy: Proxy, random: () => number) => void,
): Promise<void> {
  t.timeout(60_000);
  await using nodes = await overProxy(setup.seed);
  const { proxy, witness } = nodes;
  const random = xorshift(setup.seed);
  const patient = witness.with({ timeoutMs: 55_000 });
  const lines = await witness.lines();
  const calls: Promise<number>[] = [];
  for (let i = 0; i < setup.messages; i += 1) {
    const padding = random() < 0.05 ? new Uint8Array(random() * 200_000) : undefined;
    if (random() < 0.5) witness.tell.add(i, padding);
    else calls.push(patient.add(i, padding));
    await lines.send(i);
    if (random() < 0.1) await new Promise((resolve) => setImmediate(resolve));
    if (i % 25 === 0) disturb(proxy, random);
  }
  await lines.send(-1, { ack: true });
  await Promise.all(calls);

  const expected = Array.from({ length: setup.messages }, (_, i) => i);
  t.deepEqual(await patient.told(), expected);
  t.deepEqual((await patient.channelled()).slice(0, setup.messages), expected);
}

for (const seed of [1, 2, 3]) {
  test.serial(`cut connections lose, double and reorder nothing: ${seed}`, async (t) => {
    let connections = 0;
    await withstands(t, { seed, messages: 1_000 }, (proxy, random) => {
      connections = proxy.connections;
      proxy.weather = { delayMs: 5 }; // So that much is under way, and comes late, when it is cut.
      if (random() < 0.4) proxy.cut();
    });

    t.true(connections > 3, `${connections} connections`);
  });

  test.serial(
    `flipped bits are noticed, and what they garbled is sent again: ${seed}`,
    async (t) => {
      let connections = 0;
      await withstands(t, { seed, messages: 1_000 }, (proxy) => {
        connections = proxy.connections;
        proxy.weather = { bytesPerFlip: 100_000 };
      });

      t.true(connections > 3, `${connections} connections`);
    },
  );
}

test.serial('a connection that passes nothing any more is found out and replaced', async (t) => {
  await withstands(t, { seed: 4, messages: 300 }, (proxy, random) => {
    if (random() < 0.2) proxy.stall();
  });
});

test.serial('delays reorder nothing', async (t) => {
  await withstands(t, { seed: 5, messages: 500 }, (proxy) => {
    proxy.weather = { delayMs: 30 };
  });
});

test.serial('while a peer refuses connections everything waits, and then goes on', async (t) => {
  await withstands(t, { seed: 6, messages: 500 }, (proxy, random) => {
    proxy.refuse(random() < 0.5);
    if (random() < 0.3) proxy.cut();
  });
});

test.serial('on a slow way small calls do not wait behind large ones', async (t) => {
  await using nodes = await overProxy(7, { lostAfterMs: 5_000 });
  const { proxy, witness } = nodes;
  proxy.weather = { bytesPerSecond: 8_000_000 };
  const large = Array.from({ length: 8 }, () =>
    witness.with({ timeoutMs: 55_000 }).add(0, new Uint8Array(1_000_000)),
  );

  const waits: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const before = performance.now();
    await witness.add(i);
    waits.push(performance.now() - before);
  }
  const isDone = await Promise.race([Promise.all(large).then(() => true), false]);

  t.false(isDone, 'the large ones were faster than twenty small ones');
  await Promise.all(large);
});
