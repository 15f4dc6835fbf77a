// npm run latency -w @troupe/remote: how long small calls wait beside large ones; see --help.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Actor, actor, type ActorRef, type AnyRef, processEnv, rpc } from '@troupe/actor';
import { OUTSIDE } from '@troupe/actor/internal';
import { tcpTransport } from '@troupe/remote';
import { numbersOf } from './command.js';
import { startTestNode } from './nodes.js';

const MIB = 1024 * 1024;
/** Large values under way at a time. */
const LANES = 8;
const IDLE_CALLS = 2_000;

@actor({ kind: 'store' })
class Store extends Actor {
  @rpc put(bytes: Uint8Array): number {
    giveBack(bytes);
    return bytes.length;
  }
  @rpc async swallow(stream: AsyncIterable<Uint8Array>): Promise<number> {
    let sum = 0;
    for await (const bytes of stream) {
      sum += bytes.length;
      giveBack(bytes);
    }
    return sum;
  }
}

@actor({ kind: 'other' })
class Other extends Actor {
  @rpc ping(value: number): number {
    return value;
  }
}

const HELP = `npm run latency -w @troupe/remote -- [options]

How long small calls take to another process, by themselves and beside large values on the same
connection, in calls and in a stream.

  --mib N       how much, in mebibytes, each way of sending            (default 1024)
  --recycle N   0: both sides leave what they have used to the collector,
                and ask for new memory; 1: they use it again             (default 1)
  --help

Exit code: 0, or 2 when the options are wrong.
`;

/** The other process is this program too. */
const isServer = process.argv[2] === '--serve';
const { mib, recycle } = isServer
  ? { mib: 0, recycle: Number(process.argv[3]) }
  : numbersOf(HELP, { mib: 1_024, recycle: 1 });
const node = await startTestNode(processEnv(), {
  name: isServer ? 'b' : 'a',
  transport: tcpTransport(),
  ...(isServer && { listen: '127.0.0.1:0' }),
});

if (isServer) {
  node.serve('store', node.system.spawn(Store));
  node.serve('other', node.system.spawn(Other));
  process.send?.(node.endpoint.identity.address);
  process.once('disconnect', () => process.exit());
} else await measure();

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['--serve', String(recycle)]);
  const [address] = (await once(child, 'message')) as [string];
  const store = (await find(address, 'store')) as ActorRef<Store>;
  const other = (await find(address, 'other')) as ActorRef<Other>;
  const patient = store.with({ timeoutMs: 600_000 });
  await waits(other, (calls) => calls < IDLE_CALLS); // Whatever is compiled once is compiled now.
  row('a small call, in ms', ['median', '99 %', '99.9 %', 'longest', 'calls', 'MB/s']);
  row('with nothing beside it', shown(await waits(other, (calls) => calls < IDLE_CALLS)));
  row(`beside ${mib} MiB in calls`, await beside(other, () => inCalls(patient)));
  row(`beside ${mib} MiB in a stream`, await beside(other, () => patient.swallow(stream())));
  await node.endpoint.close();
  child.disconnect();
}

async function find(address: string, name: string): Promise<AnyRef> {
  const peer = await node.endpoint.connect(address);
  const to = { target: 'directory', address: 'b/directory' };
  return (await peer.outgoing.ask(to, 'get', { args: [name], caller: OUTSIDE })) as AnyRef;
}

async function inCalls(store: Pick<ActorRef<Store>, 'put'>): Promise<void> {
  let left = mib;
  const lane = async (): Promise<void> => {
    const bytes = new Uint8Array(MIB);
    for (; left > 0;) {
      left -= 1;
      await store.put(recycle > 0 ? bytes : new Uint8Array(MIB));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function* stream(): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(MIB / 16);
  for (let left = mib * 16; left > 0; left -= 1) {
    yield recycle > 0 ? bytes : new Uint8Array(MIB / 16);
  }
}

function giveBack(bytes: Uint8Array): void {
  if (recycle > 0) node.endpoint.memory.recycle(bytes);
}

async function beside(
  other: ActorRef<Other>,
  transfer: () => Promise<unknown>,
): Promise<readonly string[]> {
  const startedAt = performance.now();
  let isOver = (): boolean => false;
  const done = transfer().finally(() => (isOver = () => true));
  const waited = await waits(other, () => !isOver());
  await done;
  const seconds = (performance.now() - startedAt) / 1_000;
  return [...shown(waited), ((mib * MIB) / 1e6 / seconds).toFixed(0)];
}

/** Makes small calls, one after the other. @returns how long each took, in milliseconds, sorted */
async function waits(
  other: ActorRef<Other>,
  goesOn: (calls: number) => boolean,
): Promise<readonly number[]> {
  const all: number[] = [];
  while (goesOn(all.length)) {
    const startedAt = performance.now();
    await other.ping(all.length);
    all.push(performance.now() - startedAt);
    // Time for the large ones, which one small call after the other would not leave.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return all.sort((x, y) => x - y);
}

function shown(sorted: readonly number[]): readonly string[] {
  const at = (part: number): string => {
    return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(
      2,
    );
  };
  return [at(0.5), at(0.99), at(0.999), at(1), String(sorted.length)];
}

function row(title: string, cells: readonly string[]): void {
  process.stdout.write(`${title.padEnd(32)}${cells.map((cell) => cell.padStart(9)).join('')}\n`);
}
