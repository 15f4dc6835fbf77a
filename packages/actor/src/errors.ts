/** Did the call take effect? `'no'`: no, retry freely. `'unknown'`: it may have, or may yet. */
export type Executed = 'no' | 'yes' | 'unknown';

/**
 * What went wrong with a call, and whether it happened. Branded with a string key, so that
 * `isCallError` holds across duplicate installs and realms, where `instanceof` does not.
 */
export abstract class CallError extends Error {
  /** Stable and unique: what programs match. */
  abstract readonly code: CallErrorCode;
  abstract readonly executed: Executed;
  /** The brand; a getter, so that printing an error does not show it. */
  get '~troupe/CallError'(): true {
    return true;
  }
}

export type CallErrorCode =
  | 'ERR_MAILBOX_FULL'
  | 'ERR_ACTOR_DOWN'
  | 'ERR_NO_SUCH_ACTOR'
  | 'ERR_NO_SUCH_METHOD'
  | 'ERR_BAD_ARGUMENTS'
  | 'ERR_BAD_OPTION'
  | 'ERR_NOT_SERIALIZABLE'
  | 'ERR_DEADLINE_EXCEEDED'
  | 'ERR_CANCELLED'
  | 'ERR_DEADLOCK'
  | 'ERR_UNREACHABLE'
  | 'ERR_SESSION_LOST'
  | 'ERR_DRAINING'
  | 'ERR_OVERLOADED'
  | 'ERR_REMOTE'
  | 'ERR_MOVED'
  | 'ERR_UNAUTHORIZED'
  | 'ERR_ANSWER_GONE'
  | 'ERR_CHANNEL_CLOSED'
  | 'ERR_CHANNEL_LOST'
  | 'ERR_DISK_FULL'
  | 'ERR_NOT_LEADER'
  | 'ERR_OUTCOME_UNKNOWN'
  | 'ERR_GROUP_CLOSED'
  | 'ERR_CHANGE_REFUSED'
  | 'ERR_SESSION_EXPIRED'
  | 'ERR_NO_SUCH_COMMAND'
  | 'ERR_MEMBERS_OUTDATED'
  | 'ERR_LEASE_EXPIRED'
  | 'ERR_LOCK_LOST'
  | 'ERR_NOT_HELD'
  | 'ERR_COMPACTED'
  | 'ERR_SIZE_MISMATCH'
  | 'ERR_COMMAND_TOO_LARGE';

export function isCallError(error: unknown): error is CallError {
  return typeof error === 'object' && error !== null && '~troupe/CallError' in error;
}

/** Whether the call behind `error` took effect; an error of the method's own proves that it ran. */
export function executedOf(error: unknown): Executed {
  return isCallError(error) ? error.executed : 'yes';
}

/** Errors on their way through a method to its caller, of whose message they speak. */
const refusals = new WeakSet<object>();

/**
 * `error`, to be thrown through a method or in its place: what it says of `executed` is true of the
 * message that the method was called with, and its caller is told so. Otherwise a method that
 * throws was executed; see `thrownByMethod`.
 */
export function refusal<E>(error: E): E {
  if (!isCallError(error)) return error;
  const own = saying(error, error.executed); // Others may be on their way with the same one.
  refusals.add(own);
  return own;
}

/**
 * What a method has ended with, as its caller is to have it. The failure of a call that the method
 * made itself says of that call whether it was executed; the method was, whatever came of it, and
 * must not be called again because of it. So it is the same error that says 'yes'.
 */
export function thrownByMethod(error: unknown): unknown {
  // Whom a refusal is told next has called, and was executed.
  if (isCallError(error) && refusals.delete(error)) return error;
  return noLess(error, 'yes');
}

const RANKS: Readonly<Record<Executed, number>> = { no: 0, unknown: 1, yes: 2 };

/** The one of which more has happened. */
export function more(one: Executed, other: Executed): Executed {
  return RANKS[one] < RANKS[other] ? other : one;
}

/** What has failed where that much has happened: the same error, which says no less. */
export function noLess(error: unknown, executed: Executed): unknown {
  if (!isCallError(error) || RANKS[error.executed] >= RANKS[executed]) return error;
  return saying(error, executed);
}

/** The same error, for others. */
function saying<E extends CallError>(error: E, executed: Executed): E {
  const copy = new Error(error.message);
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
  return Object.defineProperties(copy, {
    ...Object.getOwnPropertyDescriptors(error),
    stack: { value: error.stack, writable: true, configurable: true },
    executed: { value: executed, writable: true, enumerable: true, configurable: true },
  }) as E;
}

/** The mailbox was full; the message was not taken. */
export class MailboxFull extends CallError {
  override readonly name = 'MailboxFull';
  readonly code = 'ERR_MAILBOX_FULL';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly capacity: number,
    options?: ErrorOptions,
  ) {
    super(`mailbox of ${to} is full (${capacity} messages): send slower, or retry later`, options);
  }
}

/** The caller may not make this call; the actor has not been asked. */
export class Unauthorized extends CallError {
  override readonly name = 'Unauthorized';
  readonly code = 'ERR_UNAUTHORIZED';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly method: string,
    options?: ErrorOptions,
  ) {
    super(`this caller may not call ${method} of ${to}`, options);
  }
}

/** The actor has stopped or its node has gone; this incarnation never comes back. */
export class ActorDown extends CallError {
  override readonly name = 'ActorDown';
  readonly code = 'ERR_ACTOR_DOWN';
  constructor(
    readonly to: string,
    readonly executed: Executed,
    options?: ErrorOptions,
  ) {
    const when = executed === 'no' ? 'before the call began' : 'while the call ran';
    super(`${to} went down ${when}`, options);
  }
}

/** Nothing of that name can be found or activated where the call arrived. */
export class NoSuchActor extends CallError {
  override readonly name = 'NoSuchActor';
  readonly code = 'ERR_NO_SUCH_ACTOR';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(`no actor ${to}: ${hint}`, options);
  }
}

/** The class has no method of that name that may be called from elsewhere. */
export class NoSuchMethod extends CallError {
  override readonly name = 'NoSuchMethod';
  readonly code = 'ERR_NO_SUCH_METHOD';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly method: string,
    options?: ErrorOptions,
  ) {
    super(`${to} has no callable method '${method}': mark it with @rpc`, options);
  }
}

/** The arguments were refused before the method began. */
export class BadArguments extends CallError {
  override readonly name = 'BadArguments';
  readonly code = 'ERR_BAD_ARGUMENTS';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly method: string,
    readonly issue: string,
    options?: ErrorOptions,
  ) {
    super(`${to}.${method}: ${issue}`, options);
  }
}

/** An option that makes no sense; nothing was begun. */
export class BadOption extends RangeError implements CallError {
  override readonly name = 'BadOption';
  readonly code = 'ERR_BAD_OPTION';
  readonly executed: Executed = 'no';
  constructor(
    /** Where it is, for example `voters[2]`. */
    readonly option: string,
    /** Instead of one that is a secret, or too long, a symbol that describes it. */
    value: unknown,
    /** What it may be. */
    advice: string,
    options?: ErrorOptions,
  ) {
    super(`${option} is ${shown(value)}: ${advice}`, options);
  }
  get '~troupe/CallError'(): true {
    return true;
  }
}

/**
 * A value cannot travel between nodes. In an argument the call was not sent (`'no'`); in a result
 * the method has run (`'yes'`).
 */
export class NotSerializable extends CallError {
  override readonly name = 'NotSerializable';
  readonly code = 'ERR_NOT_SERIALIZABLE';
  constructor(
    /** Where in the value, for example `args[0].lines[3]`. */
    readonly path: string,
    readonly issue: string,
    readonly executed: Executed = 'no',
    options?: ErrorOptions,
  ) {
    super(`${path} cannot be sent to another node: ${issue}`, options);
  }
}

/** No reply before the deadline. Unless it never began, the call may have run, or may run later. */
export class DeadlineExceeded extends CallError {
  override readonly name = 'DeadlineExceeded';
  readonly code = 'ERR_DEADLINE_EXCEEDED';
  constructor(
    readonly to: string,
    readonly timeoutMs: number,
    readonly executed: Executed,
    options?: ErrorOptions,
  ) {
    const state = executed === 'no' ? 'the call was still waiting to begin' : 'it may have run';
    const last = options?.cause instanceof Error ? `; at last: ${options.cause.message}` : '';
    super(`no reply from ${to} within ${timeoutMs} ms: ${state}${last}`, options);
  }
}

/** The caller's signal was aborted; its reason is the `cause`. */
export class Cancelled extends CallError {
  override readonly name = 'Cancelled';
  readonly code = 'ERR_CANCELLED';
  constructor(
    readonly to: string,
    readonly executed: Executed,
    options?: ErrorOptions,
  ) {
    const when = executed === 'no' ? 'before it began' : 'while it ran';
    super(`the call to ${to} was cancelled ${when}`, options);
  }
}

/**
 * The call would wait for itself: one of the turns that wait for it holds the very actor that it
 * needs. Use a tell, or mark the method as `readonly` or `interleave`.
 */
export class DeadlockError extends CallError {
  override readonly name = 'DeadlockError';
  readonly code = 'ERR_DEADLOCK';
  readonly executed: Executed = 'no';
  constructor(
    /** Who waits for whom: `a/room/#1.say → a/session/#7.deliver → a/room/#1.members`. */
    readonly path: string,
    options?: ErrorOptions,
  ) {
    super(path, options);
  }
}

/** No session to the node could be had, so the message never left here. The `cause` says why. */
export class Unreachable extends CallError {
  override readonly name = 'Unreachable';
  readonly code = 'ERR_UNREACHABLE';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${to} cannot be reached: ${reason}`, options);
  }
}

/** The session to the node ended after the message had left; nobody can say whether it ran. */
export class SessionLost extends CallError {
  override readonly name = 'SessionLost';
  readonly code = 'ERR_SESSION_LOST';
  readonly executed: Executed = 'unknown';
  constructor(
    readonly to: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the session to ${to} was lost: ${reason}`, options);
  }
}

/** The node is on its way out and takes no new work. */
export class Draining extends CallError {
  override readonly name = 'Draining';
  readonly code = 'ERR_DRAINING';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    options?: ErrorOptions,
  ) {
    super(`${to} is stopping and takes no new calls`, options);
  }
}

/** A bound other than the mailbox was reached. */
export class Overloaded extends CallError {
  override readonly name = 'Overloaded';
  readonly code = 'ERR_OVERLOADED';
  readonly executed: Executed = 'no';
  constructor(
    readonly to: string,
    /** Which bound, for example `calls in flight`. */
    readonly bound: string,
    readonly limit: number,
    options?: ErrorOptions,
  ) {
    super(`${to} is overloaded: ${bound} reached its limit of ${limit}`, options);
  }
}

/** The method threw on another node, an error whose class is not known here. */
export class RemoteError extends CallError {
  override readonly name = 'RemoteError';
  readonly code = 'ERR_REMOTE';
  /** What the error itself said; an error of the method's own is proof that it ran. */
  readonly executed: Executed;
  /** `code` of the error where it was thrown, if it had one. */
  readonly remoteCode: string | undefined;
  constructor(
    /** `name` of the error where it was thrown. */
    readonly remoteName: string,
    readonly remoteMessage: string,
    /** The stack where it was thrown, kept apart from the local one. */
    readonly remoteStack: string | undefined,
    options?: ErrorOptions & { readonly executed?: Executed; readonly remoteCode?: string },
  ) {
    super(`${remoteName}: ${remoteMessage}`, options);
    this.executed = options?.executed ?? 'yes';
    this.remoteCode = options?.remoteCode;
  }
}

/** An actor that this one was linked to has failed; its failure is the `cause`. */
export class LinkBroken extends Error {
  override readonly name = 'LinkBroken';
  readonly code = 'ERR_LINK_BROKEN';
  constructor(
    /** Address of the other actor. */
    readonly to: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${to}, which this actor is linked to, went down (${reason})`, options);
  }
}

/** The channel is closed: a value sent now, or still waiting to be taken, was not delivered. */
export class ChannelClosed extends CallError {
  override readonly name = 'ChannelClosed';
  readonly code = 'ERR_CHANNEL_CLOSED';
  readonly executed: Executed = 'no';
  constructor(options?: ErrorOptions) {
    super('the channel is closed', options);
  }
}

/** The other end's node has gone. Unlike a close this is no orderly end: values may be missing. */
export class ChannelLost extends CallError {
  override readonly name = 'ChannelLost';
  readonly code = 'ERR_CHANNEL_LOST';
  /** `'no'` when no value is in doubt: the one that was to be sent did not arrive. */
  readonly executed: Executed;
  constructor(
    readonly reason: string,
    /** Values sent by this end of which nobody knows whether they arrived. */
    readonly inDoubt: number,
    options?: ErrorOptions,
  ) {
    super(`the channel's other end is lost (${reason}); ${inDoubt} values are in doubt`, options);
    this.executed = inDoubt === 0 ? 'no' : 'unknown';
  }
}

/** A subscriber of a topic was too far behind, and had asked to be ended rather than to lose. */
export class SubscriberLagged extends Error {
  override readonly name = 'SubscriberLagged';
  readonly code = 'ERR_SUBSCRIBER_LAGGED';
  constructor(
    /** Elements that could wait for it. */
    readonly capacity: number,
    options?: ErrorOptions,
  ) {
    super(`more than ${capacity} elements waited for this subscriber: receive faster`, options);
  }
}

const SHOWN_CHARS = 80;

/** A value in a few words, of which nothing is run. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > SHOWN_CHARS ? `'${value.slice(0, SHOWN_CHARS)}…'` : `'${value}'`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return value.description ?? 'a symbol'; // In place of what is not to be shown.
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
    default:
      return String(value);
  }
}
