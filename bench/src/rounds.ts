import type { Children } from './children.ts';
import type { Measured } from './programs/measure.ts';
import type { Bench, Command } from './suite.ts';

const PROGRAM_TIMEOUT_MS = 120_000;

/** One bench by one subject, over all rounds. */
export interface Row {
  readonly bench: Bench;
  readonly subject: string;
  readonly rounds: readonly Measured[];
  /** Why there are no figures, when there are none. */
  readonly missing: string | undefined;
  /** Whether the reason is a failure, not an absence. */
  readonly failed: boolean;
}

export interface Plan {
  readonly benches: readonly Bench[];
  /** The commands of the subjects; a text says why there is none. */
  readonly commands: ReadonlyMap<string, Command | string>;
  readonly rounds: number;
  /** How long each subject is measured in each round, and is warmed up before. */
  readonly ms: number;
  readonly warmUpMs: number;
}

interface Progress {
  readonly bench: Bench;
  readonly subject: string;
  readonly rounds: Measured[];
  missing: string | undefined;
  failed: boolean;
}

/**
 * Measures everything once a round, so that a machine that slows down slows down all of them.
 * Each measurement is a process of its own, which nothing before it has warmed up or littered.
 */
export async function measureRounds(
  plan: Plan,
  children: Children,
  onProgress: (text: string) => void,
): Promise<readonly Row[]> {
  const rows = plan.benches.flatMap((bench) =>
    bench.subjects
      .filter((subject) => plan.commands.has(subject))
      .map((subject): Progress => {
        const command = plan.commands.get(subject);
        const missing = typeof command === 'string' ? command : undefined;
        return { bench, subject, rounds: [], missing, failed: false };
      }),
  );
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const row of rows) {
      const command = plan.commands.get(row.subject);
      if (row.missing !== undefined || typeof command !== 'object') continue;
      onProgress(`round ${round} of ${plan.rounds}: ${row.bench.name}, ${row.subject}`);
      try {
        row.rounds.push(await measure(row.bench, command, { children, plan }));
      } catch (error) {
        row.missing = error instanceof Error ? error.message : String(error);
        row.failed = true;
      }
    }
  }
  return rows;
}

async function measure(
  bench: Bench,
  { file, args, ...rest }: Command,
  { children, plan }: { readonly children: Children; readonly plan: Plan },
): Promise<Measured> {
  const numbers = [bench.operations, plan.ms, plan.warmUpMs].map(String);
  const command = { file, args: [...args, bench.name, ...numbers], ...rest };
  const { timeoutMs = PROGRAM_TIMEOUT_MS } = bench;
  const printed = await children.run(command, { timeoutMs });
  return verified(JSON.parse(printed) as Measured, bench);
}

/** @throws when numbers were lost, doubled or invented, or replicas have not come to the same */
export function verified(measured: Measured, { operations }: Pick<Bench, 'operations'>): Measured {
  const { check, ns } = measured;
  const batches = measured.operations / operations;
  const expected = batches * ((operations * (operations - 1)) / 2);
  if (!Number.isSafeInteger(batches) || batches < 1 || !(ns > 0)) {
    throw new Error(`no whole batches of ${operations}: ${JSON.stringify(measured)}`);
  }
  if (check !== expected) {
    throw new Error(`wrong result: the numbers sum up to ${check}, not ${expected}`);
  }
  const [first, ...others] = (measured.replicas ?? []).map((state) => JSON.stringify(state));
  const other = others.find((state) => state !== first);
  if (other !== undefined) throw new Error(`replicas differ: ${first}, and ${other}`);
  return measured;
}
