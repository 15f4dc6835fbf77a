import { createInterface } from 'node:readline';
import { processEnv } from '@troupe/actor';
import {
  type Command,
  type Consensus,
  type DiskStore,
  type Driver,
  Engine,
  EngineThread,
  nodeFiles,
  openStore,
  type SnapshotSource,
  type StateMachine,
  TransportWire,
} from '@troupe/consensus';
import {
  inFlight,
  latency,
  type Measured,
  type Program,
  repeat,
  type ReplicaState,
} from './measure.ts';

/**
 * One node of a group of three. What it is told on a line of its input, it does, and answers with
 * a line when it is done; `go/raft/node.go` is the same in Go.
 *
 *     node raft-node.js [thread] NAME DIRECTORY|memory NAME=ADDRESS,… [SNAPSHOT_ENTRIES]
 */
const isThreaded = process.argv[2] === 'thread';
const [name = '', directory = '', peers = '', snapshotEntries] = process.argv.slice(
  isThreaded ? 3 : 2,
);

const COMMAND_BYTES = 64;
/** How many different numbers there can be. */
const NUMBERS_MAX = 2 ** 20;
/** After how long without an answer a client asks once more. */
const TRY_AGAIN_MS = 10;

/** Adds up what it is told, and keeps in a hash in which order it was told. */
class Sums implements StateMachine<number> {
  readonly version = 1;
  #state: ReplicaState = { count: 0, sum: 0, hash: '2166136261' };
  #distinct = new Uint8Array(NUMBERS_MAX / 8);

  get state(): ReplicaState {
    return this.#state;
  }

  has(value: number): boolean {
    return ((this.#distinct[value >> 3] ?? 0) & (1 << (value & 7))) !== 0;
  }

  apply(batch: readonly Command[]): readonly number[] {
    let { count, sum } = this.#state;
    let hash = Number(this.#state.hash);
    const values = batch.map(({ data }) => {
      const value = valueOf(data);
      count += 1;
      sum += value;
      hash = Math.imul(hash ^ value, 16_777_619);
      this.#distinct[value >> 3] = (this.#distinct[value >> 3] ?? 0) | (1 << (value & 7));
      return value;
    });
    this.#state = { count, sum, hash: `${hash >>> 0}` };
    return values;
  }

  snapshot(): SnapshotSource {
    const chunks = [Buffer.from(`${JSON.stringify(this.#state)}\n`), this.#distinct.slice()];
    return { chunks: () => chunks };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    const bytes = Buffer.concat(pieces);
    const end = bytes.indexOf('\n');
    this.#state = JSON.parse(bytes.toString('utf8', 0, end)) as ReplicaState;
    this.#distinct = new Uint8Array(bytes.subarray(end + 1));
  }
}

function commandOf(value: number): Uint8Array {
  const command = new Uint8Array(COMMAND_BYTES);
  command[0] = value >>> 24;
  command[1] = value >>> 16;
  command[2] = value >>> 8;
  command[3] = value;
  return command;
}

function valueOf(command: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = command;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

const machine = new Sums();
const env = processEnv();
const addresses = new Map(peers.split(',').map((peer) => peer.split('=') as [string, string]));
const listen = addresses.get(name) ?? '';
const store = directory === 'memory' || isThreaded ? undefined : await openDisk();
const engine = isThreaded ? await onThread() : onLoop();
const group: Consensus<number> = await engine.open({
  group: 'bench',
  machine,
  voters: [...addresses.keys()],
  ...(snapshotEntries !== undefined && { snapshotEntries: Number(snapshotEntries) }),
});

function onLoop(): Driver {
  const addressOf = (node: string): string | undefined => addresses.get(node);
  const wire = new TransportWire({ listen, addressOf });
  return new Engine({ node: name, env, ...(store && { store }), wire });
}

async function onThread(): Promise<Driver> {
  const self = { name, incarnation: `${env.wallTime()}`, address: listen };
  const data = directory === 'memory' ? undefined : directory;
  const thread = await EngineThread.start({ self, env, data, listen });
  for (const [node, address] of addresses) thread.reach(node, address);
  return thread.driver;
}

async function openDisk(): Promise<DiskStore> {
  const opened = await openStore(await nodeFiles(directory), { cluster: 'bench', node: name, env });
  if (opened.verdict === 'corrupt') throw new Error(opened.damage.reason);
  return opened.store;
}

async function propose(value: number): Promise<number> {
  return (await group.propose(commandOf(value))).result;
}

async function read(value: number): Promise<number> {
  await group.read();
  return machine.has(value) ? value : Number.NaN;
}

/** Proposes a number again and again until it is applied, by this node or by another. */
async function accept(value: number): Promise<true> {
  while (!machine.has(value)) {
    const tried = propose(value).catch(() => pause()); // Whatever became of it, it is tried again.
    await Promise.race([tried, pause()]);
  }
  return true;
}

/** Computes for so many milliseconds, and gives nothing else a turn meanwhile. */
function compute(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** From now on computes for half of the time, so long at once. */
function keepBusy(sliceMs: number): void {
  compute(sliceMs);
  setTimeout(() => keepBusy(sliceMs), sliceMs);
}

/** Proposes one number after the other for so long. @returns the longest time that one took */
async function longestWait(ms: number): Promise<number> {
  const until = performance.now() + ms;
  let longest = 0;
  for (let value = machine.state.count; performance.now() < until; value += 1) {
    const askedAt = performance.now();
    await accept(value);
    longest = Math.max(longest, performance.now() - askedAt);
  }
  return longest;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
}

/** Batches for a time, warm-up first: clients, operations of a batch, ms, warm-up ms. */
async function measure(
  one: (value: number) => Promise<number>,
  [clients = 1, operations = 1, ms = 1, warmUpMs = 1]: readonly number[],
): Promise<Measured> {
  const program: Program = { bench: '', operations, ms, warmUpMs };
  const [written, count] = [store?.size.writtenBytes ?? 0, machine.state.count];
  const measured =
    clients === 1
      ? await latency(program, one)
      : await repeat(program, { batch: () => inFlight(clients, operations, one) });
  // Those of the warm-up are written in the same way.
  const bytesEach = ((store?.size.writtenBytes ?? 0) - written) / (machine.state.count - count);
  return { ...measured, bytes: bytesEach * measured.operations };
}

function answer(word: string, numbers: readonly number[]): unknown {
  switch (word) {
    case 'leads':
      return group.status().role === 'leader';
    case 'state':
      return machine.state;
    case 'propose':
      return measure(propose, numbers);
    case 'read':
      return measure(read, numbers);
    case 'accept':
      return accept(numbers[0] ?? 0);
    case 'busy':
      keepBusy(numbers[0] ?? 0);
      return true;
    case 'hold':
      compute(numbers[0] ?? 0);
      return true;
    case 'wait':
      return longestWait(numbers[0] ?? 0);
    default:
      throw new Error(`there is no such thing to do: ${word}`);
  }
}

process.stdin.on('end', () => process.exit(0));
createInterface(process.stdin).on('line', (line) => {
  const [id = '', word = '', ...numbers] = line.split(' ');
  void Promise.resolve(answer(word, numbers.map(Number))).then((answered) => {
    process.stdout.write(`${id} ${JSON.stringify(answered)}\n`);
  });
});
process.stdout.write('ready true\n');
