import type { CallerIdentity } from './caller-identity.ts';
import type { Cell } from './cell.ts';
import type { ContextValues } from './context.ts';
import type { Envelope } from './envelope.ts';
import { type Executed, executedOf, more, noLess, refusal } from './errors.ts';
import { isThenable } from './method.ts';
import type { CallOptions } from './recipient.ts';

/** A message that has come for an actor, as an interceptor sees it. */
export interface IncomingCall {
  /**
   * Whether the sender waits for an outcome. At the edge of a node also what others ask of an actor
   * that is no message: to be told when it is down, and that it stop.
   */
  readonly kind: 'call' | 'tell' | 'monitor' | 'stop';
  /** Address of the actor, or of a function that was lent to another node. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Whom it comes from: another node, a client that is none, or this node itself. */
  readonly from: CallerIdentity;
  readonly trace: string | undefined;
  readonly values: ContextValues;
}

/**
 * Runs around a message that has come: what it returns is the outcome, what it throws the error.
 * `next` lets the message go on, and returns its outcome; once that is there it may be called
 * again.
 *
 * - As one of the `interceptors` of a class or a system: around the method, within its turn.
 * - As one of a node's `edgeInterceptors`: around all that becomes of a message from another node
 *   or from a client, before it is queued. Call `next` before the first `await`, or messages of
 *   one sender may overtake each other.
 *
 * What it throws at a tell is a failure of the actor or, at the edge, of the system; a `CallError`
 * there is a refusal, and goes to the dead letters.
 * @example `async (call, next) => { audit(call.method); return next(); }`
 */
export type IncomingInterceptor = (call: IncomingCall, next: () => unknown) => unknown;

/** A message that is about to be sent through a reference. */
export interface OutgoingCall {
  /** Whether the sender waits for an outcome. */
  readonly kind: 'call' | 'tell';
  /** Address of the recipient. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly options: CallOptions;
}

/**
 * Runs around every message through the reference that `with({ intercept })` gave, be its actor
 * here or on another node; that of a later `with` runs within it. `next` sends the message, with
 * more options if it likes, and may be called again. Of a tell it yields nothing, and what the
 * interceptor throws at one goes to the dead letters, or is a failure of the system.
 * @example `(call, next) => next({ trace: tracer.start(call) })`
 */
export type OutgoingInterceptor = (
  call: OutgoingCall,
  next: (options?: CallOptions) => Promise<unknown>,
) => Promise<unknown>;

/** `envelope`, whose turn at `cell` has come. */
export function incomingCall(
  cell: Cell,
  envelope: Envelope,
  args: readonly unknown[],
): IncomingCall {
  const { method, reply, context } = envelope;
  return {
    kind: reply === undefined ? 'tell' : 'call',
    to: cell.address,
    method: method.name,
    args,
    from: cell.senderOf(envelope),
    trace: context?.origin?.trace,
    values: context?.origin?.values ?? {},
  };
}

/**
 * Runs a method within all of `interceptors`. One that throws, and has not let the message go on,
 * has refused it: the method was not executed.
 */
export function interceptedMethod(
  interceptors: readonly IncomingInterceptor[],
  call: IncomingCall,
  method: () => unknown,
): unknown {
  let hasRun = false;
  const failed = (error: unknown): never => {
    throw hasRun ? error : refusal(error);
  };
  const run = (): unknown => {
    hasRun = true;
    return method();
  };
  try {
    const outcome = intercepted(interceptors, call, run);
    return isThenable(outcome) ? Promise.resolve(outcome).catch(failed) : outcome;
  } catch (error) {
    return failed(error);
  }
}

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

/**
 * Lets a call go on by way of `through`. However that fails, its error says no less of `executed`
 * than is true of all attempts at the call together.
 * @param next makes the call
 */
export async function goesThrough<A extends unknown[]>(
  through: (next: (...args: A) => Promise<unknown>) => unknown,
  next: (...args: A) => Promise<unknown>,
): Promise<unknown> {
  let executed: Executed = 'no';
  let underWay = 0;
  const goOn = async (...args: A): Promise<unknown> => {
    underWay += 1;
    try {
      const outcome = await next(...args);
      executed = 'yes';
      return outcome;
    } catch (error) {
      executed = more(executed, executedOf(error));
      throw error;
    } finally {
      underWay -= 1;
    }
  };
  try {
    return await through(goOn);
  } catch (error) {
    throw noLess(error, underWay > 0 ? more(executed, 'unknown') : executed);
  }
}

/** `outer` around `inner`, which sees the options that `outer` has added. */
export function nested(
  outer: OutgoingInterceptor,
  inner: OutgoingInterceptor,
): OutgoingInterceptor {
  return (call, next) =>
    outer(call, (more = {}) => {
      const options = { ...call.options, ...more };
      return inner({ ...call, options }, (again = {}) => next({ ...more, ...again }));
    });
}
