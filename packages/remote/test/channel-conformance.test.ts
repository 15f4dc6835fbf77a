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
import { MemoryNetwork } from '@troupe/remote';
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

/** Two nodes of this process; the channels live on the one and are used on the other. */
async function remote(): Promise<Carrier & { close(): Promise<void> }> {
  const network = new MemoryNetwork();
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) =>
      startTestNode(env, { name, listen: `${name}:1`, transport: network.transport(name) }),
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

const carrier = remote();
test.after.always(async () => (await carrier).close());

for (const { name, needs, run } of cases) {
  const why = needs.map((need) => SKIPPED[need]).join('; ');
  if (why !== '') {
    // The reason is in the title, from the table above.
    test.skip(`between nodes: ${name} (skipped: ${why})`, (t) => t.pass());
    continue;
  }
  test.serial(`between nodes: ${name}`, async (t) => {
    await t.notThrowsAsync(run(await carrier));
  });
}
