import {
  type ActorClass,
  ActorSystem,
  type ActorSystemOptions,
  BadOption,
  type Env,
  type IncomingInterceptor,
  processEnv,
} from '@troupe/actor';
import { ChangeRefused, NotLeader } from '@troupe/consensus';
import {
  advertisedTransport,
  checkOutsiders,
  Endpoint,
  type ErrorClass,
  networkTransport,
  type OutsiderOptions,
  Outsiders,
  type PeerLimits,
  refuseWeakSecret,
  type Secret,
  ThreadHub,
  type TlsSource,
  type TlsTransport,
  tlsTransport,
  type Transport,
} from '@troupe/remote';
import { loadActors } from './actor-modules.ts';
import { startConsensusThread } from './consensus-thread.ts';
import { Entities } from './entities.ts';
import { gossip } from './gossip.ts';
import type { ConsensusOptions } from './consensus-options.ts';
import { Groups, openStoreOf } from './groups.ts';
import { NODE_NAME } from './member.ts';
import type { Membership } from './membership.ts';
import { Moved } from './moved.ts';
import { checkChannels, type NamedChannels } from './named-channel.ts';
import { Node } from './node.ts';
import { type Placement, rendezvous } from './placement.ts';
import type { SeedProvider } from './seeds.ts';
import { startServices } from './services.ts';
import { planWorkers, workerAddress, type WorkerOptions, type WorkerPlan } from './worker-plan.ts';
import { Workers } from './workers.ts';

/** Where the threads of a node find it when it listens nowhere else. */
const THREADS_ONLY = 'thread:/main';
/** What stands for a secret where no stranger can get, as on one machine. */
const OPEN = 'open to this machine';

export interface NodeOptions extends Omit<ActorSystemOptions, 'name'> {
  /** Unique in the cluster: letters, digits, `_`, `.`, `-`. Default: `node-` and eight more. */
  readonly name?: string;
  /**
   * Where other nodes connect to: `host:port`, port 0 for any free one, or `unix:/path` for nodes
   * of the same user on this machine. All addresses of the machine, as `0.0.0.0:7001`, only with
   * `advertise`, since nobody can connect to all of them. Default: nowhere.
   */
  readonly listen?: string;
  /**
   * Where others connect to, when that is not where this node listens: behind a port that a router
   * or a container maps, or listening on all addresses, as `0.0.0.0:7001` does. Port 0 stands for
   * the one that it listens on; workers have ports of their own. Default: `listen`.
   */
  readonly advertise?: string;
  /**
   * Addresses of nodes to join, or what finds them, such as `dnsSeeds`. Those that do not answer
   * are tried again. A `membership` that has `seeds` of its own asks those instead. Default: none.
   */
  readonly join?: readonly string[] | SeedProvider;
  /** What the node is for, as other nodes see it among its `meta`. Default: nothing special. */
  readonly roles?: readonly string[];
  /**
   * Proves that a node belongs to the cluster; at least 16 bytes, the same on all nodes, such as
   * `crypto.randomBytes(24).toString('base64url')`. To listen beyond loopback takes it, or `tls`.
   * Of a list of up to eight it proves the first, and lets in who proves any, so that a secret is
   * changed by restarting one node after the other (see `docs/secrets.md`).
   */
  readonly secret?: Secret;
  /**
   * Certificates, for TLS 1.3 on all connections to a `host:port`: whoever has one of the same
   * authority belongs to the cluster. Pass a `tlsTransport` to renew them while the node runs.
   */
  readonly tls?: TlsSource | TlsTransport;
  /**
   * Classes that this node hosts: entities of theirs may be placed here, and other nodes may spawn
   * them here. The URL of a module stands for all that it exports, error classes included.
   * Default: those that this node names in `entity`. An empty list makes a client, which calls
   * entities and hosts none.
   */
  readonly actors?: readonly (ActorClass | URL)[];
  /**
   * What this node knows of named channels: `{ audit: { capacity: 256, schema } }`. It holds for
   * those that are placed on this node, so that all nodes that host anything should know the same;
   * workers learn it by `setup`. Default: `node.channel` makes them as they are asked for.
   */
  readonly channels?: NamedChannels;
  /**
   * Worker threads, each with a node of its own, which is a member of the cluster like any other:
   * named after this one, `a-w1`, `a-w2` and so on. Default: none.
   */
  readonly workers?: number | WorkerOptions;
  /**
   * A directory for what this node must not forget, which is its own: the groups that it takes part
   * in by `replicated` and `consensus`. Default: in memory, for a node by itself.
   */
  readonly data?: string;
  /** How those groups are run. */
  readonly consensus?: ConsensusOptions;
  /**
   * Lets in clients that are no members, such as pages in browsers. Who they are and what they may
   * do, `authenticate` and `permits`, has no default. Default: no door.
   */
  readonly outsiders?: OutsiderOptions;
  /** What one other node may have going on this one. Default: `DEFAULT_PEER_LIMITS`. */
  readonly limits?: Partial<PeerLimits>;
  /**
   * Run around each message that comes from another node or a client, before it is queued, the
   * first outermost; `interceptors` run around the methods themselves. Default: none.
   */
  readonly edgeInterceptors?: readonly IncomingInterceptor[];
  /** Error classes that arrive as themselves when thrown on another node. Default: none. */
  readonly errors?: readonly ErrorClass[];
  /** Who is in the cluster. Default: `gossip()`. */
  readonly membership?: Membership;
  /** Which node an entity lives on. Default: `rendezvous()`. */
  readonly placement?: Placement;
  /** Default: by the form of an address, Unix sockets, TLS or TCP. */
  readonly transport?: Transport;
}

/**
 * Starts a node: by itself, or as one of a cluster.
 * @throws {BadOption} for an option that makes no sense, and nothing has been started
 * @throws when the address is taken, or the cluster refuses this node
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const { join = [], roles, placement = rendezvous(), membership = gossip() } = options;
  refuseWeakSecret(options.secret);
  if (options.outsiders !== undefined) checkOutsiders(options.outsiders);
  checkChannels(options.channels);
  const plan = planWorkers(options);
  const classes = await loadActors(options.actors ?? []);
  const env = options.env ?? processEnv();
  const system = new ActorSystem({ ...options, env, name: nameOf(options, env) });
  const hosts = options.actors === undefined ? undefined : classes.actors;
  const { channels } = options;
  const entities = new Entities({ system, membership, placement, hosts, channels });
  const ways = waysOf(options, plan);
  // Errors of the workers' modules are to arrive here as themselves, whoever hosts the actors.
  const { errors: thrown } = await loadActors((plan?.modules ?? []).map((href) => new URL(href)));
  const errors = [...new Set([...(options.errors ?? []), ...classes.errors, ...thrown])];
  const store = await openStoreOf(options, env);
  const endpoint = await openEndpoint({ ...options, errors }, ways, {
    system,
    membership,
    entities,
  }).catch(async (error: unknown) => {
    await store?.close();
    throw error;
  });
  const self = endpoint.identity;
  const thread = await startConsensusThread(options, { self, env, tls: ways.tls }).catch(
    async (error: unknown) => {
      await endpoint.close();
      throw error;
    },
  );
  const groups = new Groups(options, store, { system, endpoint, membership, thread });
  const workers = workersOf({ options, plan, ways, system, endpoint });
  let outsiders: Outsiders | undefined;
  const said = {
    ...(roles !== undefined && { roles }),
    ...(thread?.address && { consensusAddress: thread.address }),
  };
  try {
    const { net, cells } = startServices(system, endpoint, { entities, groups });
    entities.connect(endpoint, cells);
    const secret = sharedSecret(options, ways);
    const meta = { kinds: entities.kinds, ...said };
    await membership.start({ ...self, state: 'alive', meta }, { env, net, secret, seeds: join });
    entities.open();
    await workers?.start();
    if (options.outsiders !== undefined) {
      const { edgeInterceptors: edge = [] } = options;
      const host = { system, edge, router: entities };
      outsiders = await Outsiders.open(options.outsiders, host);
    }
  } catch (error) {
    await workers?.stop(0);
    await membership.stop();
    await groups.stop();
    await endpoint.close();
    await system.stop();
    throw error;
  }
  return new Node({ system, endpoint, membership, entities, groups, workers, outsiders, said });
}

/** @see MembershipDeps.secret */
function sharedSecret({ secret }: NodeOptions, { transport }: Ways): Secret | undefined {
  return secret ?? (transport.name === 'tls' ? undefined : OPEN);
}

/** How this node and its workers reach each other and everybody else. */
interface Ways {
  readonly transport: Transport;
  readonly listen: string | undefined;
  readonly tls: TlsTransport | undefined;
  readonly hub: ThreadHub;
}

function waysOf(options: NodeOptions, plan: WorkerPlan | undefined): Ways {
  if (options.tls !== undefined && options.transport !== undefined) {
    const advice = 'pass either that or a transport of your own, which brings its own security';
    throw new BadOption('tls', options.tls, advice);
  }
  const tls = tlsOf(options.tls);
  const hub = new ThreadHub();
  const network = networkOf(options, tls);
  if (plan === undefined) return { transport: network, listen: options.listen, tls, hub };
  return { transport: hub.transport(network), listen: options.listen ?? THREADS_ONLY, tls, hub };
}

function networkOf({ transport, listen, advertise }: NodeOptions, tls?: TlsTransport): Transport {
  const network = transport ?? networkTransport({ tls });
  if (advertise === undefined) return network;
  if (listen !== undefined) return advertisedTransport(network, advertise);
  const advice = 'to be reached, a node has to listen: pass listen as well';
  throw new BadOption('advertise', advertise, advice);
}

function tlsOf(tls: TlsSource | TlsTransport | undefined): TlsTransport | undefined {
  return tls === undefined || 'dial' in tls ? tls : tlsTransport(tls);
}

function workersOf(node: {
  readonly options: NodeOptions;
  readonly plan: WorkerPlan | undefined;
  readonly ways: Ways;
  readonly system: ActorSystem;
  readonly endpoint: Endpoint;
}): Workers | undefined {
  const { options, plan, ways, system, endpoint } = node;
  if (plan === undefined) return undefined;
  const { listen, advertise, secret, callTimeoutMs, limits } = options;
  const { modules, setup } = plan;
  return new Workers({
    ...plan,
    hub: ways.hub,
    tls: ways.tls,
    env: system.env,
    log: system.log,
    parent: system.name,
    startOf: async (name) => {
      const tls = await ways.tls?.credentials();
      const { address: parent } = endpoint.identity;
      const own = {
        name,
        listen: workerAddress(listen, name),
        advertise: advertise && workerAddress(advertise, name),
        parent,
      };
      return { ...own, modules, setup, secret, tls, callTimeoutMs, limits };
    },
  });
}

function openEndpoint(
  { secret, limits, edgeInterceptors: edge, errors = [] }: NodeOptions,
  { transport, listen }: Ways,
  parts: {
    readonly system: ActorSystem;
    readonly membership: Membership;
    readonly entities: Entities;
  },
): Promise<Endpoint> {
  const { system, membership, entities } = parts;
  return Endpoint.open({
    system,
    transport,
    listen,
    secret,
    limits,
    edge,
    incarnation: incarnationOf(system.env),
    errors: [Moved, NotLeader, ChangeRefused, ...errors],
    router: entities,
    onConnected: ({ identity }) => membership.report({ peer: identity, event: 'ok' }),
    onAlive: ({ identity }) => membership.report({ peer: identity, event: 'ok' }),
    onLost: ({ identity }, wasConnected) => {
      membership.report({ peer: identity, event: wasConnected ? 'reset' : 'refused' });
    },
  });
}

function nameOf(options: NodeOptions, env: Env): string {
  const name = options.name ?? `node-${randomText(env, 8)}`;
  if (NODE_NAME.test(name)) return name;
  throw new BadOption('name', name, "give 1 … 64 letters, digits, '_', '.' or '-'");
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
