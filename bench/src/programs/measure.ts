/** What one process found out, printed as one line of JSON; the other languages do the same. */
export interface Measured {
  /** Things done, and the nanoseconds that they took together. */
  readonly operations: number;
  readonly ns: number;
  /** The sum of all numbers that arrived, by which the harness knows that all of them did. */
  readonly check: number;
  /** Memory, where the benchmark is about it. */
  readonly bytes?: number;
  /** The median of single operations, where they were timed one by one, and the worst of them. */
  readonly medianNs?: number;
  readonly worstNs?: number;
  /** What each node of a group has come to: they must agree. */
  readonly replicas?: readonly ReplicaState[];
}

/** How far the state machine of one node is. Equal ones have applied the same, in one order. */
export interface ReplicaState {
  readonly count: number;
  readonly sum: number;
  readonly hash: string;
}

export interface Task {
  /** Does `operations` things with the numbers 0 … operations - 1. @returns their sum, as found */
  readonly batch: () => number | Promise<number>;
  /** Clears up after a batch; not part of the time. */
  readonly between?: () => void | Promise<void>;
}

export interface Program {
  readonly bench: string;
  /** Things in one batch. */
  readonly operations: number;
  /** How long to measure, and to do the same before that; no warm-up: 0. */
  readonly ms: number;
  readonly warmUpMs: number;
}

/** `node program.js BENCH OPERATIONS MS WARM_UP_MS` */
export function programOf([bench = '', ...numbers]: readonly string[]): Program {
  const [operations = 0, ms = 0, warmUpMs = 0] = numbers.map(Number);
  return { bench, operations, ms, warmUpMs };
}

/** Repeats `task` until the time is over, warm-up first. */
export async function repeat(program: Program, task: Task): Promise<Measured> {
  const { operations, ms, warmUpMs } = program;
  if (warmUpMs > 0) await during(warmUpMs, task);
  const { batches, ns, check } = await during(ms, task);
  return { operations: batches * operations, ns, check };
}

async function during(
  ms: number,
  { batch, between }: Task,
): Promise<{ batches: number; ns: number; check: number }> {
  let batches = 0;
  let spentMs = 0;
  let check = 0;
  do {
    const startedAt = performance.now();
    check += await batch();
    spentMs += performance.now() - startedAt;
    batches += 1;
    await between?.();
  } while (spentMs < ms);
  return { batches, ns: spentMs * 1e6, check };
}

/** Repeats `one` for each number of a batch, and times each by itself. */
export async function latency(
  program: Program,
  one: (value: number) => Promise<number>,
): Promise<Measured> {
  let times: number[] = [];
  const batch = async (): Promise<number> => {
    let sum = 0;
    for (let value = 0; value < program.operations; value += 1) {
      const startedAt = performance.now();
      sum += await one(value);
      times.push(performance.now() - startedAt);
    }
    return sum;
  };
  await during(program.warmUpMs, { batch });
  times = [];
  const { batches, ns, check } = await during(program.ms, { batch });
  const medianNs = (times.sort((a, b) => a - b)[times.length >> 1] ?? 0) * 1e6;
  return { operations: batches * program.operations, ns, check, medianNs };
}

/** Calls `one` with each number, `callers` at a time, each waiting for its own. @returns the sum */
export async function inFlight(
  callers: number,
  operations: number,
  one: (value: number) => Promise<number>,
): Promise<number> {
  const caller = async (first: number): Promise<number> => {
    let sum = 0;
    for (let value = first; value < operations; value += callers) sum += await one(value);
    return sum;
  };
  const sums = await Promise.all(Array.from({ length: callers }, (_, first) => caller(first)));
  return sums.reduce((sum, each) => sum + each, 0);
}

/**
 * Has numbers echoed in 64 KiB that begin with them. A caller whose bytes have come back writes the
 * next number there.
 */
export function inChunks(
  echo: (chunk: Uint8Array) => Promise<Uint8Array>,
): (value: number) => Promise<number> {
  const spare: Uint8Array[] = [];
  return async (value) => {
    const chunk = spare.pop() ?? new Uint8Array(CHUNK_BYTES);
    new DataView(chunk.buffer).setUint32(0, value);
    const answer = await echo(chunk);
    spare.push(chunk);
    return valueOf(answer);
  };
}

/** The number that a chunk begins with. @throws when it has another size */
function valueOf(chunk: Uint8Array): number {
  if (chunk.byteLength !== CHUNK_BYTES) throw new Error(`a chunk of ${chunk.byteLength} bytes`);
  return new DataView(chunk.buffer, chunk.byteOffset).getUint32(0);
}

const CHUNK_BYTES = 65_536;

/** Does `task` once, for what is measured by its size. `bytes` is what the heap has grown by. */
export async function weigh({ operations }: Program, task: Task): Promise<Measured> {
  const before = heapBytes();
  const startedAt = performance.now();
  const check = await task.batch();
  const ns = (performance.now() - startedAt) * 1e6;
  await new Promise((resolve) => setImmediate(resolve)); // Whatever was begun has come to rest.
  const bytes = heapBytes() - before;
  await task.between?.();
  return { operations, ns, check, bytes };
}

/** Does `task` once, cold. `bytes` is the most that the process ever held. */
export async function once({ operations }: Program, task: Task): Promise<Measured> {
  const startedAt = performance.now();
  const check = await task.batch();
  const ns = (performance.now() - startedAt) * 1e6;
  return { operations, ns, check, bytes: process.resourceUsage().maxRSS * 1_024 };
}

function heapBytes(): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run this with node --expose-gc');
  for (let times = 0; times < 3; times += 1) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Ends the process with what was found, whatever still runs in it. */
export function report(measured: Measured): void {
  process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0));
}

/** Runs the program's benchmark out of `benches`. */
export async function main(
  benches: Readonly<Record<string, (program: Program) => Promise<Measured>>>,
): Promise<void> {
  const program = programOf(process.argv.slice(-4)); // What comes before is for one program only.
  const bench = benches[program.bench];
  if (bench === undefined) throw new Error(`there is no benchmark '${program.bench}' in here`);
  report(await bench(program));
}
