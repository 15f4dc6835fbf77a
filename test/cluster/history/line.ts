/** One line of a history: what one client asked for, when, and what came of it. */
export interface Line {
  /** Does one thing at a time; one whose call had an unknown outcome never speaks again. */
  readonly client: string;
  readonly op: string;
  /** What it is about: `register/1`, `list/1`, `counter/1`, `lock/1`. */
  readonly key: string;
  /** What was given, and what came back: see `docs/history.md`. */
  readonly value: unknown;
  /** Milliseconds by the monotonic clock of the one process that wrote all of it. */
  readonly call: number;
  /** null: nobody knows whether it has taken effect, or will. */
  readonly return: number | null;
  readonly outcome: Outcome;
  /** Which node was asked. */
  readonly node?: string;
  /** The code of the error, when it is not `ok`. */
  readonly error?: string;
}

/** `fail`: it certainly had no effect. `unknown`: it had, will have, or never has. */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** Who wrote what no client did: what was broken on purpose, and what the run itself saw. */
export const FAULTS = 'faults';
export const RUN = 'run';

export class NoHistory extends Error {
  override readonly name = 'NoHistory';
}

/** @throws {NoHistory} which says what is wrong with it */
export function parseLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NoHistory('it is no JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null) throw new NoHistory('it is no object');
  const line = value as Readonly<Partial<Record<keyof Line, unknown>>>;
  for (const field of ['client', 'op', 'key'] as const) {
    if (typeof line[field] !== 'string') throw new NoHistory(`'${field}' is no text`);
  }
  const { call, return: end, outcome } = line;
  if (typeof call !== 'number') throw new NoHistory("'call' is no number");
  if (outcome === 'unknown' ? end !== null : typeof end !== 'number' || end < call) {
    throw new NoHistory("'return' is a number from 'call' on, or null for an unknown outcome");
  }
  if (outcome !== 'ok' && outcome !== 'fail' && outcome !== 'unknown') {
    throw new NoHistory("'outcome' is ok, fail or unknown");
  }
  return line as Line;
}
