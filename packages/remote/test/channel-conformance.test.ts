import test from 'ava';
import {
  Actor,
  type ActorRef,
  channel,
  processEnv,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { type Carrier, cases, type ChannelEnds, type Need } from '@troupe/actor/conformance';
import {
  MemoryNetwork,
  networkTransport,
  ThreadHub,
  type Transport,
  workerTransport,
} from '@troupe/remote';
import { startTestNode } from './nodes.js';

const env = processEnv();

class Home extends Actor {
  @rpc make(capacity: number): {
    readonly sender: Sender<unknown>;
    readonly receiver: Receiver<unknown>;
  } {
    const { sender, receiver } = channel<unknown>(capacity, { env });
    return { sender, receiver };
  }
}

/** Why ends on another node cannot promise it. */
const SKIPPED: Readonly<Record<Need, string>> = {
  exact: 'an end elsewhere has a window of its own beside the buffer',
  instant: 'what one end does takes its time to the other',
  rendezvous: 'a select decides by its own window whether a send can go on',
  identity: 'an element crosses as a copy',
};

/** Over a network in memory. */
function inMemory(): readonly (readonly [listen: string, Transport])[] {
  const network = new MemoryNetwork();
  return ['a', 'b'].map((name) => [`${name}:1`, network.transport(name)]);
}

/** Over the ports between threads of one node, whose ends are all in this one. */
function ofThreads(): readonly (readonly [listen: string, Transport])[] {
  const hub = new ThreadHub();
  const worker = workerTransport(hub.admit('b'), networkTransport());
  return [
    ['thread:/a', hub.transport(networkTransport())],
    ['thread:/b', worker],
  ];
}

/** Two nodes of this process; the channels live on the one and are used on the other. */
async function remote(
  ways: readonly (readonly [listen: string, Transport])[],
): Promise<Carrier & { close(): Promise<void> }> {
  const [a, b] = await Promise.all(
    ways.map(([listen, transport], i) =>
      startTestNode(env, { name: i === 0 ? 'a' : 'b', listen, transport }),
    ),
  );
  if (a === undefined || b === undefined) throw new TypeError('BUG: two nodes');
  b.serve('home', b.system.spawn(Home));
  const home = await a.find<ActorRef<Home>>(b, 'home');
  return {
    make: async <T>(capacity = 0) => (await home.make(capacity)) as ChannelEnds<T>,
    settled: async () => {
      for (let i = 0; i < 4; i += 1) await new Promise<void>((resolve) => env.afterIo(resolve));
    },
    close: async () => {
      await Promise.all([a.endpoint.close(), b.endpoint.close()]);
    },
  };
}

for (const [where, ways] of [
  ['between nodes', inMemory],
  ['between threads', ofThreads],
] as const) {
  const carrier = remote(ways());
  test.after.always(`the nodes of ${where} end`, async () => (await carrier).close());

  for (const { name, needs, run } of cases) {
    const why = needs.map((need) => SKIPPED[need]).join('; ');
    if (why !== '') {
      // The reason is in the title, from the table above.
      test.skip(`${where}: ${name} (skipped: ${why})`, (t) => t.pass());
      continue;
    }
    test.serial(`${where}: ${name}`, async (t) => {
      await t.notThrowsAsync(run(await carrier));
    });
  }
}
