import type { CallerIdentity } from './caller-identity.ts';
import type { Answer } from './answer.ts';
import type { Caller } from './caller.ts';
import type { CallContext, ContextValues } from './context.ts';
import type { OutgoingInterceptor } from './interceptor.ts';
import type { AnyRef } from './ref.ts';
import type { ActorSystem } from './system.ts';

/** How long a call may take unless it says otherwise. */
export const CALL_TIMEOUT_MS = 10_000;

export interface CallOptions {
  /**
   * Whole-call budget in milliseconds, 1 … 2 ** 31 - 1. Default: 10,000; within a method, no more
   * than what remains of the method's own. Of a call that yields a stream it bounds the opening;
   * the stream then lives until it ends or is ended.
   */
  readonly timeoutMs?: number;
  /**
   * Aborting it rejects the call with `Cancelled` and aborts the method's `ctx.signal`. It ends
   * the stream that a generator method yields, too.
   */
  readonly signal?: AbortSignal;
  /** W3C `traceparent`; see `ctx.trace`. Default: that of the turn in which the call is made. */
  readonly trace?: string;
  /** Texts for all that the call leads to, at most 32; added to those of the turn. */
  readonly values?: ContextValues;
  /**
   * Whether the call may be made again, until its deadline, when nobody can know whether it has
   * run. Default: what the method says by `@rpc({ idempotent })`, if its class is known here.
   */
  readonly idempotent?: boolean;
  /** Runs around every message through the reference, within those that it has already. */
  readonly intercept?: OutgoingInterceptor;
}

/** Why an actor is no more. */
export type DownReason =
  /** It stopped by itself or was asked to. */
  | { readonly kind: 'stopped' }
  /** A failure that nobody mended. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** It had already gone when the monitor was set. */
  | { readonly kind: 'no-actor' }
  /** Its node is down, or the session to it was lost; the actor may still run there. */
  | { readonly kind: 'node-down'; readonly error: unknown };

/** What a monitor is told, once. */
export interface Down {
  /** Address of the actor that is down. */
  readonly address: string;
  readonly reason: DownReason;
}

/** Where the outcome of a message goes; exactly one of the two is called, once. */
export interface Reply {
  /** What the message came with. */
  readonly context?: CallContext | undefined;
  /** Whom it came from; an actor of this node, if it does not say. */
  readonly from?: CallerIdentity | undefined;
  /** The tick of the system's `Deadlines` until which the caller waits; -1 when it has ceased. */
  readonly dueTick?: number;
  succeed(value: unknown): void;
  fail(error: unknown): void;
}

/**
 * What stands behind a reference. An actor of this process, one on another node and an entity
 * wherever it lives are all a `Recipient`; a reference does not know which it holds.
 */
export interface Recipient {
  /** For people and logs: `node/kind/id`. */
  readonly address: string;
  /** The one reference to it that is bound to nobody. */
  readonly ref: AnyRef;
  /** That of the node which holds the reference, where there is one. */
  readonly system?: ActorSystem;
  ask(method: string, args: readonly unknown[], caller: Caller): Answer;
  tell(method: string, args: readonly unknown[], caller: Caller): void;
  /** Calls `onDown` once, when the actor is down. @returns forgets the monitor */
  monitor(onDown: (down: Down) => void): () => void;
  /** Ends the actor after the turn that runs now. Resolves when it is down. */
  stop(): Promise<void>;
}
