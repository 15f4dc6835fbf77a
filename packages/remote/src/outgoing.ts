import {
  type ActorSystem,
  Cancelled,
  type CallError,
  DeadlineExceeded,
  type Down,
  type DownReason,
  isCallError,
  Overloaded,
} from '@troupe/actor';
import {
  Answer,
  boundValue,
  type CallContext,
  type Caller,
  type Expiring,
  HOPS_MAX,
  methodTooLong,
  OUTSIDE,
  type Pipeline,
  type Probe,
  RunningTurn,
  type Waited,
} from '@troupe/actor/internal';
import { AnswerGone } from './answer-gone.ts';
import { headerOf } from './call-header.ts';
import type { EncodedValue } from './codec.ts';
import * as type from './frames.ts';
import { LastWords } from './last-words.ts';
import { functionKey } from './loans.ts';
import { NamesGiven } from './names.ts';
import { probeFields, PROBES, RING_CHARS_MAX } from './probe-frame.ts';
import { RateLimit } from './rate-limit.ts';
import { RemoteStream } from './remote-stream.ts';
import { SentFrames } from './sent-frames.ts';
import type { Placing } from './session.ts';
import { UnderWay } from './under-way.ts';

/** Calls to one node that may wait for their outcome. */
const CALLS_IN_FLIGHT_MAX = 65_536;
/** Monitors of actors of one node. */
const MONITORS_MAX = 65_536;

/**
 * How long past its deadline a call waits for the other side's word that it never began, which
 * turns `executed: 'unknown'` into `'no'`.
 */
const CONFIRMATION_MS = 50;

/** Names for what a `NotSerializable` points to. */
const CALL_FIELDS = ['type', 'id', 'target', 'method', 'args', 'timeoutMs', 'header'];
const INVOKE_FIELDS = ['type', 'id', 'function', 'args', 'timeoutMs', 'header'];
/** Where the arguments are among the fields of a call. */
const ARGS_AT = CALL_FIELDS.indexOf('args');
const CAST_FIELDS = ['type', 'target', 'method', 'args', 'header'];

/** What the other side of a call is: an address on the wire and one for people. */
export interface Destination {
  readonly target: type.Target;
  readonly address: string;
}

/** What `Outgoing` needs of the connection to one node. */
export interface FrameSink {
  /** Encodes at once: later changes to the values do not travel. Throws `NotSerializable`. */
  encode(frame: readonly unknown[], fields?: readonly string[]): Uint8Array;
  /** Whether the frame that was encoded last means nothing outside of this session. */
  readonly isForSessionOnly: boolean;
  /** Element `index` of a frame. */
  elementOf(frame: Uint8Array, index: number): EncodedValue;
  /** Nobody reads the bytes of a frame any more. */
  release(frame: Uint8Array): void;
  /** Sends now, or as soon as a connection stands. @returns why it cannot be */
  send(bytes: Uint8Array, placing: Placing): CallError | undefined;
  /** Whether the other side is known to know what that version of the protocol has added. */
  speaks(version: number): boolean;
}

/** All that this node has asked of one other node and not yet been told. */
export class Outgoing {
  readonly #sink: FrameSink;
  readonly #system: ActorSystem;
  readonly #calls = new UnderWay<PendingCall>();
  readonly #watches = new Map<number, Watch>();
  readonly #lastWords: LastWords;
  readonly #probes: RateLimit;
  readonly #sent = new SentFrames();
  #names!: NamesGiven;
  #lastId = 0;
  /** Why nothing is begun there any more. */
  #closed: CallError | undefined;

  constructor(sink: FrameSink, system: ActorSystem) {
    this.#sink = sink;
    this.beginSession();
    this.#system = system;
    this.#lastWords = new LastWords(system.env, (id, reason) => this.#down(id, reason));
    this.#probes = new RateLimit(system.env, PROBES.burst);
  }

  /** Calls that wait for their outcome. */
  get callsInFlight(): number {
    return this.#calls.size;
  }

  /** From now on whatever would be begun is refused with `reason`, until that is undefined. */
  close(reason: CallError | undefined): void {
    this.#closed = reason;
  }

  /** What numbers stand for in the present session. */
  get namesGiven(): NamesGiven['given'] {
    return this.#names.given;
  }

  /** The other side knows nothing of what was said before. */
  beginSession(): void {
    this.#names = new NamesGiven((frame) => {
      return this.#sink.send(this.#sink.encode(frame), { key: this.#names }) === undefined;
    });
  }

  ask(to: Destination, method: string, message: CallMessage): Answer {
    const tooLong = methodTooLong(to.address, method);
    if (tooLong !== undefined) return Answer.refused(tooLong);
    const { args, caller, again } = message;
    const call = this.#newCall(to.address, keyOf(to), caller);
    if (again !== undefined) {
      call.mayGoOn({ again, method, args, isToBeSentAgain: args.some(isObject) });
    }
    const sent = message.encodedArgs ?? args;
    return this.#begin(call, CALL_FIELDS, [type.CALL, 0, to.target, method, sent, call.timeoutMs]);
  }

  /** Calls function `id`, which the node has lent. */
  invoke(id: number, to: string, args: readonly unknown[]): Answer {
    const call = this.#newCall(to, functionKey(id), OUTSIDE);
    return this.#begin(call, INVOKE_FIELDS, [type.INVOKE, 0, id, args, call.timeoutMs]);
  }

  /**
   * Calls a method on the result of `base`, over there.
   * @returns undefined when that result has come
   */
  pipe(base: PendingCall, message: PipedMessage): Answer | undefined {
    if (this.#calls.get(base.id) !== base) return undefined;
    const { method, args, late } = message;
    const address = `the result of a call to ${base.address}`;
    const tooLong = methodTooLong(address, method);
    if (tooLong !== undefined) return Answer.refused(tooLong);
    const call = this.#newCall(address, base.key, base.caller);
    const again: Again = {
      instead: (error) => (error instanceof AnswerGone ? late() : undefined),
    };
    call.mayGoOn({ again, method, args, isToBeSentAgain: false });
    return this.#begin(call, CALL_FIELDS, [type.PIPE, 0, base.id, method, args, call.timeoutMs]);
  }

  stop(to: Destination): Promise<void> {
    const call = this.#newCall(to.address, keyOf(to), OUTSIDE);
    return this.#begin(call, CALL_FIELDS, [type.STOP, 0, to.target]).then(() => undefined);
  }

  /** @returns why the message did not leave */
  tell(
    to: Destination,
    method: string,
    message: { readonly args: readonly unknown[]; readonly caller: Caller },
  ): CallError | undefined {
    const refusal = this.#closed ?? methodTooLong(to.address, method);
    if (refusal !== undefined) return refusal;
    const { caller } = message;
    const header = headerOf(caller.contextIn(this.#system)?.origin, caller.from);
    const frame: unknown[] = [type.CAST, to.target, method, message.args];
    if (this.#sink.speaks(2)) this.#names.abbreviate(frame, 1, to.address);
    if (header !== undefined) frame.push(header);
    return this.#sink.send(this.#sink.encode(frame, CAST_FIELDS), { key: keyOf(to) });
  }

  monitor(to: Destination, onDown: (down: Down) => void): () => void {
    if (this.#watches.size >= MONITORS_MAX) {
      throw new Overloaded(to.address, 'monitors of its node', MONITORS_MAX);
    }
    const id = (this.#lastId += 1);
    this.#watches.set(id, { address: to.address, onDown });
    const key = keyOf(to);
    const refusal =
      this.#closed ?? this.#sink.send(this.#sink.encode([type.WATCH, id, to.target]), { key });
    if (refusal !== undefined) {
      queueMicrotask(() => this.#down(id, { kind: 'node-down', error: refusal }));
    }
    return () => {
      if (!this.#watches.delete(id)) return;
      this.#sink.send(this.#sink.encode([type.UNWATCH, id]), { key, mustLeave: true });
    };
  }

  /** A result came. Late and unknown ids are no fault: the call may have expired here. */
  succeeded(id: number, value: unknown): void {
    const call = this.#calls.take(id);
    if (call === undefined) return;
    this.#rest(call);
    this.#drop(call);
    call.resolve(value);
  }

  /** The same for what went wrong. */
  failed(id: number, error: unknown): void {
    const call = this.#calls.take(id);
    if (call !== undefined) this.#fail(call, error);
  }

  /** An actor is down: its monitor is told after all that the actor has said. */
  down(id: number, reason: DownReason): void {
    this.#lastWords.down(id, reason);
  }

  #down(id: number, reason: DownReason): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.onDown({ address: watch.address, reason });
  }

  /** The node is out of reach: whatever waits is told `error`, and so is every monitor. */
  failAll(error: (address: string, call: number) => CallError): void {
    for (const call of this.#calls.values()) {
      if (this.#calls.delete(call.id)) this.#fail(call, error(call.address, call.id));
    }
    const watches = [...this.#watches.keys()];
    for (const id of watches) {
      const address = this.#watches.get(id)?.address ?? '';
      this.#down(id, { kind: 'node-down', error: error(address, id) });
    }
  }

  /**
   * The caller no longer waits; the other side may stop working on it.
   * @param reason told to the method, if it can be sent
   */
  withdraw(call: PendingCall, reason?: unknown): void {
    this.#calls.delete(call.id);
    this.#rest(call);
    this.#drop(call);
    const { id, key } = call;
    if (this.#sink.send(this.#cancelFrame(id, reason), { key }) === undefined) return;
    // The reason may be large; that the call is taken back is not.
    this.#sink.send(this.#cancelFrame(id, undefined), { key, mustLeave: true });
  }

  #cancelFrame(id: number, reason: unknown): Uint8Array {
    try {
      if (reason !== undefined) return this.#sink.encode([type.CANCEL, id, reason]);
    } catch {
      // Whatever a reason may be, the call is to be taken back.
    }
    return this.#sink.encode([type.CANCEL, id]);
  }

  /** Asks on whether a turn waits for itself. */
  chase(call: PendingCall, probe: Probe): void {
    const { path } = probe;
    if (!this.#sink.speaks(2) || path.length > HOPS_MAX || !this.#probes.take(PROBES)) return;
    const frame = [type.PROBE, call.id, ...probeFields(probe)];
    this.#sink.send(this.#sink.encode(frame), { key: call.key });
  }

  /** The call is part of a ring: the other side is to take it back, if it has not begun by now. */
  breakWith(call: PendingCall, path: string): void {
    if (!this.#sink.speaks(2)) return;
    const frame = [type.BREAK, call.id, path.slice(0, RING_CHARS_MAX)];
    this.#sink.send(this.#sink.encode(frame), { key: call.key });
  }

  /** The other side has a large frame whole. @returns whether its bytes may be needed again */
  keeps(frame: Uint8Array): boolean {
    return this.#sent.arrived(frame);
  }

  /** Nothing more is waited for. */
  #rest(call: PendingCall): void {
    this.#system.deadlines.remove(call);
    call.disarm();
  }

  #fail(call: PendingCall, error: unknown): void {
    const remainingMs = this.#system.deadlines.remainingMs(call.dueTick) - CONFIRMATION_MS;
    this.#rest(call);
    if (call.sent !== undefined) this.#sent.drop(call.sent);
    call.reject(error, remainingMs);
  }

  /** What a call was made with, as it was then. */
  argsOf(sent: Uint8Array): EncodedValue {
    return this.#sink.elementOf(sent, ARGS_AT);
  }

  /** It is not made again. */
  #drop(call: PendingCall): void {
    const { sent } = call;
    if (sent === undefined) return;
    call.sent = undefined;
    if (this.#sent.drop(sent)) this.#sink.release(sent);
  }

  #newCall(address: string, key: unknown, caller: Caller): PendingCall {
    const context = caller.contextIn(this.#system);
    const owner = context instanceof RunningTurn ? context.cell : undefined;
    const timeoutMs = caller.options?.timeoutMs ?? this.#system.callTimeoutMs;
    const remainingMs = context?.remainingMs ?? timeoutMs;
    return new PendingCall(this, {
      address,
      key,
      caller: caller.of(owner),
      context,
      timeoutMs: Math.min(timeoutMs, remainingMs),
    });
  }

  /** @param frame in which the second field, the id, is yet to be filled in */
  #begin(call: PendingCall, fields: readonly string[], frame: unknown[]): Answer {
    const refusal = this.#refusalOf(call);
    if (refusal !== undefined) return call.refused(refusal);
    const id = (this.#lastId += 1);
    call.id = id;
    frame[1] = id;
    try {
      if (this.#sink.speaks(2)) this.#names.abbreviate(frame, 2, call.address);
      const header = headerOf(call.context, call.caller.from);
      if (header !== undefined) frame.push(header);
      const bytes = this.#sink.encode(frame, fields);
      if (call.isToBeSentAgain && !this.#sink.isForSessionOnly) {
        call.sent = this.#sent.keep(bytes);
      }
      const unsent = this.#sink.send(bytes, { key: call.key, call: id });
      if (unsent !== undefined) return this.#notSent(call, unsent);
    } catch (error) {
      return call.refused(error);
    }
    this.#calls.set(id, call);
    this.#system.deadlines.add(call, call.timeoutMs + CONFIRMATION_MS);
    call.arm();
    return call.promise;
  }

  #notSent(call: PendingCall, error: CallError): Answer {
    if (call.sent !== undefined) this.#sent.drop(call.sent);
    return call.refused(error);
  }

  /** @returns why the call cannot be made */
  #refusalOf({ address, caller, timeoutMs }: PendingCall): CallError | undefined {
    const signal = caller.options?.signal;
    if (signal?.aborted === true) return new Cancelled(address, 'no', { cause: signal.reason });
    if (timeoutMs < 1) {
      const cause = new Error('its caller waits no longer');
      return new Cancelled(address, 'no', { cause });
    }
    if (this.#closed !== undefined) return this.#closed;
    if (this.#calls.size < CALLS_IN_FLIGHT_MAX) return undefined;
    return new Overloaded(address, 'calls in flight', CALLS_IN_FLIGHT_MAX);
  }
}

/** A call that has failed. */
export interface FailedCall {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly caller: Caller;
  /** The same as they were when it was sent, unless they hold for that session only. */
  readonly encodedArgs?: EncodedValue | undefined;
  /** What it was sent in. */
  readonly context: CallContext | undefined;
  /** How much of its time is left, in milliseconds; not above 0 when none is. */
  readonly remainingMs: number;
}

/** Knows what else may become of a call that has failed; one object for many calls. */
export interface Again {
  /** @returns the outcome of the call, when that is not its failure */
  instead(error: unknown, call: FailedCall): Promise<unknown> | undefined;
}

export interface CallMessage {
  readonly args: readonly unknown[];
  /** Sent in their place to another node: what an earlier attempt has sent. */
  readonly encodedArgs?: EncodedValue | undefined;
  readonly caller: Caller;
  readonly again?: Again;
}

/** What else may become of a call. */
interface GoesOn {
  readonly again: Again;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Whether its bytes are kept for that, since what it was made with may change meanwhile. */
  readonly isToBeSentAgain: boolean;
}

interface PipedMessage {
  readonly method: string;
  readonly args: readonly unknown[];
  /** Makes the call from here, on the result. */
  readonly late: () => Promise<unknown>;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** What is sent to one actor or entity stays in order. */
function keyOf({ target, address }: Destination): unknown {
  return typeof target === 'object' ? address : target;
}

interface Watch {
  readonly address: string;
  readonly onDown: (down: Down) => void;
}

/** One call that has left, until its outcome, its deadline or its cancellation. */
export class PendingCall implements Expiring, Pipeline, Waited {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  nextWaited: Waited | undefined;
  previousWaited: Waited | undefined;
  waitedId = 0;
  id = 0;
  readonly address: string;
  /** What is sent to the same receiver has the same, and keeps its order. */
  readonly key: unknown;
  readonly timeoutMs: number;
  readonly caller: Caller;
  readonly context: CallContext | undefined;
  readonly promise: Answer;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #owner: Outgoing;
  /** Knows what else may become of it, and from what. */
  #goesOn: GoesOn | undefined;
  /** Its frame, for another attempt. */
  sent: Uint8Array | undefined;

  constructor(
    owner: Outgoing,
    parts: Pick<PendingCall, 'address' | 'key' | 'timeoutMs' | 'caller' | 'context'>,
  ) {
    this.#owner = owner;
    this.address = parts.address;
    this.key = parts.key;
    this.timeoutMs = parts.timeoutMs;
    this.caller = parts.caller;
    this.context = parts.context;
    this.promise = new Answer((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    }, parts.caller);
    Answer.pipelines(this.promise, this);
  }

  resolve(value: unknown): void {
    const signal = this.caller.options?.signal;
    if (signal !== undefined && value instanceof RemoteStream) value.endOn(signal);
    this.#resolve(boundValue(value, this.caller.owner));
  }

  /** Should it fail, it is asked what else becomes of it. */
  mayGoOn(goesOn: GoesOn): void {
    this.#goesOn = goesOn;
  }

  get isToBeSentAgain(): boolean {
    return this.#goesOn?.isToBeSentAgain === true;
  }

  /** @param remainingMs how much of its time is left */
  reject(error: unknown, remainingMs: number): void {
    const instead = this.#goesOn && this.#instead(error, this.#goesOn, remainingMs);
    if (instead === undefined) this.#reject(error);
    else this.#resolve(instead);
  }

  #instead(
    error: unknown,
    { again, method, args }: GoesOn,
    remainingMs: number,
  ): Promise<unknown> | undefined {
    const { caller, context, sent } = this;
    const encodedArgs = sent && isCallError(error) ? this.#owner.argsOf(sent) : undefined;
    return again.instead(error, { method, args, encodedArgs, caller, context, remainingMs });
  }

  /** It has not left. */
  refused(error: unknown): Answer {
    this.reject(error, this.timeoutMs);
    return this.promise;
  }

  arm(): void {
    if (this.context instanceof RunningTurn) this.context.turn.waitsFor(this);
    this.caller.options?.signal?.addEventListener('abort', this);
  }

  disarm(): void {
    if (this.context instanceof RunningTurn) this.context.turn.waitsNoMore(this);
    this.caller.options?.signal?.removeEventListener('abort', this);
  }

  pipe(method: string, args: readonly unknown[], late: () => Promise<unknown>): Answer | undefined {
    return this.#owner.pipe(this, { method, args, late });
  }

  chase(probe: Probe): void {
    this.#owner.chase(this, probe);
  }

  breakWith(path: string): void {
    this.#owner.breakWith(this, path);
  }

  expire(): void {
    this.#owner.withdraw(this);
    this.reject(new DeadlineExceeded(this.address, this.timeoutMs, 'unknown'), 0);
  }

  cancel(cause: unknown): void {
    this.#owner.withdraw(this, cause);
    this.reject(new Cancelled(this.address, 'unknown', { cause }), 0);
  }

  /** The signal is aborted. The call is its own listener, so that most need no function for it. */
  handleEvent(): void {
    this.cancel(this.caller.options?.signal?.reason);
  }
}
