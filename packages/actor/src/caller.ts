import type { CallerIdentity } from './caller-identity.ts';
import type { Cell } from './cell.ts';
import { type CallContext, Origin } from './context.ts';
import { nested } from './interceptor.ts';
import {
  A_FLAG,
  A_FUNCTION,
  A_SIGNAL,
  checkOptions,
  ELSEWHERE,
  type OptionCheck,
} from './known-options.ts';
import { checkDuration } from './number-limits.ts';
import type { CallOptions } from './recipient.ts';
import type { ActorSystem } from './system.ts';

/** The constructor looks at the others, which may come from another node as well. */
const CALL_OPTIONS: Readonly<Record<keyof CallOptions, OptionCheck>> = {
  timeoutMs: ELSEWHERE,
  signal: A_SIGNAL,
  trace: ELSEWHERE,
  values: ELSEWHERE,
  idempotent: A_FLAG,
  intercept: A_FUNCTION,
};

/**
 * Who sends the messages of one reference: with which options, and as part of whose turns. An
 * actor has one turn at a time, so that the actor alone says which turn it is, after an `await`
 * as before, and nothing needs to be looked up in an asynchronous context of the platform's.
 */
export class Caller {
  readonly options: CallOptions | undefined;
  /** The actor that the reference is bound to. */
  readonly owner: Cell | undefined;
  readonly #origin: Origin | undefined;
  /** Whom the message that is passed on came from; `undefined`: this node. */
  #from: CallerIdentity | undefined;
  /** That of one message, for attempts that are made later. */
  #context: CallContext | undefined;

  /** @throws {BadOption} when an option is malformed or passes a bound */
  constructor(options: CallOptions | undefined, owner?: Cell) {
    this.options = options;
    this.owner = owner;
    if (options === undefined) return;
    const { timeoutMs, trace, values } = options;
    if (timeoutMs !== undefined) checkDuration('timeoutMs', timeoutMs);
    if (trace !== undefined || values !== undefined) this.#origin = new Origin(trace, values);
  }

  /**
   * Values and interceptors are added to those that are there; other options replace them.
   * @throws {BadOption} when one makes no sense, or there is none of its name
   */
  with(options: CallOptions): Caller {
    checkOptions('', options, CALL_OPTIONS);
    const { values, intercept } = this.options ?? {};
    return new Caller(
      {
        ...this.options,
        ...options,
        ...(values !== undefined && { values: { ...values, ...options.values } }),
        ...(intercept !== undefined &&
          options.intercept !== undefined && { intercept: nested(intercept, options.intercept) }),
      },
      this.owner,
    );
  }

  /** The same sender as `owner`'s own. */
  of(owner: Cell | undefined): Caller {
    if (owner === this.owner) return this;
    return this.options === undefined
      ? (owner?.caller ?? OUTSIDE)
      : new Caller(this.options, owner);
  }

  /**
   * Sends a message again that was sent in `context`, with options of its own.
   * @param from whom it came from, when that was not this node
   */
  static within(
    context: CallContext | undefined,
    options: CallOptions,
    from?: CallerIdentity,
  ): Caller {
    const caller = new Caller(options);
    caller.#context = context;
    caller.#from = from;
    return caller;
  }

  /** Whom its messages come from, when this node only passes them on. */
  get from(): CallerIdentity | undefined {
    return this.#from;
  }

  /**
   * The context of a message that is sent now. An actor that is at work this very moment is the
   * sender, whoever its reference was bound to; else it is the actor of the binding.
   */
  contextIn(system: ActorSystem): CallContext | undefined {
    if (this.#context !== undefined) return this.#context;
    const context = (system.running ?? this.owner)?.context;
    if (this.#origin === undefined) return context;
    return context?.with(this.#origin) ?? this.#origin;
  }
}

/** Nobody in particular, with no wishes. */
export const OUTSIDE: Caller = new Caller(undefined);
