import test from 'ava';
import {
  Actor,
  type ActorRef,
  channel,
  type Env,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import { type Carrier, cases, type Need } from '@troupe/actor/conformance';
import { testNodes } from './nodes.js';

/** What two nodes cannot promise, and why. */
const MISSING: Readonly<Record<Need, string>> = {
  exact: 'an end has a window of its own beside the buffer at home',
  instant: 'an element is under way for a while',
  rendezvous: 'an element leaves for its home before anybody is known to receive it',
  identity: 'an element arrives as a copy',
};

interface Ends {
  readonly sender: Sender<unknown>;
  readonly receiver: Receiver<unknown>;
}

class Home extends Actor {
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc make(capacity: number): Ends {
    const { sender, receiver } = channel<unknown>(capacity, { env: this.#env });
    return { sender, receiver };
  }
}

/** Channels that live on node b, and both of whose ends are used on node a. */
async function remoteCarrier() {
  const { env, node } = testNodes();
  const a = await node('a');
  const b = await node('b');
  b.serve('home', b.system.spawn(Home, b.system.env));
  const home = await a.find<ActorRef<Home>>(b, 'home');
  const carrier: Carrier = {
    make: async <T>(capacity = 0) =>
      (await home.make(capacity)) as object as { sender: Sender<T>; receiver: Receiver<T> },
    settled: () => env.settled(),
  };
  return { carrier, env };
}

for (const { name, needs, run } of cases) {
  const [missing] = needs;
  if (missing !== undefined) {
    // The reason is in the title.
    test.skip(`${name} (${MISSING[missing]})`, () => undefined);
    continue;
  }
  test.serial(name, async (t) => {
    const { carrier, env } = await remoteCarrier();
    const state = { isOver: false };
    const running = run(carrier).finally(() => (state.isOver = true));

    while (!state.isOver) await env.advance(1);

    await t.notThrowsAsync(running);
  });
}
