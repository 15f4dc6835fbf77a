/** What a run has come to. */
export interface Figures {
  readonly seconds: number;
  readonly clients: number;
  readonly rooms: number;
  readonly said: number;
  /** Lines that should have been heard: each line, by everybody in its room. */
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly disordered: number;
  /** Lines that were refused or whose call failed, and the first reason. */
  readonly failed: number;
  readonly why: string | undefined;
  readonly nodes: readonly NodeHeap[];
}

/** Bytes in use on one process's heap, garbage aside. */
export interface NodeHeap {
  readonly name: string;
  /** Once everybody talks. */
  readonly start: number;
  readonly middle: number;
  readonly end: number;
}

/** What a heap may grow by from start to end: the engine compiles and caches as it goes. */
export const GROWTH_MAX = 0.1;
export const GROWTH_BYTES_MAX: number = 2 * 1024 * 1024;

/** @returns what is wrong with a run, a sentence each; nothing when it is as it should be */
export function complaintsOf(figures: Figures): string[] {
  const { said, lost, disordered, failed, why, nodes } = figures;
  const complaints: string[] = [];
  if (said === 0) complaints.push('nothing was said');
  if (failed > 0) complaints.push(`${failed} lines failed, the first: ${why ?? 'no reason'}`);
  if (lost > 0) complaints.push(`${lost} lines were lost`);
  if (disordered > 0) complaints.push(`${disordered} lines came out of order`);
  for (const { name, start, end } of nodes) {
    if (end - start <= Math.max(GROWTH_BYTES_MAX, start * GROWTH_MAX)) continue;
    complaints.push(`the heap of node ${name} grew from ${mebibytes(start)} to ${mebibytes(end)}`);
  }
  return complaints;
}

export function reportOf(figures: Figures): string {
  const { seconds, clients, rooms, said, expected, received } = figures;
  const rows: readonly (readonly [string, number])[] = [
    ['said', said],
    ['expected', expected],
    ['received', received],
    ['lost', figures.lost],
    ['disordered', figures.disordered],
    ['failed', figures.failed],
  ];
  const heaps = figures.nodes.map(({ name, start, middle, end }) => {
    const cells = [start, middle, end].map((bytes) => mebibytes(bytes).padStart(12));
    return `  ${name.padEnd(11)}${cells.join('')}`;
  });
  const complaints = complaintsOf(figures);
  return [
    `${clients} clients in ${rooms} rooms on ${figures.nodes.length} nodes, ${seconds} s`,
    '',
    'lines',
    ...rows.map(([name, lines]) => `  ${name.padEnd(11)}${String(lines).padStart(12)}`),
    '',
    'heap used          start      middle         end',
    ...heaps,
    '',
    ...complaints.map((complaint) => `FAILED: ${complaint}`),
    ...(complaints.length === 0 ? ['passed: no line lost or out of order, memory flat'] : []),
    '',
  ].join('\n');
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
