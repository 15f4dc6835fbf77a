import type { Line } from './line.ts';
import type { Thing } from './things.ts';

/** For one attempt; a part that takes more is not the one that is shown. */
const STEPS_MAX = 100_000;
/** So many operations are looked at from the end for a beginning. */
const REACH_MAX = 60;

/** The smallest part of a key's history that was found to have no order. */
export interface Window {
  readonly lines: readonly Line[];
  /** Whatever the key was before, they have no order; else that it was empty matters. */
  readonly fromAnywhere: boolean;
}

/**
 * Of operations that have no order: up to the first return without which they would have one; since
 * the latest call from which on they have none whatever was before; without those that only looked
 * and are not needed; and with those that changed something and are not needed left in doubt. Each
 * of these allows all orders that there were, and more.
 */
export function smallestWindow(thing: Thing, lines: readonly Line[]): Window {
  const until = firstImpossible(thing, lines);
  const found = lastBeginning(thing, until);
  const fromAnywhere = found !== undefined;
  return { lines: onlyNeeded(thing, found ?? until, fromAnywhere), fromAnywhere };
}

/** The shortest beginning, in the order of returns, that has no order. */
function firstImpossible(thing: Thing, lines: readonly Line[]): readonly Line[] {
  const returns = lines.flatMap((line) => line.return ?? []).toSorted((a, b) => a - b);
  let [low, high] = [0, returns.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (hasNoOrder(thing, upTo(thing, lines, returns[middle] ?? 0), false)) high = middle;
    else low = middle + 1;
  }
  return upTo(thing, lines, returns[high] ?? 0);
}

/** What was known at `end`: what had not returned then may have happened, or not. */
export function upTo(thing: Thing, lines: readonly Line[], end: number): readonly Line[] {
  return lines.flatMap((line) => {
    if (line.call > end) return [];
    return line.return !== null && line.return <= end ? [line] : inDoubt(thing, line);
  });
}

/** @returns undefined when they do have an order if anything may have been before */
function lastBeginning(thing: Thing, lines: readonly Line[]): readonly Line[] | undefined {
  const calls = lines.map(({ call }) => call).toSorted((a, b) => b - a);
  for (const begin of calls.slice(0, REACH_MAX)) {
    const since = lines.flatMap((line) => {
      if (line.call >= begin) return [line];
      return line.return !== null && line.return < begin ? [] : inDoubt(thing, line);
    });
    if (hasNoOrder(thing, since, true)) return since;
  }
  return undefined;
}

function onlyNeeded(thing: Thing, lines: readonly Line[], fromAnywhere: boolean): readonly Line[] {
  let left = lines;
  for (const line of lines) {
    if (line.return === null) continue;
    const fewer = left.flatMap((other) => (other === line ? inDoubt(thing, line) : [other]));
    if (hasNoOrder(thing, fewer, fromAnywhere)) left = fewer;
  }
  return left;
}

function inDoubt(thing: Thing, line: Line): readonly Line[] {
  return thing.isLook(line) ? [] : [{ ...line, return: null, outcome: 'unknown' }];
}

function hasNoOrder(thing: Thing, lines: readonly Line[], fromAnywhere: boolean): boolean {
  return thing.judge(lines, { fromAnywhere, stepsMax: STEPS_MAX }) === 'violated';
}
