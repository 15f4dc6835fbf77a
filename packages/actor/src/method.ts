import type { Actor } from './actor.ts';
import type { CallerIdentity } from './caller-identity.ts';
import type { ArgumentCheck, ArgumentSchema } from './arguments.ts';

/** Waits until no other turn of the actor runs; the way of all methods that say nothing else. */
export const EXCLUSIVE = 0;
/** Runs beside other turns of its kind. */
export const READONLY = 1;
/** Runs beside any turn, and waits for none. */
export const INTERLEAVE = 2;

export type Sharing = typeof EXCLUSIVE | typeof READONLY | typeof INTERLEAVE;

export interface RpcOptions {
  /**
   * The method changes nothing: it runs beside other readonly ones, awaits included. Messages
   * keep their order; one that changes something waits for all that read before it.
   */
  readonly readonly?: boolean;
  /** The method may run beside any other, and at once: its fields may change at every `await`. */
  readonly interleave?: boolean;
  /** Its messages go before all ordinary ones, and still fit when those fill the mailbox. */
  readonly control?: boolean;
  /**
   * Checks, and may convert, the arguments before the message is queued: one Standard Schema for
   * the list of them, or one for each. Default: what the compiler noted by
   * `emitDecoratorMetadata`, if it did.
   */
  readonly args?: ArgumentSchema;
  /**
   * Whether `caller` may make this call; asked before the message is queued, and refused with
   * `Unauthorized` unless the answer is true. Must be quick. An override that says nothing has its
   * parent's. Default: whoever has a reference may.
   */
  readonly authorize?: Authorize;
  /**
   * Running the method twice does no more than running it once. A call of it is made again, until
   * its deadline, also when nobody can know whether it has run (`SessionLost`). The node of the
   * caller must know the class, or the caller says it: `ref.with({ idempotent: true })`.
   */
  readonly idempotent?: boolean;
}

export type Authorize = (caller: CallerIdentity, call: CallToAuthorize) => boolean;

/** What a caller wants. */
export interface CallToAuthorize {
  /** `node/kind/id` of the actor. */
  readonly to: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type MethodBody = (this: Actor, ...args: unknown[]) => unknown;

/** One method that may be called from elsewhere, or a hook of the runtime's. */
export class Method {
  readonly name: string;
  readonly body: MethodBody;
  readonly sharing: Sharing;
  readonly isControl: boolean;
  readonly check: ArgumentCheck | undefined;
  readonly authorize: Authorize | undefined;
  readonly isIdempotent: boolean;

  constructor(name: string, body: MethodBody, options: MethodOptions = {}) {
    this.name = name;
    this.body = body;
    this.sharing = options.sharing ?? EXCLUSIVE;
    this.isControl = options.isControl ?? false;
    this.check = options.check;
    this.authorize = options.authorize;
    this.isIdempotent = options.isIdempotent ?? false;
  }
}

export interface MethodOptions {
  readonly sharing?: Sharing;
  readonly isControl?: boolean;
  readonly check?: ArgumentCheck | undefined;
  readonly authorize?: Authorize | undefined;
  readonly isIdempotent?: boolean;
}

/** The `started` hook, as the turn before all others. */
export const STARTED: Method = new Method('started', function started(this: Actor) {
  return this.started?.();
});

/** Whether a result is still to come. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
