import type { ContextValues } from './context.ts';
import type { CallOptions } from './recipient.ts';

/** A message whose turn has come, as an interceptor sees it. */
export interface IncomingCall {
  /** Address of the actor. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly trace: string | undefined;
  readonly values: ContextValues;
}

/**
 * Runs around every method of a class or a system, within its turn: what it returns is the
 * method's result, what it throws its error. `next` runs the method, or the next interceptor.
 * @example `async (call, next) => { audit(call.method); return next(); }`
 */
export type IncomingInterceptor = (call: IncomingCall, next: () => unknown) => unknown;

/** A call that is about to be made through a reference. */
export interface OutgoingCall {
  /** Address of the recipient. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly options: CallOptions;
}

/**
 * Runs around every call through the reference that `with({ intercept })` gave. `next` makes the
 * call, with more options if it likes, and may be called again.
 * @example `(call, next) => next({ trace: tracer.start(call) })`
 */
export type OutgoingInterceptor = (
  call: OutgoingCall,
  next: (options?: CallOptions) => Promise<unknown>,
) => Promise<unknown>;

/** Runs `body` within all of `interceptors`, the first outermost. */
export function intercepted(
  interceptors: readonly IncomingInterceptor[],
  call: IncomingCall,
  body: () => unknown,
): unknown {
  const from = (at: number): unknown => {
    const interceptor = interceptors[at];
    return interceptor === undefined ? body() : interceptor(call, () => from(at + 1));
  };
  return from(0);
}
