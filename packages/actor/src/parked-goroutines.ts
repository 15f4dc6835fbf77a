import { type Env, processDefault } from './env.ts';
import { guardedLog } from './guarded-log.ts';
import { type IoBudget, ioBudgetOf, type ParkedOperation, type ParkObserver } from './io-budget.ts';

/** Frames kept of where an operation began to wait; those of this package are left out. */
const STACK_FRAMES = 32;
/** This package's own code, as it runs and as it was written. */
const OWN_CODE = ['dist/', 'src/'].map(
  (folder) => new URL(`../${folder}`, import.meta.url).pathname,
);

/** One goroutine, or whatever else awaits, that waits for a channel. */
export interface ParkedGoroutine {
  readonly number: number;
  /** As Go says it. */
  readonly state: 'chan send' | 'chan receive' | 'select';
  readonly waitedMs: number;
  /** For example `receive from channel 2 (0 of 4), made at main (file:///main.js:3:11)`. */
  readonly waitsFor: readonly string[];
  /** Where it began to wait, innermost call first, through the awaits of its callers. */
  readonly stack: readonly string[];
}

/** Everything waits for a channel, and nothing is left that could use one. */
export class Deadlock extends Error {
  override readonly name = 'Deadlock';
  readonly code = 'ERR_ALL_ASLEEP';
  constructor(
    readonly goroutines: readonly ParkedGoroutine[],
    options?: ErrorOptions,
  ) {
    super(
      `all goroutines are asleep - deadlock!\n\n${goroutines.map(textOf).join('\n\n')}`,
      options,
    );
  }
}

export interface ParkedGoroutinesOptions {
  /** Whose channels are followed. Default: the process's own. */
  readonly env?: Env;
}

interface Wait {
  readonly waiter: ParkedOperation;
  readonly channel: object;
  readonly kind: 'send' | 'receive';
}

interface Entry {
  readonly number: number;
  readonly since: number;
  readonly trace: Trace;
  readonly waits: Wait[];
}

interface Trace {
  stack?: string;
}

interface Made {
  readonly number: number;
  readonly trace: Trace;
}

/**
 * For debugging: who waits for which channel, and where in the program. It follows the channels
 * that are made after it, until it is closed; every wait costs some microseconds then.
 *
 *     const parked = new ParkedGoroutines();
 *     parked.reportAtExit(); // "all goroutines are asleep", when nothing is left to do
 */
export class ParkedGoroutines implements ParkObserver {
  readonly #env: Env;
  readonly #budget: IoBudget;
  readonly #made = new WeakMap<object, Made>();
  readonly #entries = new Map<object, Entry>();
  #channels = 0;
  #operations = 0;
  /** Entries that are over are looked for when there are this many. */
  #sweepAt = 1_024;
  #onExit: (() => void) | undefined = undefined;

  /** @throws {TypeError} when another follows the same `Env` */
  constructor(options: ParkedGoroutinesOptions = {}) {
    this.#env = options.env ?? processDefault;
    this.#budget = ioBudgetOf(this.#env);
    if (this.#budget.observer !== undefined) {
      throw new TypeError('another ParkedGoroutines follows this Env: close it first');
    }
    this.#budget.observer = this;
  }

  /** What waits now, longest first. */
  list(): readonly ParkedGoroutine[] {
    this.#sweep();
    return [...this.#entries.values()].map((entry) => this.#describe(entry));
  }

  /**
   * What Go would say, for a moment when nothing runs and no timer or input is to come: a process
   * that is about to exit, or a virtual `Env` that has settled without timers.
   * @returns undefined when nobody waits for a channel
   */
  deadlock(): Deadlock | undefined {
    const goroutines = this.list();
    return goroutines.length === 0 ? undefined : new Deadlock(goroutines);
  }

  /** Logs a deadlock when the process has nothing left to do, and makes it exit with 2, as Go. */
  reportAtExit(): void {
    if (this.#onExit !== undefined) return;
    this.#onExit = () => {
      const error = this.deadlock();
      if (error === undefined) return;
      guardedLog(this.#env.log).error({ goroutines: error.goroutines.length }, error.message);
      process.exitCode = 2;
    };
    process.on('beforeExit', this.#onExit);
  }

  close(): void {
    if (this.#budget.observer === this) this.#budget.observer = undefined;
    if (this.#onExit !== undefined) process.off('beforeExit', this.#onExit);
    this.#entries.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  made(channel: object): void {
    this.#channels += 1;
    this.#made.set(channel, { number: this.#channels, trace: traceOf() });
  }

  parked(waiter: ParkedOperation, channel: object, kind: 'send' | 'receive'): void {
    const { operation } = waiter;
    let entry = this.#entries.get(operation);
    if (entry === undefined) {
      if (this.#entries.size >= this.#sweepAt) this.#sweep();
      this.#operations += 1;
      const since = this.#env.now();
      entry = { number: this.#operations, since, trace: traceOf(), waits: [] };
      this.#entries.set(operation, entry);
    }
    entry.waits.push({ waiter, channel, kind });
  }

  #sweep(): void {
    for (const [operation, { waits }] of this.#entries) {
      if (waits.every(({ waiter }) => waiter.list === undefined)) this.#entries.delete(operation);
    }
    this.#sweepAt = Math.max(1_024, this.#entries.size * 2);
  }

  #describe({ number, since, trace, waits }: Entry): ParkedGoroutine {
    const isSelect = waits.some(({ waiter }) => waiter.operation !== waiter);
    return {
      number,
      state: isSelect ? 'select' : waits[0]?.kind === 'send' ? 'chan send' : 'chan receive',
      waitedMs: Math.round(this.#env.now() - since),
      waitsFor: waits.map((wait) => this.#target(wait)).sort(),
      stack: framesOf(trace),
    };
  }

  #target({ channel, kind }: Wait): string {
    const made = this.#made.get(channel);
    const { length, capacity } = channel as { readonly length: number; readonly capacity: number };
    const which = made === undefined ? 'a channel made before' : `channel ${made.number}`;
    const where = made === undefined ? undefined : framesOf(made.trace)[0];
    const place = where === undefined ? '' : `, made at ${where}`;
    const verb = kind === 'send' ? 'send to' : 'receive from';
    return `${verb} ${which} (${length} of ${capacity})${place}`;
  }
}

function traceOf(): Trace {
  const trace: Trace = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_FRAMES;
  Error.captureStackTrace(trace, traceOf);
  Error.stackTraceLimit = stackTraceLimit;
  return trace;
}

/** A trace becomes text when it is first looked at. */
function framesOf({ stack = '' }: Trace): string[] {
  const frames = stack.split('\n').slice(1);
  return frames
    .map((frame) => frame.trim().replace(/^at /, ''))
    .filter((frame) => !OWN_CODE.some((path) => frame.includes(path)))
    .filter((frame) => !frame.includes('node:internal'));
}

function textOf({ number, state, waitedMs, waitsFor, stack }: ParkedGoroutine): string {
  const head = `goroutine ${number} [${state}, ${waitedMs} ms]:`;
  return [head, ...waitsFor.map((text) => `  ${text}`), ...stack.map((at) => `  at ${at}`)].join(
    '\n',
  );
}
