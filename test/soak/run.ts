import { after, select } from 'troupe';
import { NodeProcess } from './node-processes.ts';
import type { Seating, Spoken } from './orders.ts';
import type { Figures } from './report.ts';
import { BURST } from './visitor.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly clients: number;
  readonly nodes: number;
  readonly rooms: number;
  /** Lines that each client says a second. */
  readonly rate: number;
  /** Ends the run early, without figures. */
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

const PROGRESS_MS = 5_000;
/** Of the run: what is made once is made by then. */
const WARM_UP = 0.1;

/** @throws when a process fails or ends by itself, or the signal's reason */
export async function soak(options: SoakOptions): Promise<Figures> {
  const names = Array.from({ length: options.nodes }, (_, i) => `soak-${i + 1}`);
  const nodes = names.map((name) => new NodeProcess(name));
  try {
    return await Promise.race([measure(nodes, options), interrupted(options.signal)]);
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
  }
}

async function measure(nodes: readonly NodeProcess[], options: SoakOptions): Promise<Figures> {
  const { seconds, clients, rooms, rate, progress } = options;
  for (const { name, pid } of nodes) progress(`node ${name} is process ${pid}`);
  await gather(nodes);
  progress(`${clients} clients enter ${rooms} rooms`);
  const people = seats(options);
  await Promise.all(
    nodes.map((node, i) =>
      node.tell({ kind: 'enter', people: people.filter((_, n) => n % nodes.length === i) }),
    ),
  );
  const everyMs = (BURST / rate) * 1_000;
  await all(nodes, (node) => node.tell({ kind: 'talk', everyMs }));

  const heapAt = async (): Promise<number[]> => all(nodes, (node) => node.tell({ kind: 'heap' }));
  await watch(nodes, options, [0, WARM_UP]);
  const start = await heapAt();
  await watch(nodes, options, [WARM_UP, 0.5]);
  const middle = await heapAt();
  await watch(nodes, options, [0.5, 1]);
  const end = await heapAt();

  progress('waiting for the last lines');
  const hushed = await all(nodes, (node) => node.tell({ kind: 'hush' }));
  const spoken = joined(hushed.map((each) => each.spoken));
  const heard = await all(nodes, (node) => node.tell({ kind: 'tally', spoken }));
  await all(nodes, (node) => node.tell({ kind: 'stop' }));
  return {
    seconds,
    clients,
    rooms,
    ...linesOf(spoken),
    received: sum(heard.map(({ received }) => received)),
    lost: sum(heard.map(({ lost }) => lost)),
    disordered: sum(heard.map(({ disordered }) => disordered)),
    failed: sum(hushed.map(({ failed }) => failed)),
    why: hushed.find(({ why }) => why !== undefined)?.why,
    nodes: nodes.map(({ name }, i) => ({
      name,
      start: start[i] ?? NaN,
      middle: middle[i] ?? NaN,
      end: end[i] ?? NaN,
    })),
  };
}

/** All join the first one, and go on when each knows of all. */
async function gather(nodes: readonly NodeProcess[]): Promise<void> {
  const [first, ...others] = nodes;
  if (first === undefined) return;
  const address = await first.tell({ kind: 'start', name: first.name, join: [] });
  await all(others, (node) => node.tell({ kind: 'start', name: node.name, join: [address] }));
  await all(nodes, (node) => node.tell({ kind: 'gather', members: nodes.length }));
}

/** Everybody's name and room: rooms are equally full, and have people of every node. */
function seats({ clients, rooms }: SoakOptions): Seating[] {
  return Array.from({ length: clients }, (_, n) => ({
    nick: `client-${n + 1}`,
    room: `room-${Math.floor((n * rooms) / clients) + 1}`,
  }));
}

/** Says how things go, from one share of the run to another. */
async function watch(
  nodes: readonly NodeProcess[],
  { seconds, progress }: SoakOptions,
  [from, to]: readonly [number, number],
): Promise<void> {
  const startedAt = performance.now() - from * seconds * 1_000;
  for (;;) {
    const leftMs = startedAt + to * seconds * 1_000 - performance.now();
    if (leftMs <= 0) return;
    await select({ pause: after(Math.min(leftMs, PROGRESS_MS)) });
    const counts = await all(nodes, (node) => node.tell({ kind: 'count' }));
    const [said, heard] = [sum(counts.map((c) => c.said)), sum(counts.map((c) => c.heard))];
    const elapsed = Math.round((performance.now() - startedAt) / 1_000);
    progress(`${elapsed} s of ${seconds} s: ${said} lines said, heard ${heard} times`);
  }
}

function joined(parts: readonly Spoken[]): Spoken {
  const spoken: Record<string, Record<string, number>> = {};
  for (const [room, lines] of parts.flatMap((part) => Object.entries(part))) {
    spoken[room] = { ...spoken[room], ...lines };
  }
  return spoken;
}

function linesOf(spoken: Spoken): { readonly said: number; readonly expected: number } {
  let [said, expected] = [0, 0];
  for (const lines of Object.values(spoken)) {
    const inRoom = sum(Object.values(lines));
    said += inRoom;
    expected += inRoom * Object.keys(lines).length;
  }
  return { said, expected };
}

function all<N, R>(items: readonly N[], run: (item: N) => Promise<R>): Promise<R[]> {
  return Promise.all(items.map(run));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function interrupted(signal: AbortSignal): Promise<never> {
  await select({ stop: signal });
  throw signal.reason;
}
