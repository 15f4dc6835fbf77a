import { checkDuration, checkInteger, TIMER_MS_MAX } from './number-limits.ts';

/** What becomes of an actor that has failed. */
export type Directive = 'restart' | 'resume' | 'stop' | 'escalate';

export type SupervisionStrategy = 'one-for-one' | 'all-for-one' | 'rest-for-one';

/** Pauses, in milliseconds. */
export interface BackOff {
  /** Before the first restart of a series, 0 … `maxMs`; doubled for each further one. */
  readonly firstMs: number;
  /** Longest pause, 0 … 2 ** 31 - 1. */
  readonly maxMs: number;
}

export interface SupervisionOptions {
  /** In `withinMs`, or `Infinity`; one restart more is the parent's own failure. Default: 3. */
  readonly restarts?: number;
  /** Milliseconds in which restarts are counted, from 1 on. Default: 10,000. */
  readonly withinMs?: number;
  /** Each pause is cut by up to half at random, so that many do not come at once. Default: none. */
  readonly backOff?: BackOff;
  /** What to do about an error. Default: `'restart'`, whatever it is. */
  readonly decide?: (error: unknown) => Directive;
}

/** How a parent looks after its children: `@actor({ kind: 'crew', supervision: oneForOne() })`. */
export interface Supervision {
  readonly strategy: SupervisionStrategy;
  readonly restarts: number;
  readonly withinMs: number;
  readonly backOff: BackOff | undefined;
  readonly decide: (error: unknown) => Directive;
}

/** Only the child that failed is restarted. */
export function oneForOne(options: SupervisionOptions = {}): Supervision {
  return supervision('one-for-one', options);
}

/** All children are restarted when one fails: for those that cannot do without each other. */
export function allForOne(options: SupervisionOptions = {}): Supervision {
  return supervision('all-for-one', options);
}

/** The child that failed and those started after it are restarted: for a chain that builds up. */
export function restForOne(options: SupervisionOptions = {}): Supervision {
  return supervision('rest-for-one', options);
}

function supervision(strategy: SupervisionStrategy, options: SupervisionOptions): Supervision {
  const { restarts = 3, withinMs = 10_000, backOff, decide = () => 'restart' } = options;
  if (restarts !== Infinity) checkInteger('restarts', restarts, [0, Number.MAX_SAFE_INTEGER]);
  checkDuration('withinMs', withinMs, [1, Infinity]);
  if (backOff !== undefined) {
    checkDuration('backOff.maxMs', backOff.maxMs, [0, TIMER_MS_MAX]);
    checkDuration('backOff.firstMs', backOff.firstMs, [0, backOff.maxMs]);
  }
  return { strategy, restarts, withinMs, backOff, decide };
}
