import type { Actor } from './actor.ts';
import { Answer } from './answer.ts';
import { type Caller, OUTSIDE } from './caller.ts';
import type { Cell } from './cell.ts';
import { processDefault } from './env.ts';
import { isCallError } from './errors.ts';
import { goesThrough, type OutgoingCall } from './interceptor.ts';
import { Ref, refOf } from './ref-core.ts';
import { definesMethodsLazily, type ReservedName } from './lazy-methods.ts';
import type { CallOptions, Recipient } from './recipient.ts';

// oxlint-disable-next-line no-explicit-any -- only `any` matches every method's parameters
type AnyMethod = (...args: any[]) => unknown;

/** The names of `T` that a reference can call: its own public methods, not those of `Actor`. */
export type RemoteKeys<T> = {
  [K in keyof T]-?: K extends string
    ? K extends keyof Actor | ReservedName
      ? never
      : T[K] extends AnyMethod
        ? K
        : never
    : never;
}[keyof T];

/**
 * The method as seen from elsewhere: the same, but always a promise. The *return type* is tested,
 * because `F extends (...) => Promise` would take a generic `<T>(x: T) => T` for asynchronous.
 */
export type RemoteMethod<F> = F extends AnyMethod
  ? IsAnyOrNever<ReturnType<F>> extends true
    ? (...args: Parameters<F>) => Promise<ReturnType<F>>
    : ReturnType<F> extends Promise<infer R>
      ? [Promise<R>] extends [Answered<R>]
        ? F // The very type: keeps generics and overloads.
        : (...args: Parameters<F>) => Answered<R>
      : F extends (...args: infer A) => infer R
        ? (...args: A) => Answered<Awaited<R>>
        : never
  : never;

/** The two types that every condition is true of. */
type IsAnyOrNever<R> = 0 extends 1 & R ? true : [R] extends [never] ? true : false;

/**
 * What a call returns: a promise of the result that can be used before it is there. A reference
 * can be called at once (`await room.member('ann').profile()`: one round trip where the member
 * lives with the room), and a stream be iterated (`for await (const line of room.history(9))`).
 */
export type Answered<R> =
  IsAnyOrNever<R> extends true
    ? Promise<R>
    : [R] extends [RefOperations<infer T, 'actor' | 'entity'>]
      ? Promise<R> & Pipelined<T>
      : [R] extends [AsyncGenerator<infer Y>]
        ? Promise<AsyncIterableIterator<Y>> & AsyncIterable<Y>
        : [R] extends [AsyncIterable<infer Y>]
          ? Promise<R> & AsyncIterable<Y>
          : Promise<R>;

/** The methods of `T` as they can be called on the promise of a reference. */
export type Pipelined<T> = Omit<Remote<T>, keyof Promise<unknown>>;

/** The methods of `T`, each a call. */
export type Remote<T> = { readonly [K in RemoteKeys<T>]: RemoteMethod<T[K]> };

/** The methods of `T`, each one-way: at most once, no answer, failures go to the dead letters. */
export type Tell<T> = {
  readonly [K in RemoteKeys<T>]: T[K] extends (...args: infer A) => unknown
    ? (...args: A) => void
    : never;
};

declare const refKind: unique symbol;

interface RefOperations<T, Kind extends 'actor' | 'entity'> {
  readonly [refKind]: Kind;
  /** One-way: `room.tell.say('ann', 'hello')`. */
  readonly tell: Tell<T>;
  /**
   * The same reference with call options: `room.with({ timeoutMs: 500 }).say(…)`.
   * @throws {BadOption} when one makes no sense, or there is none of its name
   */
  with(options: CallOptions): Remote<T> & RefOperations<T, Kind>;
}

/** Names one incarnation of one actor: once it is down, the reference stays dead. */
export type ActorRef<T> = Remote<T> & RefOperations<T, 'actor'>;

/** Names a kind and a key: wherever the cluster activates that entity, now and after a failure. */
export type EntityRef<T> = Remote<T> & RefOperations<T, 'entity'>;

/** Any reference, whatever its methods. */
export type AnyRef = RefOperations<never, 'actor' | 'entity'>;

class AskRef extends Ref {
  /** Made when it is first told something; many references never are. */
  #tell: TellRef | undefined = undefined;

  get tell(): TellRef {
    return (this.#tell ??= new TellRef(Ref.recipientOf(this), Ref.callerOf(this)));
  }

  with(options: CallOptions): AskRef {
    return new AskRef(Ref.recipientOf(this), Ref.callerOf(this).with(options));
  }
}

class TellRef extends Ref {}

definesMethodsLazily<Ref>(
  AskRef.prototype,
  Ref.prototype,
  (name) =>
    function ask(this: Ref, ...args) {
      const recipient = Ref.recipientOf(this);
      const caller = Ref.callerOf(this);
      const { options } = caller;
      if (options?.intercept === undefined) return recipient.ask(name, args, caller);
      return askThrough(recipient, { kind: 'call', method: name, args, caller, options });
    },
);
definesMethodsLazily<Ref>(
  TellRef.prototype,
  Ref.prototype,
  (name) =>
    function tell(this: Ref, ...args) {
      const recipient = Ref.recipientOf(this);
      const caller = Ref.callerOf(this);
      const { options } = caller;
      if (options?.intercept === undefined) return recipient.tell(name, args, caller);
      tellThrough(recipient, { kind: 'tell', method: name, args, caller, options });
    },
);

interface Intercepted {
  readonly kind: OutgoingCall['kind'];
  readonly method: string;
  readonly args: readonly unknown[];
  readonly caller: Caller;
  readonly options: CallOptions;
}

/** Makes a call by way of the reference's interceptor. */
function askThrough(recipient: Recipient, call: Intercepted): Answer {
  const { method, args, caller } = call;
  const outcome = interceptedOutcome(recipient, call, (options) =>
    recipient.ask(method, args, caller.with(options)),
  );
  return Answer.of(outcome, caller);
}

/** Tells by way of the reference's interceptor. What that throws, the teller does not hear. */
function tellThrough(recipient: Recipient, call: Intercepted): void {
  const { method, args, caller } = call;
  const outcome = interceptedOutcome(recipient, call, async (options) => {
    recipient.tell(method, args, caller.with(options));
  });
  outcome.catch((error: unknown) => {
    const { system, address } = recipient;
    if (system === undefined) {
      processDefault.log.error({ to: address, method, error }, 'a message was not sent');
    } else if (isCallError(error)) system.deadLetter({ to: address, method, reason: error });
    else system.failed({ address, method, error });
  });
}

function interceptedOutcome(
  recipient: Recipient,
  { kind, method, args, options: { intercept, ...options } }: Intercepted,
  next: (options: CallOptions) => Promise<unknown>,
): Promise<unknown> {
  const call: OutgoingCall = { kind, to: recipient.address, method, args, options };
  return goesThrough(
    (goOn) => intercept?.(call, goOn),
    (more: CallOptions = {}) => next(more),
  );
}

/** A new reference to `recipient`, bound to nobody; its type is the caller's word. */
export function refTo(recipient: Recipient): AnyRef {
  return new AskRef(recipient, OUTSIDE) as object as AnyRef;
}

/**
 * What `ref` names, as `owner` holds it: calls through it are part of the turns of `owner`.
 * @throws {TypeError} when `ref` is no reference
 */
export function bound(ref: AnyRef, owner: Cell | undefined): AnyRef {
  const value = refOf(ref);
  const caller = Ref.callerOf(value);
  if (caller.owner === owner) return ref;
  const recipient = Ref.recipientOf(value);
  if (value instanceof TellRef) {
    return new TellRef(recipient, caller.of(owner)) as object as AnyRef;
  }
  if (caller.options !== undefined) {
    return new AskRef(recipient, caller.of(owner)) as object as AnyRef;
  }
  if (owner === undefined) return recipient.ref;
  // One for each actor that is known, or a reference would be no key of a map.
  let own = owner.known.get(recipient);
  if (own === undefined) {
    own = new AskRef(recipient, owner.caller) as object as AnyRef;
    owner.known.set(recipient, own);
  }
  return own;
}
