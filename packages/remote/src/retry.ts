import { Cancelled, type CallError, DeadlineExceeded, type Env, isCallError } from '@troupe/actor';

/** First and longest pause before a call is tried again. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 250;

/** A call that has failed once and may be tried again. */
export interface Retry {
  readonly env: Env;
  /** For errors. */
  readonly address: string;
  /** Whole-call budget in milliseconds, for errors, and when it is used up by the `Env`'s clock. */
  readonly budgetMs: number;
  readonly endsAt: number;
  readonly signal: AbortSignal | undefined;
  /** Whether another attempt can do good, and no harm. */
  readonly mayRetry: (error: CallError) => boolean;
  /** Whether the first retry need not wait, because it goes elsewhere. */
  readonly isHint?: (error: CallError) => boolean;
  readonly attempt: (timeoutMs: number) => Promise<unknown>;
}

/**
 * Tries a call again, with pauses that grow, until it succeeds, fails for good, or its deadline
 * has passed. When one attempt may have run, no later one can say that the call did not.
 * @param error what the first attempt ended with
 */
export async function retrying(retry: Retry, error: unknown): Promise<unknown> {
  const { env, endsAt, signal } = retry;
  let failure = error;
  let doubt: CallError | undefined;
  for (let round = 0; isCallError(failure) && retry.mayRetry(failure); round += 1) {
    if (failure.executed !== 'no') doubt = failure;
    if (round > 0 || retry.isHint?.(failure) !== true) await pause(env, round, signal);
    const over = outOfTime(retry, doubt ?? failure);
    if (over !== undefined) throw over;
    try {
      return await retry.attempt(Math.floor(endsAt - env.now()));
    } catch (next) {
      failure = next;
    }
  }
  if (doubt === undefined || !isCallError(failure) || failure.executed !== 'no') throw failure;
  throw outOfTime(retry, doubt) ?? doubt;
}

/** @returns what a call ends with that may not be tried again because nobody waits for it */
function outOfTime(retry: Retry, last: CallError): CallError | undefined {
  const { env, address, budgetMs, endsAt, signal } = retry;
  const executed = last.executed === 'no' ? 'no' : 'unknown';
  if (signal?.aborted === true) return new Cancelled(address, executed, { cause: signal.reason });
  if (endsAt - env.now() >= 1) return undefined;
  return new DeadlineExceeded(address, budgetMs, executed, { cause: last });
}

/** Waits a while, longer each round and never the same twice; an abort ends it. */
export function pause(env: Env, round: number, signal?: AbortSignal): Promise<void> {
  const pauseMs = Math.min(PAUSE_MS * 2 ** round, PAUSE_MS_MAX) * (0.5 + env.random());
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = env.setTimer(pauseMs, done);
    signal?.addEventListener('abort', done);
  });
}
