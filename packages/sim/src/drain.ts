const immediately = setImmediate;

/** Resolves when all promises that can settle without time or input have settled. */
export function drained(): Promise<void> {
  // The platform runs every microtask before an immediate. Taken before any trap is set.
  return new Promise((resolve) => immediately(resolve));
}
