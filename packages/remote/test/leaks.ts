// npm run leaks -w @troupe/remote: what many calls leave behind; see --help.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import {
  Actor,
  type ActorRef,
  channel,
  type Env,
  processEnv,
  type Receiver,
  rpc,
  type Sender,
} from '@troupe/actor';
import {
  connect,
  MemoryNetwork,
  networkTransport,
  Outsiders,
  type Peer,
  ThreadHub,
  workerTransport,
} from '@troupe/remote';
import { RemoteActor } from '../dist/remote-actor.js';
import { numbersOf } from './command.js';
import { startTestNode, type TestNode } from './nodes.js';

/** Of each kind in a round. Streams, functions and channels take several messages each. */
const PER_ROUND = 100;
const MINUTE_MS = 60_000;
const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate']);
/** What may stay behind: caches, compiled code, blocks to write into. */
const GROWTH_MB_MAX = 6;

class Server extends Actor {
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc echo(value: unknown): unknown {
    return value;
  }
  @rpc me(): ActorRef<Server> {
    return this.self<Server>();
  }
  @rpc child(): ActorRef<Server> {
    return this.spawn(Server, this.#env);
  }
  @rpc wait(): Promise<void> {
    const { signal } = this.ctx;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
  @rpc async *count(end: number): AsyncGenerator<number> {
    for (let i = 0; i < end; i += 1) yield i;
  }
  @rpc async apply(body: (value: number) => Promise<number>): Promise<number> {
    return body(1);
  }
  @rpc pipe(): { readonly sender: Sender<number>; readonly receiver: Receiver<number> } {
    const { sender, receiver } = channel<number>(1, { env: this.#env });
    return { sender, receiver };
  }
  @rpc async take(receiver: Receiver<number>): Promise<number> {
    const taken = await receiver.receive();
    receiver[Symbol.dispose]();
    return taken;
  }
}

const HELP = `npm run leaks -w @troupe/remote -- [options]

Makes calls, references, aborted calls, streams, functions, signals, monitors and channels between
nodes in memory, lets clients, nodes and threads come and go and connections break, and prints what
is left of them.

  --calls N   how many of all kinds together   (default 1000000, which takes minutes)
  --help

Exit code: 0 when nothing is left behind, 1 when something is, 2 when the options are wrong.
`;

const { calls } = numbersOf(HELP, { calls: 1_000_000 });

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const real = processEnv({ log: { debug() {}, info() {}, warn() {}, error() {} } });
/** Channels that were let go are known for a minute yet, which here is over at once. */
const env: Env = {
  ...real,
  setTimer: (delayMs, run) => real.setTimer(delayMs < MINUTE_MS ? delayMs : 1, run),
};
const network = new MemoryNetwork();
const hub = new ThreadHub();

function start(name: string, life = 0): Promise<TestNode> {
  const incarnation = `${name}-${String(life).padStart(9, '0')}`;
  const transport = network.transport(name);
  return startTestNode(env, { name, incarnation, listen: `${name}:1`, transport });
}

function serve(node: TestNode): ActorRef<Server> {
  const server = node.system.spawn(Server, env);
  node.serve('server', server);
  return server;
}

const [a, b, c] = await Promise.all([start('a'), start('b'), start('c')]);
const main = await startTestNode(env, {
  name: 'main',
  listen: 'thread:/main',
  transport: hub.transport(networkTransport()),
});
const server = serve(b);
serve(c);
const remote = await a.find<ActorRef<Server>>(b, 'server');
const third = await a.find<ActorRef<Server>>(c, 'server');
const door = await Outsiders.open(
  {
    listen: 'ws://127.0.0.1:0/door',
    authenticate: (token) => ({ name: token }),
    permits: () => true,
  },
  {
    system: b.system,
    edge: [],
    router: { refer: () => server, entityOf: () => undefined },
  },
);

async function piped(
  to: Sender<number>,
  value: number,
  take: () => Promise<number>,
): Promise<void> {
  await to.send(value, { ack: value % 2 === 0 });
  if ((await take()) !== value) throw new Error('another value than was sent');
}

/** All that may be left behind, each of them many times a round. */
const KINDS: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
  calls: (i) => remote.echo({ i }),
  references: () => remote.echo(remote),
  'calls on results': (i) => remote.me().echo(i),
  async 'aborted calls'() {
    const controller = new AbortController();
    const call = remote.with({ signal: controller.signal }).wait();
    controller.abort();
    await call.catch(() => undefined);
  },
  signals: () => remote.echo(new AbortController().signal),
  async 'streams, read'() {
    for await (const _ of remote.count(3));
  },
  async 'streams, left'() {
    for await (const _ of remote.count(100)) break;
  },
  functions: () => remote.apply(async (value) => value + 1),
  async 'monitors, forgotten'() {
    const forget = a.system.monitor(remote, () => undefined);
    await remote.echo(0);
    forget();
  },
  async 'monitors, told'() {
    const child = await remote.child();
    const down = new Promise((resolve) => a.system.monitor(child, resolve));
    await a.system.stopActor(child);
    await down;
  },
  async 'channels, closed'(i) {
    const { sender, receiver } = await remote.pipe();
    await piped(sender, i, () => receiver.receive());
    sender.close();
  },
  async 'channels, let go'(i) {
    const { sender, receiver } = await remote.pipe();
    await piped(sender, i, () => receiver.receive());
    sender[Symbol.dispose]();
    receiver[Symbol.dispose]();
  },
  async 'channels, handed on'(i) {
    const { sender, receiver } = await remote.pipe();
    await piped(sender, i, () => third.take(receiver));
    sender[Symbol.dispose]();
    receiver[Symbol.dispose]();
  },
};

/** What takes longer, once a round. */
const VISITS: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
  async 'clients, come and gone'(i) {
    const client = await connect(door.address, { token: 'ann', WebSocket, env });
    const room = client.entity<Server>('room', 'lobby');
    client.monitor(room, () => undefined);
    await room.apply(async (value) => value + 1);
    for await (const _ of room.count(100)) break;
    const { sender, receiver } = await room.pipe();
    await piped(sender, i, () => receiver.receive());
    client.close();
  },
  async 'connections, broken'(i) {
    const call = remote.echo(i);
    network.cut('a', 'b');
    network.heal('a', 'b');
    await call;
  },
  async 'nodes, only named'(i) {
    const names = Array.from({ length: PER_ROUND }, (_, at) => `named-${i}-${at}`);
    const refs = names.map((name) => {
      const peer = a.endpoint.peerOf({ name, incarnation: '1', address: `${name}:1` });
      return new RemoteActor(peer, 1, 'server').ref;
    });
    await remote.echo(refs);
  },
  async 'nodes, come and gone'(i) {
    const node = await start('d', i);
    serve(node);
    const far = await a.find<ActorRef<Server>>(node, 'server');
    await far.apply(async (value) => value + 1);
    await node.endpoint.close();
    await node.system.stop(100);
  },
  async 'threads, come and gone'(i) {
    const port = hub.admit('worker');
    const node = await startTestNode(env, {
      name: 'worker',
      incarnation: `worker-${String(i).padStart(9, '0')}`,
      listen: 'thread:/worker',
      transport: workerTransport(port, networkTransport()),
    });
    serve(node);
    const far = await main.find<ActorRef<Server>>(node, 'server');
    await far.apply(async (value) => value + 1);
    await node.endpoint.close();
    await node.system.stop(100);
    port.close();
  },
};
const kinds = Object.entries(KINDS);
const visits = Object.entries(VISITS);
const perRound = kinds.length * PER_ROUND + visits.length;
const rounds = Math.ceil(calls / perRound);
/** Lives of nodes are numbered, or one would be taken for the one before. */
let life = 0;

async function round(): Promise<void> {
  for (const [, make] of kinds) {
    await Promise.all(Array.from({ length: PER_ROUND }, (_, i) => make(i)));
  }
  await visitAll();
}

async function visitAll(): Promise<void> {
  life += 1;
  for (const [, visit] of visits) await visit(life);
}

type Sizes = Readonly<Record<string, number>>;

async function sizes(): Promise<Sizes> {
  // What is collected is given back by messages, and those that hold the given up are collected.
  for (let i = 0; i < 5; i += 1) {
    collect();
    await new Promise<void>((resolve) => void real.setTimer(20, resolve));
  }
  const nodes = [a, b, c, main];
  const peers = nodes.flatMap((node) => [...node.endpoint.peers]);
  const sum = (of: (peer: Peer) => number): number => {
    return peers.reduce((total, peer) => total + of(peer), 0);
  };
  collect();
  return {
    'heap, MB': Math.round(process.memoryUsage().heapUsed / 1e5) / 10,
    // Timers come and go: whether one is set at this very moment says nothing.
    handles: process.getActiveResourcesInfo().filter((kind) => !TIMERS.has(kind)).length,
    'calls under way': sum(({ outgoing, incoming }) => outgoing.callsInFlight + incoming.calls),
    streams: sum(({ loans }) => loans.streams),
    functions: sum(({ loans }) => loans.functions.lent + loans.functions.held),
    signals: sum(({ loans }) => loans.signals.lent + loans.signals.held),
    'channel ends': sum(({ channels }) => channels.open),
    'channels known elsewhere': nodes.reduce((all, { endpoint }) => all + endpoint.table.size, 0),
    clients: door.size,
    'nodes known by name': nodes.reduce((all, { endpoint }) => all + endpoint.named, 0),
    peers: peers.length,
  };
}

// Whatever is made once is made now, compiled code included.
for (let i = 0; i < 5; i += 1) await round();
for (let i = 0; i < 50; i += 1) await visitAll();
const before = await sizes();
for (let i = 0; i < rounds; i += 1) await round();
const after = await sizes();

process.stdout.write(`${rounds * perRound} in all\n`);
const line = (what: string, ...numbers: readonly (number | string)[]): void => {
  const columns = numbers.map((number) => String(number).padStart(10));
  process.stdout.write(`${what.padEnd(26)}${columns.join('')}\n`);
};
for (const [kind] of kinds) line(`  ${kind}`, rounds * PER_ROUND);
for (const [kind] of visits) line(`  ${kind}`, rounds);
line('left', 'before', 'after');
const left = Object.entries(after).filter(([what, size]) => {
  const was = before[what] ?? 0;
  line(`  ${what}`, was, size);
  return size > was + (what === 'heap, MB' ? GROWTH_MB_MAX : 0);
});
await door.close();
await Promise.all([a, b, c, main].map(({ endpoint }) => endpoint.close()));
if (left.length > 0) {
  process.stderr.write(`something was left behind: ${left.map(([what]) => what).join(', ')}\n`);
  process.exitCode = 1;
}
