import type { Env, Timer } from '@troupe/actor';

/** A timer that no process waits for before it ends: for what goes on as long as there is one. */
export function backgroundTimer(env: Env, delayMs: number, run: () => void): Timer {
  const timer = env.setTimer(delayMs, run);
  timer.keepAlive?.(false);
  return timer;
}
