const key = Symbol.for('~troupe/sim/turnstile');

/** The process has one `Date` and one `Math`, and while traps are on them, one world runs. */
const holder = globalThis as { [key]?: Promise<void> };

/** Runs `task` when all that came before, from whatever copy of this package, have ended. */
export async function oneAtATime<T>(task: () => Promise<T>): Promise<T> {
  const before = holder[key] ?? Promise.resolve();
  let leave = (): void => {};
  holder[key] = new Promise((resolve) => (leave = resolve));
  await before;
  try {
    return await task();
  } finally {
    leave();
  }
}
