import type { Cell } from './cell.ts';
import type { Timer } from './env.ts';
import { checkDuration, TIMER_MS_MAX } from './number-limits.ts';

/** What an actor wants to do later. */
export interface LaterTurn {
  readonly delayMs: number;
  readonly run: () => unknown;
  readonly repeats: boolean;
}

/** Runs a turn of `cell` when its time has come, while this instance of the actor lives. */
export function startTimer(cell: Cell, { delayMs, run, repeats }: LaterTurn): () => void {
  checkDuration(repeats ? 'periodMs' : 'delayMs', delayMs, [0, TIMER_MS_MAX]);
  const { env } = cell.system;
  const timer: { next: Timer | undefined } = { next: undefined };
  const stop = (): void => {
    timer.next?.cancel();
    timer.next = undefined;
  };
  const disown = cell.owns(stop);
  const start = (): void => {
    timer.next = env.setTimer(delayMs, () => {
      cell.interrupt(repeats ? 'every' : 'after', () => {
        if (timer.next === undefined) return undefined;
        if (repeats) start();
        else disown();
        return run();
      });
    });
  };
  start();
  return () => {
    disown();
    stop();
  };
}

/** Resolves after `pauseMs`, or when this instance of the actor is over. */
export function pause(cell: Cell, pauseMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = cell.system.env.setTimer(pauseMs, () => {
      disown();
      resolve();
    });
    const disown = cell.owns(() => {
      timer.cancel();
      resolve();
    });
  });
}
