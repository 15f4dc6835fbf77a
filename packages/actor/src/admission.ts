import { badArguments } from './arguments.ts';
import type { CallerIdentity } from './caller-identity.ts';
import type { Cell } from './cell.ts';
import { type CallContext, CHAIN_MAX } from './context.ts';
import { cycleText, ownTurns } from './deadlock.ts';
import type { Envelope } from './envelope.ts';
import {
  ActorDown,
  type CallError,
  Cancelled,
  DeadlockError,
  isCallError,
  NotSerializable,
  Overloaded,
  Unauthorized,
} from './errors.ts';
import { isLinkMessage } from './link.ts';
import type { Method } from './method.ts';
import type { DownReason } from './recipient.ts';

/**
 * Gives a message the arguments that its method will see, and looks at it before it is queued.
 * @returns why it must not be: its arguments are wrong, or it could not end well
 */
export function admit(
  cell: Cell,
  envelope: Envelope,
  args: readonly unknown[],
): CallError | undefined {
  const { method, context, reply } = envelope;
  // Whoever sends a message that nobody waits for has seen to it.
  if (reply !== undefined && method.authorize !== undefined) {
    const refusal = unauthorized(cell, method.name, { args, from: reply.from });
    if (refusal !== undefined) return refusal;
  }
  const { copy } = cell.system;
  try {
    envelope.args = copy === undefined ? args : (copy(args, 'args') as readonly unknown[]);
  } catch (error) {
    return isCallError(error) ? error : new NotSerializable('args', String(error));
  }
  if (method.check !== undefined) {
    const checked = method.check(envelope.args);
    if (typeof checked === 'string') return badArguments(cell.address, method.name, checked);
    envelope.args = checked;
  }
  return context === undefined ? undefined : refusalOf(cell, method, context);
}

/** What a caller is told when the actor has gone down, before its call began or after. */
export function actorDown(
  address: string,
  executed: 'no' | 'unknown',
  reason: DownReason | undefined,
): ActorDown {
  const isFailure = reason !== undefined && 'error' in reason;
  return new ActorDown(address, executed, isFailure ? { cause: reason.error } : {});
}

/**
 * @param from whom the message comes from; undefined: an actor of this node
 * @returns why the caller is not let in
 */
export function unauthorized(
  cell: Cell,
  method: string,
  { args, from }: { readonly args: readonly unknown[]; readonly from: CallerIdentity | undefined },
): CallError | undefined {
  const { address: to, system, definition } = cell;
  if (from?.kind === 'outsider' && isLinkMessage(method)) return new Unauthorized(to, method);
  const authorize = definition.methods.get(method)?.authorize;
  if (authorize === undefined) return undefined;
  try {
    const answer: unknown = authorize(from ?? { kind: 'node', name: system.name }, {
      to,
      method,
      args,
    });
    if (answer === true) return undefined;
    // A promise of an answer is none, and whatever it says comes too late.
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch (cause) {
    return new Unauthorized(to, method, { cause });
  }
  return new Unauthorized(to, method);
}

/** What the caller is told when the method has run and its result cannot travel. */
export function unsendableResult(error: unknown): unknown {
  if (!(error instanceof NotSerializable)) return error;
  return new NotSerializable(error.path, error.issue, 'yes', { cause: error });
}

function refusalOf(cell: Cell, method: Method, context: CallContext): CallError | undefined {
  if (context.depth >= CHAIN_MAX) return new Overloaded(cell.address, 'call chain', CHAIN_MAX);
  if (context.remainingMs === 0) {
    return new Cancelled(cell.address, 'no', { cause: new Error('its caller waits no longer') });
  }
  if (ownTurns(cell, method.sharing, context) !== 'block') return undefined;
  return new DeadlockError(cycleText(context, cell.address, method.name));
}
