import type { ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import {
  type Actor,
  type ActorRef,
  ActorSystem,
  type Env,
  type IncomingInterceptor,
  processEnv,
} from '@troupe/actor';
import { recipientOf } from '@troupe/actor/internal';
import { connect, type OutsiderClient, Outsiders } from '@troupe/remote';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
export const env: Env = processEnv({ log: quiet });

export interface Visit<T extends Actor> {
  readonly client: OutsiderClient;
  readonly system: ActorSystem;
  readonly actor: ActorRef<T>;
  readonly door: Outsiders;
}

export interface VisitOptions {
  readonly clientEnv?: Env;
  readonly nodeEnv?: Env;
  readonly edge?: readonly IncomingInterceptor[];
  readonly callTimeoutMs?: number;
}

/**
 * A node's door with one actor behind it, whatever is called, and a client, `ann`, that may do
 * everything but learn a `secret`; others may do no more than ask for a `length`.
 */
export async function visit<T extends Actor>(
  t: ExecutionContext,
  target: new () => T,
  { clientEnv = env, nodeEnv = env, edge = [], callTimeoutMs = 10_000 }: VisitOptions = {},
): Promise<Visit<T>> {
  const system = new ActorSystem({ name: 'a', env: nodeEnv, callTimeoutMs });
  const actor = system.spawn(target);
  const door = await Outsiders.open(
    {
      listen: 'ws://127.0.0.1:0/door',
      authenticate: (token) => ({ name: token }),
      permits: ({ name }, { method }) =>
        method === 'length' || (name === 'ann' && method !== 'secret'),
    },
    {
      system,
      edge,
      router: {
        refer: () => actor,
        entityOf: (to) => (to === recipientOf(actor) ? ['room', 'lobby'] : undefined),
      },
    },
  );
  const client = await connect(door.address, { token: 'ann', WebSocket, env: clientEnv });
  t.teardown(async () => {
    client.close();
    await door.close();
    await system.stop(100);
  });
  return { client, system, actor, door };
}
