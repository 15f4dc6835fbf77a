import {
  type AnyRef,
  type CallError,
  type CallerIdentity,
  type CallOptions,
  Cancelled,
  DeadlineExceeded,
  DeadlockError,
  RemoteError,
} from '@troupe/actor';
import {
  Answer,
  type CallContext,
  Caller,
  type Cell,
  chase,
  type Envelope,
  expire,
  type Expiring,
  isRef,
  type Pipeline,
  type Probe,
  type Recipient,
  recipientOf,
  type Reply,
  takeBack,
  withdraw,
} from '@troupe/actor/internal';
import { AnswerGone } from './answer-gone.ts';
import { callThrough, type Edge } from './edge.ts';
import { FAIL, RESULT } from './frames.ts';
import { calledFromAfar } from './functions.ts';
import type { Message } from './incoming.ts';

/** What a call says of itself. */
export interface ServedCallParts {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
  readonly context: CallContext | undefined;
  readonly from: CallerIdentity;
  /** Of its frame, about. */
  readonly bytes: number;
}

interface Inner {
  succeed(value: unknown): void;
  fail(error: unknown): void;
}

/** Where calls are counted and answered. */
export interface CallServer {
  /** What runs around a call that comes in. */
  readonly edge: Edge;
  /** The call is over, and its caller has been told before when `frame` is undefined. */
  ended(call: ServedCall, frame: readonly unknown[] | undefined): void;
  /** The caller is told; the call may still run, and counts until it has ended. */
  answer(call: ServedCall, frame: readonly unknown[]): void;
}

/** One call that has arrived, until whatever serves it has answered. */
export class ServedCall implements Reply, Expiring, Message {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly asks = true;
  readonly context: CallContext | undefined;
  readonly from: CallerIdentity;
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly #server: CallServer;
  #cell: Cell | undefined;
  #envelope: Envelope | undefined;
  /** Set when no actor of this node serves it. */
  #elsewhere: AbortController | undefined;
  /** The call that it was passed on as. */
  #passedOn: Pipeline | undefined;
  /** Who waits at the edge of the node for what becomes of it here. */
  #inner: Inner | undefined;
  /** Calls on its result. */
  #followers: ServedCall[] | undefined;
  /** The caller has been told that its time is over. */
  #expired = false;
  /** Nobody waits for it any more: it is not begun, at the edge not once more either. */
  #isWithdrawn = false;

  constructor(server: CallServer, parts: ServedCallParts) {
    this.#server = server;
    this.id = parts.id;
    this.method = parts.method;
    this.args = parts.args;
    this.timeoutMs = parts.timeoutMs;
    this.context = parts.context;
    this.from = parts.from;
    this.bytes = parts.bytes;
  }

  get actor(): Cell | undefined {
    return this.#cell;
  }

  deliver(cell: Cell): void {
    this.#cell = cell;
    this.#envelope = cell.post(this.method, this.args, this);
  }

  refuse(error: CallError): void {
    this.fail(error);
  }

  /** Lets it in by way of the node's edge. */
  comeIn(to: string, route: () => void): void {
    const next = (): Promise<unknown> =>
      new Promise((succeed, fail) => {
        if (this.#isWithdrawn) return fail(new Cancelled(to, 'no'));
        if (this.#inner !== undefined) {
          return fail(
            new TypeError(`${method} runs: call next once, or when its outcome is there`),
          );
        }
        this.#inner = { succeed, fail };
        route();
      });
    const { method, args, context, from } = this;
    callThrough(this.#server.edge, { kind: 'call', to, method, args, context, from }, next).then(
      (value) => {
        this.#inner = undefined;
        this.succeed(value);
      },
      (error: unknown) => {
        this.#inner = undefined;
        this.fail(error);
      },
    );
  }

  /** Calls a function of this node's. It runs outside of all turns, as when it is called here. */
  run(body: (...args: readonly unknown[]) => unknown): void {
    this.#settleWith(() => calledFromAfar(body, this.args));
  }

  /** Makes the call on what `base` yields, once it does. */
  follow(base: ServedCall): void {
    (base.#followers ??= []).push(this);
  }

  succeed(value: unknown): void {
    const inner = this.#takeInner();
    if (inner !== undefined) return inner.succeed(value);
    for (const follower of this.#takeFollowers()) follower.#callOn(value);
    this.#server.ended(this, this.#expired ? undefined : [RESULT, this.id, value]);
  }

  fail(thrown: unknown): void {
    const inner = this.#takeInner();
    if (inner !== undefined) return inner.fail(thrown);
    for (const follower of this.#takeChain()) follower.#failed(new AnswerGone());
    // Whatever else can be thrown, only errors travel as what went wrong.
    this.#failed(thrown instanceof Error ? thrown : nonError(thrown));
  }

  expire(): void {
    this.#isWithdrawn = true;
    const address = this.#cell?.address ?? '';
    const executed =
      this.#cell === undefined || this.#envelope === undefined
        ? this.withdraw(new DOMException('the deadline has passed', 'TimeoutError'))
        : expire(this.#cell, this.#envelope);
    const error = new DeadlineExceeded(address, this.timeoutMs, executed);
    if (executed === 'no') return this.fail(error);
    this.#expired = true;
    this.#server.answer(this, [FAIL, this.id, error]);
  }

  withdraw(reason: unknown): 'no' | 'unknown' {
    this.#isWithdrawn = true;
    if (this.#elsewhere !== undefined) {
      this.#elsewhere.abort(reason);
      return 'unknown';
    }
    if (this.#cell === undefined || this.#envelope === undefined) return 'no';
    const executed = withdraw(this.#cell, this.#envelope, reason);
    const { address } = this.#cell;
    if (executed === 'no') this.#takeInner()?.fail(new Cancelled(address, 'no', { cause: reason }));
    return executed;
  }

  /** A turn that waits for the call asks whether it waits for itself. */
  chase(probe: Probe): void {
    if (this.#cell === undefined || this.#envelope === undefined) this.#passedOn?.chase(probe);
    else chase(this.#cell, this.#envelope, probe);
  }

  /** Takes it back, if it has not begun. */
  breakWith(path: string): void {
    if (this.#cell === undefined || this.#envelope === undefined) this.#passedOn?.breakWith(path);
    else if (takeBack(this.#cell, this.#envelope)) this.fail(new DeadlockError(path));
  }

  #takeInner(): Inner | undefined {
    const inner = this.#inner;
    this.#inner = undefined;
    return inner;
  }

  #takeFollowers(): readonly ServedCall[] {
    const followers = this.#followers ?? NOBODY;
    this.#followers = undefined;
    return followers;
  }

  /** Calls on its result, on theirs, and so on: a chain may be as long as there may be calls. */
  #takeChain(): readonly ServedCall[] {
    const chain = [...this.#takeFollowers()];
    for (const each of chain) for (const next of each.#takeFollowers()) chain.push(next);
    return chain;
  }

  #failed(error: Error): void {
    this.#server.ended(this, this.#expired ? undefined : [FAIL, this.id, error]);
  }

  /** An actor of this node is called as if it had been addressed; any other by way of this node. */
  #callOn(result: unknown): void {
    if (this.#isWithdrawn) return;
    if (typeof result !== 'object' || result === null || !isRef(result)) {
      return this.fail(new AnswerGone()); // From where it is, the caller sees what is wrong.
    }
    const recipient = recipientOf(result as AnyRef);
    if (this.#server.edge.length === 0) return this.#goTo(recipient);
    this.comeIn(recipient.address, () => this.#goTo(recipient));
  }

  #goTo(recipient: Recipient): void {
    if ('post' in recipient) return this.deliver(recipient as Cell);
    this.#settleWith((signal) => {
      const options: CallOptions = { timeoutMs: this.timeoutMs, signal };
      const caller = Caller.within(this.context, options, this.from);
      const answer = recipient.ask(this.method, this.args, caller);
      this.#passedOn = Answer.pipelineOf(answer);
      return answer;
    });
  }

  #settleWith(outcome: (signal: AbortSignal) => Promise<unknown>): void {
    const { signal } = (this.#elsewhere = new AbortController());
    void settled
      .then(() => outcome(signal))
      .then(
        (value) => this.succeed(value),
        (error: unknown) => this.fail(error),
      );
  }
}

const settled = Promise.resolve();
const NOBODY: readonly ServedCall[] = Object.freeze([]);

function nonError(thrown: unknown): RemoteError {
  return new RemoteError('NonError', String(thrown), undefined);
}
