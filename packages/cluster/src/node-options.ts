import type { ActorClass, ActorSystemOptions, IncomingInterceptor } from '@troupe/actor';
import {
  A_FUNCTION,
  checkDuration,
  checkInteger,
  checkOptions,
  ELSEWHERE,
  fitting,
  hasMethods,
  isActorClass,
  isFunction,
  listOf,
  type OptionCheck,
} from '@troupe/actor/internal';
import {
  checkOutsiders,
  checkTls,
  DEFAULT_PEER_LIMITS,
  type ErrorClass,
  type OutsiderOptions,
  type PeerLimits,
  type Secret,
  type TlsSource,
  type TlsTransport,
  type Transport,
} from '@troupe/remote';
import { checkConsensus, type ConsensusOptions } from './consensus-options.ts';
import { NODE_NAME } from './member.ts';
import type { Membership } from './membership.ts';
import { checkChannels, type NamedChannels } from './named-channel.ts';
import type { Placement } from './placement.ts';
import type { SeedProvider } from './seeds.ts';
import { checkWorkers, type WorkerOptions } from './worker-plan.ts';

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

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const A_TEXT = fitting(isText, 'give a text');
const AN_ADDRESS = fitting(isText, "give an address, such as '127.0.0.1:7001'");
const ADDRESSES = listOf(
  AN_ADDRESS,
  "give a list of addresses, such as ['127.0.0.1:7001'], or what finds them, such as dnsSeeds",
);
const SECRETS = listOf(
  fitting((value) => typeof value === 'string', 'give a text'),
  'give a text, or a list of texts',
);
const A_LIMIT: OptionCheck = (option, value) => {
  checkInteger(option, value, [1, Number.MAX_SAFE_INTEGER]);
};
const INTERCEPTORS = listOf(A_FUNCTION, 'give a list of functions');

/** A plug-in is known by its methods. */
function plugIn(methods: readonly string[], advice: string): OptionCheck {
  return fitting((value) => hasMethods(value, methods), advice);
}

/** What there is to say of each; what follows from several is looked at where they are used. */
const NODE_OPTIONS: Readonly<Record<keyof NodeOptions, OptionCheck>> = {
  name: fitting(isNodeName, "give 1 … 64 letters, digits, '_', '.' or '-'"),
  listen: AN_ADDRESS,
  advertise: AN_ADDRESS,
  join: (option, value) => (isFunction(value) ? undefined : ADDRESSES(option, value)),
  roles: listOf(A_TEXT, 'give a list of texts'),
  secret: (option, value) => (typeof value === 'string' ? undefined : SECRETS(option, value)),
  tls: checkTls,
  actors: listOf(
    fitting(
      (value) => value instanceof URL || isActorClass(value),
      'give a class that extends Actor, or the URL of a module that exports some',
    ),
    'give a list of classes, or URLs of modules',
  ),
  channels: checkChannels,
  workers: checkWorkers,
  data: fitting(isText, "give the path of a directory, such as './data/a'"),
  consensus: checkConsensus,
  outsiders: (_, value) => checkOutsiders(value as OutsiderOptions),
  limits: (option, value) => {
    const names = Object.keys(DEFAULT_PEER_LIMITS);
    checkOptions(option, value, Object.fromEntries(names.map((name) => [name, A_LIMIT])));
  },
  edgeInterceptors: INTERCEPTORS,
  errors: listOf(fitting(isFunction, 'give a class'), 'give a list of classes'),
  membership: plugIn(['start', 'view', 'watch'], 'give a Membership, such as gossip()'),
  placement: plugIn(['ownerOf'], 'give a Placement, such as rendezvous()'),
  transport: plugIn(['listen', 'dial'], 'give a Transport, such as tcpTransport()'),
  env: plugIn(['now', 'setTimer', 'random'], 'give an Env, such as processEnv()'),
  callTimeoutMs: (option, value) => checkDuration(option, value),
  supervision: plugIn(['decide'], 'give a Supervision, such as oneForOne()'),
  interceptors: INTERCEPTORS,
  transparency: A_FUNCTION,
  onDeadLetter: A_FUNCTION,
  onFailure: A_FUNCTION,
};

/** Of the place that a simulated world has for a node, which knows more than a node asks for. */
const OF_A_PLACE = { files: ELSEWHERE, datagrams: ELSEWHERE };

/**
 * Looks at each option by itself, before anything is begun.
 * @throws {BadOption} when one makes no sense, or there is none of its name
 */
export function checkNodeOptions(options: NodeOptions): void {
  checkOptions('', options, { ...NODE_OPTIONS, ...OF_A_PLACE });
}

function isNodeName(value: unknown): boolean {
  return typeof value === 'string' && NODE_NAME.test(value);
}
