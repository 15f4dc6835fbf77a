/**
 * The one door to the world. Everything in Troupe that needs time, timers, randomness or a log is
 * given an `Env` when it is made, so that fifty nodes can live in one process, each in its own
 * time (see `@troupe/actor/testing` for an `Env` whose clock is moved by hand).
 */
export interface Env {
  /** Milliseconds since an arbitrary start; never goes back. Fractions are allowed. */
  now(): number;
  /** Milliseconds since 1970. May jump: for people, and to tell a node's start from the next. */
  wallTime(): number;
  /** Runs `run` once, not before `delayMs` milliseconds have passed. */
  setTimer(delayMs: number, run: () => void): Timer;
  /** Runs `run` after the event loop has served the input and timers that wait by now. */
  afterIo(run: () => void): void;
  /**
   * Runs `run` when no promise callback waits any more, also none that another has brought about,
   * and before any input or timer. Absent where runs must repeat exactly, and in browsers: a
   * promise callback of its own does instead.
   */
  afterPromises?(run: () => void): void;
  /**
   * Runs `run` some time after nothing refers to `value` any more, or never: it is for giving back
   * what was forgotten, not for what must happen. `run` must not refer to `value`. Absent where
   * runs must repeat exactly.
   */
  whenCollected?(value: object, run: () => void): void;
  /** A number in [0, 1); not for secrets. */
  random(): number;
  readonly log: Log;
}

export interface Timer {
  /** Forgets the timer; harmless when it has fired already. */
  cancel(): void;
  /**
   * Whether the process waits for the timer before it ends; it does unless it is told otherwise.
   * Absent where there is no process that could end.
   */
  keepAlive?(isWaitedFor: boolean): void;
}

/** The four levels that pino, and most loggers after it, agree on. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface ProcessEnvOptions {
  /** Where the log goes. Default: warnings and errors to stderr, one line each. */
  readonly log?: Log;
  /** Fixes the sequence that `random` yields, an integer. Default: a fresh one. */
  readonly seed?: number;
}

/** What Node.js has, and a browser may not have. */
interface Platform {
  readonly process?: { readonly nextTick?: (run: () => void) => void };
  readonly setImmediate?: (run: () => void) => unknown;
}

/** The real world: this process's monotonic clock, timers and stderr. */
export function processEnv(options: ProcessEnvOptions = {}): Env {
  const registry = new FinalizationRegistry<() => void>((run) => run());
  const platform: Platform = globalThis;
  const nextTick = platform.process?.nextTick;
  return {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    setTimer(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return {
        cancel: () => clearTimeout(timer),
        keepAlive: (isWaitedFor) => void (isWaitedFor ? timer.ref() : timer.unref()),
      };
    },
    afterIo: (run) => void (platform.setImmediate ?? setTimeout)(run),
    ...(nextTick !== undefined && { afterPromises: nextTick }),
    whenCollected: (value, run) => registry.register(value, run),
    random: xorshift(options.seed ?? Math.floor(Math.random() * 2 ** 32)),
    log: options.log ?? stderrLog,
  };
}

/** Marsaglia 2003, "Xorshift RNGs": 32 bits of state, one cheap step a number. */
export function xorshift(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 0 || 1; // Zero is the one state that xorshift never leaves.
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Warnings and errors, one line each. */
export const stderrLog: Log = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.warn(`troupe: ${message}`, fields),
  error: (fields, message) => console.error(`troupe: ${message}`, fields),
};

/** For whatever is made without an `Env`; one for all, as they share one event loop. */
export const processDefault: Env = processEnv();
