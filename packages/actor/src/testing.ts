import { type Env, type Log, type LogFields, xorshift } from './env.ts';

export { ActorProbe } from './actor-probe.ts';
export type { ProbedMessage } from './actor-probe.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: LogFields;
  readonly message: string;
}

/** An `Env` whose clock stands still until told otherwise. */
export interface VirtualEnv extends Env {
  /** All that was logged, in order. */
  readonly logged: readonly LogLine[];
  /** Timers that wait. */
  readonly timers: number;
  /** Moves the clock, firing what falls due in order, and lets everything settle after each. */
  advance(ms: number): Promise<void>;
  /** Says that nothing refers to `value` any more, as the garbage collector would one day. */
  collect(value: object): void;
  /** Resolves when nothing more happens unless the clock moves. */
  settled(): Promise<void>;
}

/** 2020-01-01, so that no test passes or fails by the date it runs on. */
const WALL_TIME_START = Date.UTC(2020, 0, 1);

interface VirtualTimer {
  readonly at: number;
  readonly run: () => void;
}

/** @param seed of `random`; the same seed gives the same numbers */
export function virtualEnv(seed: number = 1): VirtualEnv {
  let now = 0;
  const timers = new Set<VirtualTimer>();
  let waiting: (() => void)[] = [];
  const collectable = new WeakMap<object, (() => void)[]>();
  const logged: LogLine[] = [];
  const log: Log = {
    debug: (fields, message) => void logged.push({ level: 'debug', fields, message }),
    info: (fields, message) => void logged.push({ level: 'info', fields, message }),
    warn: (fields, message) => void logged.push({ level: 'warn', fields, message }),
    error: (fields, message) => void logged.push({ level: 'error', fields, message }),
  };

  async function settled(): Promise<void> {
    do {
      await microtasksDone();
      const due = waiting;
      waiting = [];
      for (const run of due) run();
    } while (waiting.length > 0 || (await microtasksDone(), waiting.length > 0));
  }

  /** Equal times fire in the order they were set, as a Set iterates. */
  function firstUntil(end: number): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }

  return {
    now: () => now,
    wallTime: () => WALL_TIME_START + now,
    setTimer(delayMs, run) {
      const timer: VirtualTimer = { at: now + Math.max(0, delayMs), run };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    afterIo: (run) => void waiting.push(run),
    whenCollected(value, run) {
      const runs = collectable.get(value);
      if (runs === undefined) collectable.set(value, [run]);
      else runs.push(run);
    },
    collect(value) {
      for (const run of collectable.get(value)?.splice(0) ?? []) run();
    },
    random: xorshift(seed),
    log,
    logged,
    get timers() {
      return timers.size;
    },
    settled,
    async advance(ms) {
      const end = now + ms;
      await settled();
      for (let timer = firstUntil(end); timer !== undefined; timer = firstUntil(end)) {
        now = Math.max(now, timer.at);
        timers.delete(timer);
        timer.run();
        await settled();
      }
      now = end;
    },
  };
}

/** The platform runs all microtasks, however many follow from one another, before an immediate. */
function microtasksDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
