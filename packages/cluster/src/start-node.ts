import {
  type ActorClass,
  ActorSystem,
  type ActorSystemOptions,
  type Env,
  processEnv,
} from '@troupe/actor';
import {
  Endpoint,
  type ErrorClass,
  networkTransport,
  type TlsSource,
  type TlsTransport,
  type Transport,
} from '@troupe/remote';
import { Entities } from './entities.ts';
import { heartbeats } from './heartbeats.ts';
import type { Membership } from './membership.ts';
import { Moved } from './moved.ts';
import { Node } from './node.ts';
import { type Placement, rendezvous } from './placement.ts';
import { startServices } from './services.ts';

export interface NodeOptions extends Omit<ActorSystemOptions, 'name'> {
  /** Unique in the cluster: letters, digits, `_`, `.`, `-`. Default: `node-` and eight more. */
  readonly name?: string;
  /**
   * Where other nodes connect to: `host:port`, port 0 for any free one, or `unix:/path` for nodes
   * of the same user on this machine. Default: nowhere.
   */
  readonly listen?: string;
  /** Addresses of nodes to join. Those that do not answer are tried again. Default: none. */
  readonly join?: readonly string[];
  /** Proves that a node belongs to the cluster. To listen beyond loopback takes it, or `tls`. */
  readonly secret?: string;
  /**
   * Certificates, for TLS 1.3 on all connections to a `host:port`: whoever has one of the same
   * authority belongs to the cluster. Pass a `tlsTransport` to renew them while the node runs.
   */
  readonly tls?: TlsSource | TlsTransport;
  /**
   * Classes whose entities may be placed here. Default: those that this node names in `entity`.
   * An empty list makes a client, which calls entities and hosts none.
   */
  readonly actors?: readonly ActorClass[];
  /** Error classes that arrive as themselves when thrown on another node. Default: none. */
  readonly errors?: readonly ErrorClass[];
  /** Who is in the cluster. Default: `heartbeats({ seeds: join })`. */
  readonly membership?: Membership;
  /** Which node an entity lives on. Default: `rendezvous()`. */
  readonly placement?: Placement;
  /** Default: by the form of an address, Unix sockets, TLS or TCP. */
  readonly transport?: Transport;
}

/**
 * Starts a node: by itself, or as one of a cluster.
 * @throws when the options are wrong, the address is taken, or the cluster refuses this node
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const { join = [], placement = rendezvous(), membership = heartbeats({ seeds: join }) } = options;
  const env = options.env ?? processEnv();
  const system = new ActorSystem({ ...options, env, name: nameOf(options, env) });
  const entities = new Entities({ system, membership, placement, hosts: options.actors });
  const endpoint = await openEndpoint(options, { system, membership, entities });
  try {
    const { net, cells } = startServices(system, endpoint, entities);
    entities.connect(endpoint, cells);
    const meta = { kinds: entities.kinds };
    await membership.start({ ...endpoint.identity, state: 'alive', meta }, { env, net });
    entities.open();
  } catch (error) {
    await membership.stop();
    await endpoint.close();
    await system.stop();
    throw error;
  }
  return new Node({ system, endpoint, membership, entities });
}

async function openEndpoint(
  options: NodeOptions,
  parts: {
    readonly system: ActorSystem;
    readonly membership: Membership;
    readonly entities: Entities;
  },
): Promise<Endpoint> {
  const { system, membership, entities } = parts;
  const { listen, secret, errors = [], tls, transport = networkTransport({ tls }) } = options;
  if (tls !== undefined && options.transport !== undefined) {
    throw new TypeError(
      'pass either tls or a transport of your own, which brings its own security',
    );
  }
  return Endpoint.open({
    system,
    transport,
    listen,
    secret,
    incarnation: incarnationOf(system.env),
    errors: [Moved, ...errors],
    router: entities,
    onConnected: ({ identity }) => membership.report({ peer: identity, event: 'ok' }),
    onLost: ({ identity }, wasConnected) => {
      membership.report({ peer: identity, event: wasConnected ? 'reset' : 'refused' });
    },
  });
}

function nameOf(options: NodeOptions, env: Env): string {
  const name = options.name ?? `node-${randomText(env, 8)}`;
  if (/^[\w.-]{1,64}$/.test(name)) return name;
  throw new TypeError(`name must be 1 … 64 letters, digits, '_', '.' or '-', not '${name}'`);
}

/** The time of the start first, so that later incarnations sort after earlier ones. */
function incarnationOf(env: Env): string {
  return `${Math.floor(env.wallTime()).toString(36).padStart(9, '0')}-${randomText(env, 8)}`;
}

function randomText(env: Env, chars: number): string {
  let text = '';
  while (text.length < chars) text += Math.floor(env.random() * 36).toString(36);
  return text;
}
