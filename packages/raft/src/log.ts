import { assert } from './errors.ts';
import { bytesOf, type Entry, type Position } from './entry.ts';

/**
 * What the core keeps of the log. Terms are known for every entry since `base`, run by run, which
 * is a few numbers for millions of entries; the entries themselves only as far as they are recent.
 * Older ones are on the driver's disk, and asked for when a follower needs them.
 */
export interface Log {
  /** The position before the first entry that still exists. */
  base: Position;
  /** Where each term begins, oldest first; together they cover `base.index + 1` … `last`. */
  runs: TermRun[];
  last: number;
  /** The newest entries, without gaps up to `last`. */
  recent: Entry[];
  recentBytes: number;
  /** How far the log is on disk. */
  durable: number;
}

export interface TermRun {
  readonly from: number;
  readonly term: number;
}

export function emptyLog(base: Position): Log {
  return { base, runs: [], last: base.index, recent: [], recentBytes: 0, durable: base.index };
}

/** @returns `undefined` for what is not, or no longer, in the log */
export function termAt(log: Log, index: number): number | undefined {
  if (index === log.base.index) return log.base.term;
  if (index < log.base.index || index > log.last) return undefined;
  return log.runs[runOf(log, index)]?.term;
}

/** The number of the run that `index` is in; nearly always the last. */
function runOf({ runs }: Log, index: number): number {
  let at = runs.length - 1;
  while (at > 0 && (runs[at]?.from ?? 0) > index) at -= 1;
  return at;
}

export function lastPosition(log: Log): Position {
  const term = log.runs.at(-1)?.term ?? log.base.term;
  return { index: log.last, term };
}

/** Adds what follows `last`; what was there must have been truncated before. */
export function extend(log: Log, entries: readonly Entry[]): void {
  for (const entry of entries) {
    assert(entry.index === log.last + 1, `entry ${entry.index} follows ${log.last}`);
    const term = log.runs.at(-1)?.term ?? log.base.term;
    assert(entry.term >= term, `term ${entry.term} follows ${term} at ${entry.index}`);
    if (log.runs.length === 0 || entry.term !== term) {
      log.runs.push({ from: entry.index, term: entry.term });
    }
    log.recent.push(entry);
    log.recentBytes += bytesOf(entry);
    log.last = entry.index;
  }
}

/** Removes `index` and everything behind it. */
export function truncateFrom(log: Log, index: number): void {
  assert(index > log.base.index, `${index} is truncated, and the log begins after that`);
  while ((log.runs.at(-1)?.from ?? 0) >= index) log.runs.pop();
  for (const entry of log.recent.splice(Math.max(0, index - recentFrom(log)))) {
    log.recentBytes -= bytesOf(entry);
  }
  log.last = index - 1;
  log.durable = Math.min(log.durable, log.last);
}

/** Forgets what is at or before `index`. */
export function compactTo(log: Log, index: number): void {
  const term = termAt(log, index);
  assert(term !== undefined, `${index} is compacted, and not in the log`);
  const at = runOf(log, index);
  log.runs.splice(0, at);
  const run = log.runs[0];
  if (run !== undefined) log.runs[0] = { from: index + 1, term: run.term };
  if ((log.runs[1]?.from ?? log.last + 1) === index + 1) log.runs.shift();
  forgetRecent(log, index);
  log.base = { index, term };
}

/** The index of the first entry that is still in memory; `last + 1` when none is. */
export function recentFrom(log: Log): number {
  return log.last - log.recent.length + 1;
}

/** Forgets entries up to `index`, which are on disk, when they take more than `bytesMax`. */
export function evict(log: Log, index: number, bytesMax: number): void {
  if (log.recentBytes <= bytesMax) return;
  let from = recentFrom(log);
  let bytes = log.recentBytes;
  // Down to three quarters at once: shifting entry by entry would move the rest each time.
  for (const entry of log.recent) {
    if (entry.index > index || bytes <= bytesMax * 0.75) break;
    bytes -= bytesOf(entry);
    from = entry.index + 1;
  }
  forgetRecent(log, from - 1);
}

function forgetRecent(log: Log, index: number): void {
  for (const entry of log.recent.splice(0, Math.max(0, index - recentFrom(log) + 1))) {
    log.recentBytes -= bytesOf(entry);
  }
}

export interface SliceLimits {
  readonly to: number;
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/**
 * The entries from `from` on, at least one of them whatever its size, then as many as the limits
 * allow.
 * @returns `undefined` when `from` is no longer in memory
 */
export function slice(log: Log, from: number, limits: SliceLimits): readonly Entry[] | undefined {
  const first = from - recentFrom(log);
  if (first < 0) return undefined;
  const end = Math.min(limits.to - recentFrom(log) + 1, first + limits.entriesMax);
  let bytes = 0;
  let at = first;
  for (; at < end; at += 1) {
    const entry = log.recent[at];
    if (entry === undefined) break;
    bytes += bytesOf(entry);
    if (bytes > limits.bytesMax && at > first) break;
  }
  return log.recent.slice(first, at);
}

/**
 * The last position at or before `index` whose term is at most `term`: on a conflict, the only
 * place behind which nothing can match. Each exchange rules out a whole term at least (§5.3).
 */
export function lastWithTermAtMost(log: Log, index: number, term: number): Position {
  let at = Math.min(index, log.last);
  while (at > log.base.index) {
    const run = log.runs[runOf(log, at)];
    assert(run !== undefined, `no term is known for ${at}`);
    if (run.term <= term) return { index: at, term: run.term };
    at = run.from - 1;
  }
  return log.base;
}
