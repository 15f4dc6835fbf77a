import { Answer } from './answer.ts';
import { boundValue } from './binding.ts';
import type { Caller } from './caller.ts';
import type { CallerIdentity } from './caller-identity.ts';
import type { Cell } from './cell.ts';
import { chase } from './deadlock.ts';
import type { Expiring } from './deadlines.ts';
import { Envelope } from './envelope.ts';
import { Cancelled, DeadlineExceeded, DeadlockError } from './errors.ts';
import { GeneratorStream } from './generator-stream.ts';
import type { Method } from './method.ts';
import type { Probe, Waited } from './probe.ts';
import type { Reply } from './recipient.ts';
import { RunningTurn } from './turn.ts';
import { expire, takeBack, withdraw } from './withdrawal.ts';

const NO_ARGS: readonly unknown[] = Object.freeze([]);

/**
 * A call from this process: the message, its promise and its place in the deadline wheel are one
 * object, since every call needs all three.
 */
export class LocalCall extends Envelope implements Reply, Expiring, Waited {
  wheelNext: Expiring | undefined;
  wheelPrevious: Expiring | undefined;
  dueTick = -1;
  nextWaited: Waited | undefined;
  previousWaited: Waited | undefined;
  waitedId = 0;
  readonly from: CallerIdentity | undefined;
  readonly promise: Answer;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #cell: Cell;
  readonly #timeoutMs: number;
  #signal: AbortSignal | undefined;
  /** The turn that waits for the outcome. */
  readonly #turn: RunningTurn | undefined;

  /** Without arguments yet. */
  constructor(cell: Cell, method: Method, caller: Caller) {
    super(method, NO_ARGS, undefined);
    const { options } = caller;
    const context = caller.contextIn(cell.system);
    this.reply = this;
    this.from = caller.from;
    this.context = context;
    this.#turn = context instanceof RunningTurn ? context.turn : undefined;
    this.#cell = cell;
    const timeoutMs = options?.timeoutMs ?? cell.system.callTimeoutMs;
    const remainingMs = context?.remainingMs;
    this.#timeoutMs = remainingMs === undefined ? timeoutMs : Math.min(timeoutMs, remainingMs);
    this.promise = new Answer((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    }, caller.of(this.#turn?.cell));
    this.#signal = options?.signal;
  }

  /** From here on the call can expire and be cancelled. The caller saw to an aborted signal. */
  arm(): void {
    this.#cell.system.deadlines.add(this, this.#timeoutMs);
    this.#turn?.waitsFor(this);
    this.#signal?.addEventListener('abort', this);
  }

  succeed(value: unknown): void {
    if (this.#signal !== undefined && value instanceof GeneratorStream) value.endOn(this.#signal);
    const own = boundValue(value, this.#turn?.cell);
    this.#disarm();
    this.#resolve(own);
  }

  fail(error: unknown): void {
    this.#disarm();
    this.#reject(error);
  }

  expire(): void {
    const executed = expire(this.#cell, this);
    const { address, system } = this.#cell;
    const error = new DeadlineExceeded(address, this.#timeoutMs, executed);
    this.fail(error);
    if (executed === 'unknown') return;
    system.deadLetter({ to: address, method: this.method.name, reason: error, isCall: true });
  }

  chase(probe: Probe): void {
    chase(this.#cell, this, probe);
  }

  breakWith(path: string): void {
    if (takeBack(this.#cell, this)) this.fail(new DeadlockError(path));
  }

  /** The signal is aborted. The call is its own listener, so that most need no function for it. */
  handleEvent(): void {
    this.cancel(this.#signal?.reason);
  }

  cancel(cause: unknown): void {
    const executed = withdraw(this.#cell, this, cause);
    this.fail(new Cancelled(this.#cell.address, executed, { cause }));
  }

  #disarm(): void {
    this.#cell.system.deadlines.remove(this);
    this.#turn?.waitsNoMore(this);
    this.#signal?.removeEventListener('abort', this);
    this.#signal = undefined;
  }
}
