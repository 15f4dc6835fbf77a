import {
  Actor,
  type ActorClass,
  ActorSystem,
  type ActorSystemOptions,
  type AnyRef,
  type CallerIdentity,
  type Env,
  NoSuchActor,
  rpc,
} from '@troupe/actor';
import { type Cell, definitionOf, OUTSIDE, recipientOf } from '@troupe/actor/internal';
import { virtualEnv, type VirtualEnv } from '@troupe/actor/testing';
import { Endpoint, type EndpointOptions, MemoryNetwork } from '@troupe/remote';

/** A few nodes of one test, joined by a network in memory and sharing one virtual clock. */
export interface TestNodes {
  readonly env: VirtualEnv;
  readonly network: MemoryNetwork;
  node(name: string, options?: TestNodeOptions): Promise<TestNode>;
}

export interface TestNodeOptions
  extends
    Omit<ActorSystemOptions, 'name' | 'env'>,
    Omit<Partial<EndpointOptions>, 'system' | 'listen' | 'router'> {
  /** Whom others take it to be. Default: a node. */
  readonly caller?: CallerIdentity;
  /** Classes of actors that it knows, wherever they run. */
  readonly knows?: readonly ActorClass[];
}

export interface TestNode {
  readonly system: ActorSystem;
  readonly endpoint: Endpoint;
  /** Makes an actor of this node callable by name from others. */
  serve(name: string, ref: AnyRef): void;
  /** A reference to a named actor of another node, fetched over the wire. */
  find<R extends AnyRef>(node: TestNode, name: string): Promise<R>;
}

export function testNodes(seed = 1): TestNodes {
  const env = virtualEnv(seed);
  const network = new MemoryNetwork();
  return {
    env,
    network,
    node: (name, options = {}) => {
      const listen = `${name}:1`;
      const transport = network.transport(name, options.caller);
      return startTestNode(env, { transport, listen, ...options, name });
    },
  };
}

/** Hands out the actors that a test has given names. */
class Directory extends Actor {
  readonly #entries: ReadonlyMap<string, AnyRef>;
  constructor(entries: ReadonlyMap<string, AnyRef>) {
    super();
    this.#entries = entries;
  }
  @rpc get(name: string): AnyRef | undefined {
    return this.#entries.get(name);
  }
}

/** One node, in whatever time and on whatever network. */
export async function startTestNode(
  env: Env,
  options: TestNodeOptions &
    Pick<EndpointOptions, 'listen' | 'transport'> & { readonly name: string },
): Promise<TestNode> {
  const system = new ActorSystem({ ...options, env });
  const entries = new Map<string, AnyRef>();
  const directory = recipientOf(system.spawn(Directory, entries)) as Cell;
  const endpoint = await Endpoint.open({
    incarnation: `${options.name}-1`,
    ...options,
    system,
    router: {
      service: (name) => (name === 'directory' ? directory : undefined),
      entity: (_target, message) => message.refuse(new NoSuchActor('entity', 'none in this test')),
      entityOf: () => undefined,
      isOwn: () => false,
      isIdempotent: (kind, method) => {
        const known = options.knows?.map(definitionOf).find((each) => each.kind === kind);
        return known?.methods.get(method)?.isIdempotent === true;
      },
      refer: () => {
        throw new TypeError('no entities in this test');
      },
    },
  });
  return {
    system,
    endpoint,
    serve: (name, ref) => void entries.set(name, ref),
    async find<R extends AnyRef>(node: TestNode, name: string): Promise<R> {
      const peer = await endpoint.connect(node.endpoint.identity.address);
      const to = { target: 'directory', address: `${node.system.name}/directory` };
      const message = { args: [name], caller: OUTSIDE };
      return (await peer.outgoing.ask(to, 'get', message)) as R;
    },
  };
}
