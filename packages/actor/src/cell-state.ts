/** Waits for a message. */
export const IDLE = 0;
/** In the scheduler's queue. */
export const RUNNABLE = 1;
/** What comes next has to wait for a turn that has returned a promise. */
export const BUSY = 2;
/** Between two instances of the actor; messages wait. */
export const RESTARTING = 3;
/** Takes no more turns; children, the `stopping` hook and monitors are being seen to. */
export const STOPPING = 4;
export const DOWN = 5;

export type State =
  | typeof IDLE
  | typeof RUNNABLE
  | typeof BUSY
  | typeof RESTARTING
  | typeof STOPPING
  | typeof DOWN;
