import { BadOption } from './errors.ts';

export const SIGNAL_ADVICE = 'give an AbortSignal, as controller.signal is';

/** What is to be done when a signal is aborted; whoever waits with it has one entry. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * What a wait with `signal` comes to before it has begun: the signal is aborted, or it is none,
 * which would be found out in the middle of things. Undefined: there is nothing against it.
 */
export function endedBy(signal: AbortSignal): Promise<never> | undefined {
  if (!isSignal(signal)) return Promise.reject(noSignal(signal));
  return signal.aborted ? Promise.reject(signal.reason as Error) : undefined;
}

export function isSignal(value: unknown): boolean {
  return value instanceof AbortSignal;
}

function noSignal(value: unknown): BadOption {
  return new BadOption('signal', value, SIGNAL_ADVICE);
}

/**
 * Runs `run` when `signal`, which is not aborted yet, is. A signal gets one listener however many
 * wait with it: the platform's own cost more, and warn of a leak when there are eleven.
 * @returns forgets it
 * @throws {BadOption} when it is no signal
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  if (!isSignal(signal)) throw noSignal(signal);
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
