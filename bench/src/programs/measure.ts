/** What one process found out, printed as one line of JSON; the other languages do the same. */
export interface Measured {
  /** Things done, and the nanoseconds that they took together. */
  readonly operations: number;
  readonly ns: number;
  /** The sum of all numbers that arrived, by which the harness knows that all of them did. */
  readonly check: number;
  /** Memory, where the benchmark is about it. */
  readonly bytes?: number;
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
  /** How long to measure; the warm-up before takes half of that again. */
  readonly ms: number;
}

/** `node program.js BENCH OPERATIONS MS` */
export function programOf([bench = '', operations, ms]: readonly string[]): Program {
  return { bench, operations: Number(operations), ms: Number(ms) };
}

/** Repeats `task` until the time is over, warm-up first. */
export async function repeat({ operations, ms }: Program, task: Task): Promise<Measured> {
  await during(ms / 2, task);
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
  const program = programOf(process.argv.slice(2));
  const bench = benches[program.bench];
  if (bench === undefined) throw new Error(`there is no benchmark '${program.bench}' in here`);
  report(await bench(program));
}
