import test from 'ava';
import { ActorSystem, RemoteError } from '@troupe/actor';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { gossip, rendezvous, startNode } from '@troupe/cluster';
import { type Connection, Endpoint, MemoryNetwork, type Transport } from '@troupe/remote';
import { Entities } from '../dist/entities.js';
import { Groups } from '../dist/groups.js';
import type { MembershipNet } from '../dist/membership.js';
import { startServices } from '../dist/services.js';

const TIMEOUT_MS = 5_000;
const EXCHANGE_HELLO = '"purpose":"exchange"';

/** Nodes that do nothing but exchange, and what each of them has dialled. */
class World {
  readonly env: VirtualEnv = virtualEnv();
  readonly network: MemoryNetwork = new MemoryNetwork();
  /** `a → b:1`, for exchanges. */
  readonly dialled: string[] = [];

  async node(name: string, options: { versions?: [number, number]; listen?: string } = {}) {
    const system = new ActorSystem({ name, env: this.env });
    const membership = gossip();
    const entities = new Entities({ system, membership, placement: rendezvous(), hosts: [] });
    const endpoint = await Endpoint.open({
      system,
      transport: this.#watched(name),
      listen: `${name}:1`,
      incarnation: `${name}-1`,
      router: entities,
      ...options,
    });
    const groups = new Groups({}, undefined, { system, endpoint, membership });
    const { net, cells } = startServices(system, endpoint, { entities, groups });
    entities.connect(endpoint, cells);
    net.onExchange((payload) => [name, payload]);
    return { net, endpoint, system };
  }

  #watched(name: string): Transport {
    const transport = this.network.transport(name);
    return {
      ...transport,
      dial: async (address, options) => {
        const connection = await transport.dial(address, options);
        return this.#watchedConnection(connection, () => this.dialled.push(`${name} → ${address}`));
      },
    };
  }

  #watchedConnection(connection: Connection, wants: () => void): Connection {
    const write = connection.write.bind(connection);
    connection.write = (bytes) => {
      if (Buffer.from(bytes).includes(EXCHANGE_HELLO)) wants();
      return write(bytes);
    };
    return connection;
  }
}

function ask(net: MembershipNet, to: string, payload: unknown): Promise<unknown> {
  return net.exchange(to, payload, TIMEOUT_MS);
}

test('exchanges of two nodes have a connection of their own, which they share', async (t) => {
  const world = new World();
  const a = await world.node('a');
  await world.node('b');

  t.deepEqual(await ask(a.net, 'b:1', 1), ['b', 1]);
  t.deepEqual(await ask(a.net, 'b:1', 2), ['b', 2]);

  t.deepEqual(world.dialled, ['a → b:1']);
});

test('an exchange does not wait for a session that carries nothing, in either direction', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const b = await world.node('b');
  const peer = await a.endpoint.connect('b:1');
  world.network.freeze('a', 'b');

  t.deepEqual(await ask(a.net, 'b:1', 1), ['b', 1]);
  t.deepEqual(await ask(b.net, 'a:1', 2), ['a', 2]);

  t.true(peer.isConnected);
  t.deepEqual(world.dialled, ['a → b:1', 'b → a:1']);
});

for (const [ours, theirs] of [
  [2, 3],
  [3, 2],
] as const) {
  test(`version ${ours} exchanges with version ${theirs} over the session`, async (t) => {
    const world = new World();
    const a = await world.node('a', { versions: [1, ours] });
    const b = await world.node('b', { versions: [1, theirs] });

    t.deepEqual(await ask(a.net, 'b:1', 1), ['b', 1]);
    t.deepEqual(await ask(b.net, 'a:1', 2), ['a', 2]);

    t.deepEqual(world.dialled, []);
    t.deepEqual(world.env.logged, []);
  });
}

test('a node that cannot be dialled is asked over the session that it has made', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const b = await world.node('b');
  await b.endpoint.connect('a:1');
  world.network.refuse('a', 'b');

  t.deepEqual(await ask(a.net, 'b:1', 1), ['b', 1]);

  world.network.heal('a', 'b');
  t.deepEqual(await ask(a.net, 'b:1', 2), ['b', 2]);
  t.deepEqual(world.dialled, []);
  await world.env.advance(30_000);
  t.deepEqual(await ask(a.net, 'b:1', 3), ['b', 3]);
  t.deepEqual(world.dialled, ['a → b:1']);
});

test('an exchange that is refused there is told, and not asked again over the session', async (t) => {
  const world = new World();
  const a = await world.node('a');
  const b = await world.node('b');
  let asked = 0;
  b.net.onExchange(() => {
    asked += 1;
    throw new TypeError('no');
  });

  const error = await t.throwsAsync(ask(a.net, 'b:1', 1), { instanceOf: RemoteError });

  t.is(error?.executed, 'yes');
  t.is(asked, 1);
});

test('a whole node that stops leaves no timer, exchanges or not', async (t) => {
  const env = virtualEnv();
  const network = new MemoryNetwork();
  const start = (name: string) =>
    startNode({
      name,
      env,
      listen: `${name}:1`,
      join: name === 'a' ? [] : ['a:1'],
      transport: network.transport(name),
    });
  const a = await start('a');
  const b = await start('b');
  await env.advance(1_000);

  for (const node of [b, a]) {
    const stopped = node.stop();
    await env.advance(20_000);
    await stopped;
  }

  t.is(env.timers, 0);
});
