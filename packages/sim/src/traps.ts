/** Something in a world asked this process for the time or for randomness, not its own `Env`. */
export class OutsideWorld extends Error {
  override readonly name = 'OutsideWorld';
  readonly code = 'ERR_OUTSIDE_WORLD';
  constructor(
    /** What was called, for example `Date.now`. */
    readonly what: string,
  ) {
    super(`${what} was used in a simulated world, which it would make differ from run to run`);
  }
}

type Restore = () => void;

/**
 * While they are set, whatever reads the process's clock, sets its timers or draws its randomness
 * throws `OutsideWorld`, and is reported even when somebody catches that.
 * @returns takes the traps away
 */
export function setTraps(report: (caught: OutsideWorld) => void): Restore {
  const spring = (what: string): never => {
    const caught = new OutsideWorld(what);
    report(caught);
    throw caught;
  };
  const restores = [
    replace(Date, 'now', () => spring('Date.now')),
    replace(Math, 'random', () => spring('Math.random')),
    replace(performance, 'now', () => spring('performance.now')),
    replace(process, 'hrtime', trappedTime(spring)),
    replace(crypto, 'randomUUID', () => spring('crypto.randomUUID')),
    replace(crypto, 'getRandomValues', () => spring('crypto.getRandomValues')),
    replace(globalThis, 'setTimeout', () => spring('setTimeout')),
    replace(globalThis, 'setInterval', () => spring('setInterval')),
    replace(globalThis, 'setImmediate', () => spring('setImmediate')),
    replace(globalThis, 'Date', dateWithoutNow(spring)),
  ];
  return () => {
    for (const restore of restores.toReversed()) restore();
  };
}

function replace(owner: object, name: string, value: unknown): Restore {
  const original = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (original === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, original);
  };
}

function trappedTime(spring: (what: string) => never): NodeJS.HRTime {
  const hrtime = (): never => spring('process.hrtime');
  return Object.assign(hrtime, { bigint: hrtime });
}

/** Dates of a given time are values like any other; `new Date()` reads the clock. */
function dateWithoutNow(spring: (what: string) => never): DateConstructor {
  return new Proxy(Date, {
    construct(target, args, newTarget): object {
      if (args.length === 0) spring('new Date()');
      return Reflect.construct(target, args, newTarget) as object;
    },
    apply: () => spring('Date()'),
  });
}
