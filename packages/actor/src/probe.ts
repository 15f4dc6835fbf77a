import { type TurnName, wordsOf } from './context.ts';

/** How long a turn waits for a call before it looks for a cycle, and then again each time. */
export const PROBE_MS = 500;
/** Turns that one probe may pass through, one after another. */
export const HOPS_MAX = 32;
/** Turns that one probe may ask in all, where its ways part. */
export const TURNS_MAX = 256;
/** Calls of one turn that are looked into at a time. */
export const CALLS_MAX = 32;

/** A turn, and since when it waits: of two, the one that came later is the younger. */
export interface Age extends TurnName {
  /** Milliseconds since 1970, by the clock of the turn's own node. */
  readonly since: number;
}

/**
 * A question that follows waiting calls from turn to turn, on whichever node they are: does the
 * turn that asked wait for itself? Plain data, so that nodes can pass it on.
 * @see Chandy, Misra & Haas 1983, "Distributed Deadlock Detection": edge chasing. Deviates: the
 *   turn that finds itself in a cycle ends it only when it is the youngest, as each asks for itself
 */
export interface Probe {
  /** Which of its calls the asking turn, the first of `path`, means. */
  readonly call: number;
  /** The turns so far, each waiting for the next. */
  readonly path: readonly TurnName[];
  /** The last turn of `path`. */
  readonly from: Age;
  /** The youngest turn of `path` whose call has not begun, and could be taken back. */
  readonly youngest: Age | undefined;
  /** How many turns may still be asked; shared out where the ways part. */
  readonly turns: number;
}

/** What a turn waits for. */
export interface Waited {
  nextWaited: Waited | undefined;
  previousWaited: Waited | undefined;
  /** Unlike those of the turn's other calls. */
  waitedId: number;
  /** Asks on behalf of the turn that waits. */
  chase(probe: Probe): void;
  /** The turn waits no longer, since nobody waits for it. */
  cancel(cause: unknown): void;
  /** The call will never be answered: takes it back. */
  breakWith(path: string): void;
}

/** `probe` at a call that waits; undefined when it has gone far enough. */
export function onwards(probe: Probe, hasBegun: boolean): Probe | undefined {
  if (probe.path.length > HOPS_MAX) return undefined;
  if (hasBegun) return probe;
  return { ...probe, youngest: younger(probe.youngest, probe.from) };
}

/** Up to `most` of `ways`; which ones is left to chance, so that in time each has its turn. */
export function someOf<T>(ways: readonly T[], most: number, random: () => number): readonly T[] {
  if (ways.length <= most) return ways;
  const from = Math.floor(random() * ways.length);
  return [...ways.slice(from), ...ways.slice(0, from)].slice(0, most);
}

export function isSameTurn(one: TurnName | undefined, other: TurnName): boolean {
  return one !== undefined && one.turn === other.turn && one.address === other.address;
}

/** `a.f → b.g → a.h`, where `last` is the call that can never begin. */
export function pathText(path: readonly TurnName[], last: string): string {
  return [...path.map(wordsOf), last].join(' → ');
}

function younger(one: Age | undefined, other: Age): Age {
  if (one === undefined) return other;
  if (one.since !== other.since) return one.since > other.since ? one : other;
  if (one.address !== other.address) return one.address > other.address ? one : other;
  return one.turn > other.turn ? one : other;
}
