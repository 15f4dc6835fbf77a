// npm run leaks -w @troupe/remote: what many calls leave behind; see --help.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
import { MemoryNetwork, type Peer } from '@troupe/remote';
import { numbersOf } from './command.js';
import { startTestNode } from './nodes.js';

/** Of each kind in a round. Streams, functions and channels take several messages each. */
const PER_ROUND = 100;
const MINUTE_MS = 60_000;
const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate']);
/** What may stay behind: caches, compiled code, blocks to write into. */
const GROWTH_MB_MAX = 4;

class Server extends Actor {
  readonly #env: Env;
  constructor(env: Env) {
    super();
    this.#env = env;
  }
  @rpc echo(value: unknown): unknown {
    return value;
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
}

const HELP = `npm run leaks -w @troupe/remote -- [options]

Makes calls, references, aborted calls, streams, functions and channels between two nodes in
memory, and prints what is left of them.

  --calls N   how many of all kinds together   (default 1000000, which takes minutes)
  --help

Exit code: 0 when nothing is left behind, 1 when something is, 2 when the options are wrong.
`;

const { calls } = numbersOf(HELP, { calls: 1_000_000 });

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const real = processEnv();
/** Channels that were let go are known for a minute yet, which here is over at once. */
const env: Env = {
  ...real,
  setTimer: (delayMs, run) => real.setTimer(delayMs < MINUTE_MS ? delayMs : 1, run),
};
const network = new MemoryNetwork();
const [a, b] = await Promise.all(
  ['a', 'b'].map((name) =>
    startTestNode(env, { name, listen: `${name}:1`, transport: network.transport(name) }),
  ),
);
if (a === undefined || b === undefined) throw new TypeError('BUG: two nodes');
const server = b.system.spawn(Server, env);
b.serve('server', server);
const remote = await a.find<ActorRef<Server>>(b, 'server');

/** All that may be left behind, one of each a step. */
const KINDS: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
  calls: (i) => remote.echo({ i }),
  references: () => remote.echo(remote),
  async 'aborted calls'() {
    const controller = new AbortController();
    const call = remote.with({ signal: controller.signal }).wait();
    controller.abort();
    await call.catch(() => undefined);
  },
  async 'streams, read'() {
    for await (const _ of remote.count(3));
  },
  async 'streams, left'() {
    for await (const _ of remote.count(100)) break;
  },
  functions: () => remote.apply(async (value) => value + 1),
  async 'channels, closed'(i) {
    const { sender, receiver } = await remote.pipe();
    await sender.send(i);
    if ((await receiver.receive()) !== i) throw new Error('another value than was sent');
    sender.close();
  },
  async 'channels, let go'(i) {
    const { sender, receiver } = await remote.pipe();
    await sender.send(i, { ack: true });
    if ((await receiver.receive()) !== i) throw new Error('another value than was sent');
    sender[Symbol.dispose]();
    receiver[Symbol.dispose]();
  },
};
const kinds = Object.entries(KINDS);
const rounds = Math.ceil(calls / PER_ROUND / kinds.length);

async function round(): Promise<void> {
  for (const [, make] of kinds) {
    await Promise.all(Array.from({ length: PER_ROUND }, (_, i) => make(i)));
  }
}

type Sizes = Readonly<Record<string, number>>;

async function sizes(): Promise<Sizes> {
  // What is collected is given back by messages, and those that hold the given up are collected.
  for (let i = 0; i < 5; i += 1) {
    collect();
    await new Promise<void>((resolve) => void real.setTimer(20, resolve));
  }
  const peers = [a, b].flatMap((node) => [...(node?.endpoint.peers ?? [])]);
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
    'channel ends': sum(({ channels }) => channels.open),
    'channels known elsewhere': (a?.endpoint.table.size ?? 0) + (b?.endpoint.table.size ?? 0),
  };
}

for (let i = 0; i < 5; i += 1) await round(); // Whatever is made once is made now.
const before = await sizes();
for (let i = 0; i < rounds; i += 1) await round();
const after = await sizes();

const each = rounds * PER_ROUND;
const title = `${each * kinds.length} in all`;
process.stdout.write(`${title.padEnd(26)}${String(each).padStart(10)} of each\n`);
for (const [kind] of kinds) process.stdout.write(`  ${kind}\n`);
process.stdout.write(`${'left'.padEnd(26)}${'before'.padStart(10)}${'after'.padStart(10)}\n`);
const left = Object.entries(after).filter(([what, size]) => {
  const was = before[what] ?? 0;
  process.stdout.write(
    `  ${what.padEnd(24)}${String(was).padStart(10)}${String(size).padStart(10)}\n`,
  );
  return size > was + (what === 'heap, MB' ? GROWTH_MB_MAX : 0);
});
await Promise.all([a.endpoint.close(), b.endpoint.close()]);
if (left.length > 0) {
  process.stderr.write(`something was left behind: ${left.map(([what]) => what).join(', ')}\n`);
  process.exitCode = 1;
}
