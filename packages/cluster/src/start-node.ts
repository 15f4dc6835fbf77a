import { ActorSystem, BadOption, type Env, processEnv } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';
import { ChangeRefused, NotLeader } from '@troupe/consensus';
import {
  advertisedTransport,
  Endpoint,
  networkTransport,
  Outsiders,
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
import { Groups, openStoreOf } from './groups.ts';
import type { Membership } from './membership.ts';
import { Moved } from './moved.ts';
import { Node } from './node.ts';
import { checkNodeOptions, type NodeOptions } from './node-options.ts';
import { rendezvous } from './placement.ts';
import { startServices } from './services.ts';
import { planWorkers, workerAddress, type WorkerPlan } from './worker-plan.ts';
import { Workers } from './workers.ts';

/** Where the threads of a node find it when it listens nowhere else. */
const THREADS_ONLY = 'thread:/main';
/** What stands for a secret where no stranger can get, as on one machine. */
const OPEN = 'open to this machine';

/**
 * Starts a node: by itself, or as one of a cluster.
 * @throws {BadOption} for an option that makes no sense, and nothing has been started
 * @throws when the address is taken, or the cluster refuses this node
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  checkNodeOptions(options);
  const { join = [], roles, placement = rendezvous(), membership = gossip() } = options;
  refuseWeakSecret(options.secret);
  const plan = planWorkers(options);
  const classes = await loadActors(options.actors ?? []);
  const env = options.env ?? processEnv();
  const system = new ActorSystem({
    ...options,
    env,
    name: options.name ?? `node-${randomText(env, 8)}`,
  });
  const hosts = options.actors === undefined ? undefined : classes.actors;
  const { channels } = options;
  const entities = new Entities({ system, membership, placement, hosts, channels });
  const ways = waysOf(options, plan);
  checkAddresses(options, ways);
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

/** What an address looks like, its transport knows. */
function checkAddresses({ listen, join = [] }: NodeOptions, { transport }: Ways): void {
  if (listen !== undefined) checkAddress('listen', listen, transport);
  if (typeof join === 'function') return;
  for (const [at, address] of join.entries()) checkAddress(`join[${at}]`, address, transport);
}

function checkAddress(option: string, address: string, transport: Transport): void {
  try {
    transport.needsSecret(address);
  } catch (cause) {
    throw new BadOption(option, address, messageOf(cause), { cause });
  }
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

/** The time of the start first, so that later incarnations sort after earlier ones. */
function incarnationOf(env: Env): string {
  return `${Math.floor(env.wallTime()).toString(36).padStart(9, '0')}-${randomText(env, 8)}`;
}

function randomText(env: Env, chars: number): string {
  let text = '';
  while (text.length < chars) text += Math.floor(env.random() * 36).toString(36);
  return text;
}
