import type { Env } from './env.ts';

/** Operations between two looks at the clock; a look costs as much as several operations. */
const OPERATIONS_PER_LOOK = 256;
/** What one turn of the event loop may spend on messages and channel operations. */
const TURN_MS_MAX = 2;
/** The same bound counted in looks, for an `Env` whose clock stands still. */
const LOOKS_MAX = 64;

/** Who follows the channels of one `Env`; see `ParkedGoroutines`. */
export interface ParkObserver {
  made(channel: object): void;
  parked(waiter: ParkedOperation, channel: object, kind: 'send' | 'receive'): void;
}

export interface ParkedOperation {
  /** Undefined once it waits no more. */
  readonly list: object | undefined;
  readonly operation: object;
}

/**
 * Keeps a busy process open to input. Promise callbacks run before any timer or socket, so two
 * actors (or goroutines) that answer each other without end would stop the world: whoever works
 * in a loop asks `spend` before each step and, when told so, goes on only after `Env.afterIo`.
 */
export class IoBudget {
  /** Sees every operation that waits, while there is one. */
  observer: ParkObserver | undefined = undefined;
  readonly #env: Env;
  #operations = 0;
  #looks = 0;
  #turnStart = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  /**
   * Counts one operation.
   * @returns true when the caller must let input and timers run before its next step
   */
  spend(): boolean {
    this.#operations += 1;
    if (this.#operations < OPERATIONS_PER_LOOK) return false;
    this.#operations = 0;
    this.#looks += 1;
    const now = this.#env.now();
    if (this.#looks < LOOKS_MAX && now - this.#turnStart < TURN_MS_MAX) return false;
    this.#looks = 0;
    this.#turnStart = now; // Not the true start of the next turn; being early costs one afterIo.
    return true;
  }
}

const budgets = new WeakMap<Env, IoBudget>();

/** The one budget of an `Env`: actors and channels of one event loop share its turn. */
export function ioBudgetOf(env: Env): IoBudget {
  let budget = budgets.get(env);
  if (budget === undefined) budgets.set(env, (budget = new IoBudget(env)));
  return budget;
}
