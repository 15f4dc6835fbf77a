import {
  Cancelled,
  type CallError,
  DeadlineExceeded,
  type Down,
  type DownReason,
  Overloaded,
} from '@troupe/actor';
import { Answer, type Caller, type Deadlines, type Expiring } from '@troupe/actor/internal';
import { CALL, CANCEL, CAST, STOP, type Target, UNWATCH, WATCH } from './frames.ts';
import type { Placing } from './session.ts';

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
const CALL_FIELDS = ['type', 'id', 'target', 'method', 'args', 'timeoutMs'];
const CAST_FIELDS = ['type', 'target', 'method', 'args'];

/** What the other side of a call is: an address on the wire and one for people. */
export interface Destination {
  readonly target: Target;
  readonly address: string;
}

/** What `Outgoing` needs of the connection to one node. */
export interface FrameSink {
  /** Encodes at once: later changes to the values do not travel. Throws `NotSerializable`. */
  encode(frame: readonly unknown[], fields?: readonly string[]): Uint8Array;
  /** Sends now, or as soon as a connection stands. @returns why it cannot be */
  send(bytes: Uint8Array, placing: Placing): CallError | undefined;
}

/** All that this node has asked of one other node and not yet been told. */
export class Outgoing {
  readonly #sink: FrameSink;
  readonly #deadlines: Deadlines;
  readonly #callTimeoutMs: number;
  readonly #calls = new Map<number, PendingCall>();
  readonly #watches = new Map<number, Watch>();
  #lastId = 0;

  constructor(sink: FrameSink, deadlines: Deadlines, callTimeoutMs: number) {
    this.#sink = sink;
    this.#deadlines = deadlines;
    this.#callTimeoutMs = callTimeoutMs;
  }

  /** Calls that wait for their outcome. */
  get callsInFlight(): number {
    return this.#calls.size;
  }

  ask(
    to: Destination,
    method: string,
    message: { readonly args: readonly unknown[]; readonly caller: Caller },
  ): Answer {
    const { args, caller } = message;
    const { options } = caller;
    if (options?.signal?.aborted === true) {
      const cause: unknown = options.signal.reason;
      return Answer.refused(new Cancelled(to.address, 'no', { cause }));
    }
    const timeoutMs = options?.timeoutMs ?? this.#callTimeoutMs;
    const call = new PendingCall(this, to.address, { ...options, timeoutMs, caller });
    return this.#begin(call, to, (id) => [CALL, id, to.target, method, args, timeoutMs]);
  }

  stop(to: Destination): Promise<void> {
    const call = new PendingCall(this, to.address, { timeoutMs: this.#callTimeoutMs });
    return this.#begin(call, to, (id) => [STOP, id, to.target]).then(() => undefined);
  }

  /** @returns why the message did not leave */
  tell(to: Destination, method: string, args: readonly unknown[]): CallError | undefined {
    const bytes = this.#sink.encode([CAST, to.target, method, args], CAST_FIELDS);
    return this.#sink.send(bytes, { key: keyOf(to) });
  }

  monitor(to: Destination, onDown: (down: Down) => void): () => void {
    if (this.#watches.size >= MONITORS_MAX) {
      throw new Overloaded(to.address, 'monitors of its node', MONITORS_MAX);
    }
    const id = (this.#lastId += 1);
    this.#watches.set(id, { address: to.address, onDown });
    const key = keyOf(to);
    const refusal = this.#sink.send(this.#sink.encode([WATCH, id, to.target]), { key });
    if (refusal !== undefined) {
      queueMicrotask(() => this.down(id, { kind: 'node-down', error: refusal }));
    }
    return () => {
      if (this.#watches.delete(id)) this.#sink.send(this.#sink.encode([UNWATCH, id]), { key });
    };
  }

  /** An outcome came. Late and unknown ids are no fault: the call may have expired here. */
  settle(id: number, outcome: (call: PendingCall) => void): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.forget(call);
    outcome(call);
  }

  down(id: number, reason: DownReason): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.onDown({ address: watch.address, reason });
  }

  /** The node is out of reach: whatever waits is told `error`, and so is every monitor. */
  failAll(error: (address: string, call: number) => CallError): void {
    const calls = [...this.#calls.values()];
    for (const call of calls) {
      this.forget(call);
      call.reject(error(call.address, call.id));
    }
    const watches = [...this.#watches.keys()];
    for (const id of watches) {
      const address = this.#watches.get(id)?.address ?? '';
      this.down(id, { kind: 'node-down', error: error(address, id) });
    }
  }

  /** The caller no longer waits; the other side may stop working on it. */
  cancel(call: PendingCall): void {
    this.forget(call);
    this.#sink.send(this.#sink.encode([CANCEL, call.id]), { key: call.key });
  }

  forget(call: PendingCall): void {
    this.#calls.delete(call.id);
    this.#deadlines.remove(call);
    call.disarm();
  }

  #begin(call: PendingCall, to: Destination, frame: (id: number) => readonly unknown[]): Answer {
    if (this.#calls.size >= CALLS_IN_FLIGHT_MAX) {
      return Answer.refused(new Overloaded(call.address, 'calls in flight', CALLS_IN_FLIGHT_MAX));
    }
    const id = (this.#lastId += 1);
    call.id = id;
    call.key = keyOf(to);
    try {
      const bytes = this.#sink.encode(frame(id), CALL_FIELDS);
      const refusal = this.#sink.send(bytes, { key: call.key, call: id });
      if (refusal !== undefined) return Answer.refused(refusal);
    } catch (error) {
      return Answer.refused(error);
    }
    this.#calls.set(id, call);
    this.#deadlines.add(call, call.timeoutMs + CONFIRMATION_MS);
    call.arm();
    return call.promise;
  }
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
export class PendingCall implements Expiring {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  id = 0;
  key: unknown;
  readonly address: string;
  readonly timeoutMs: number;
  readonly promise: Answer;
  resolve!: (value: unknown) => void;
  reject!: (error: unknown) => void;
  readonly #owner: Outgoing;
  #signal: AbortSignal | undefined;

  constructor(
    owner: Outgoing,
    address: string,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal;
      readonly caller?: Caller;
    },
  ) {
    this.#owner = owner;
    this.address = address;
    this.timeoutMs = options.timeoutMs;
    this.#signal = options.signal;
    this.promise = new Answer((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    }, options.caller);
  }

  arm(): void {
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  disarm(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  expire(): void {
    this.#owner.cancel(this);
    this.reject(new DeadlineExceeded(this.address, this.timeoutMs, 'unknown'));
  }

  readonly #onAbort = (): void => {
    const cause: unknown = this.#signal?.reason;
    this.#owner.cancel(this);
    this.reject(new Cancelled(this.address, 'unknown', { cause }));
  };
}
