/** What becomes of an actor that has failed. */
export type Directive = 'restart' | 'resume' | 'stop' | 'escalate';

export type SupervisionStrategy = 'one-for-one' | 'all-for-one' | 'rest-for-one';

export interface BackOff {
  /** Pause before the first restart of a series, in milliseconds; doubled for each further one. */
  readonly firstMs: number;
  /** Longest pause, in milliseconds, below 2 ** 31. */
  readonly maxMs: number;
}

export interface SupervisionOptions {
  /** Restarts within `withinMs`; one more is the parent's own failure. Default: 3. */
  readonly restarts?: number;
  /** Milliseconds in which restarts are counted. Default: 10,000. */
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
  if (!(restarts >= 0)) throw new RangeError(`restarts must not be negative, not ${restarts}`);
  if (!(withinMs > 0)) throw new RangeError(`withinMs must be positive, not ${withinMs}`);
  const { firstMs, maxMs } = backOff ?? { firstMs: 0, maxMs: 0 };
  if (!(firstMs >= 0 && maxMs >= firstMs && maxMs < 2 ** 31)) {
    throw new RangeError(
      `backOff must have 0 <= firstMs <= maxMs < 2 ** 31, not ${firstMs} and ${maxMs}`,
    );
  }
  return { strategy, restarts, withinMs, backOff, decide };
}
