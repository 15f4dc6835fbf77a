// npm run leaks -w @troupe/remote -- --calls 1000000
import { parseArgs } from 'node:util';
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
import { MemoryNetwork } from '@troupe/remote';
import { startTestNode } from './nodes.js';

/** Calls, references, aborted calls and channels of one round, in equal parts. */
const PER_ROUND = 1_000;
const TIMERS: ReadonlySet<string> = new Set(['Timeout', 'Immediate']);
/** What may stay behind: caches, compiled code, blocks to write into. */
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

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
  @rpc pipe(): { readonly sender: Sender<number>; readonly receiver: Receiver<number> } {
    const { sender, receiver } = channel<number>(1, { env: this.#env });
    return { sender, receiver };
  }
}

const { values } = parseArgs({ options: { calls: { type: 'string', default: '1000000' } } });
const rounds = Math.ceil(Number(values.calls) / PER_ROUND);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const env = processEnv();
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

async function round(): Promise<void> {
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < PER_ROUND / 4; i += 1) calls.push(remote.echo({ i }), remote.echo(remote));
  await Promise.all(calls);
  for (let i = 0; i < PER_ROUND / 4; i += 1) {
    const controller = new AbortController();
    const call = remote.with({ signal: controller.signal }).wait();
    controller.abort();
    await call.catch(() => undefined);
    const { sender, receiver } = await remote.pipe();
    await sender.send(i);
    if ((await receiver.receive()) !== i) throw new Error('another value than was sent');
    sender.close();
  }
}

interface Size {
  readonly heapBytes: number;
  readonly handles: number;
  readonly channels: number;
}

async function size(): Promise<Size> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return {
    heapBytes: process.memoryUsage().heapUsed,
    // Timers come and go: whether one is set at this very moment says nothing.
    handles: process.getActiveResourcesInfo().filter((kind) => !TIMERS.has(kind)).length,
    channels: (a?.endpoint.table.size ?? 0) + (b?.endpoint.table.size ?? 0),
  };
}

for (let i = 0; i < 5; i += 1) await round(); // Whatever is made once is made now.
const before = await size();
for (let i = 0; i < rounds; i += 1) await round();
const after = await size();

const grownBytes = after.heapBytes - before.heapBytes;
process.stdout.write(
  `${rounds * PER_ROUND} calls: heap ${(grownBytes / 1e6).toFixed(1)} MB larger, ` +
    `handles ${before.handles} then ${after.handles}, ` +
    `channels known elsewhere ${before.channels} then ${after.channels}\n`,
);
const isLeaking = grownBytes > GROWTH_BYTES_MAX || after.handles > before.handles;
await Promise.all([a.endpoint.close(), b.endpoint.close()]);
if (isLeaking || after.channels > before.channels) {
  process.stderr.write('something was left behind\n');
  process.exitCode = 1;
}
