/** What is to be done when a signal is aborted; whoever waits with it has one entry. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `run` when `signal`, which is not aborted yet, is. A signal gets one listener however many
 * wait with it: the platform's own cost more, and warn of a leak when there are eleven.
 * @returns forgets it
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  let runs = listeners.get(signal);
  if (runs === undefined) {
    const all = new Set<() => void>();
    listeners.set(signal, (runs = all));
    signal.addEventListener('abort', () => {
      listeners.delete(signal);
      for (const each of all) each();
    });
  }
  const all = runs;
  all.add(run);
  return () => all.delete(run);
}
