import type { Actor } from './actor.ts';
import { Cell, type CellOptions } from './cell.ts';
import { Deadlines } from './deadlines.ts';
import { type ActorClass, definitionOf } from './definition.ts';
import { type Env, type Log, processEnv } from './env.ts';
import { type CallError, type CallErrorCode, Draining } from './errors.ts';
import { type ActorFunction, FunctionActor, isActorFunction } from './function-actor.ts';
import { guardedLog } from './guarded-log.ts';
import type { IncomingInterceptor } from './interceptor.ts';
import { type IoBudget, ioBudgetOf } from './io-budget.ts';
import { checkDuration, TIMER_MS_MAX } from './number-limits.ts';
import { CALL_TIMEOUT_MS, type Down } from './recipient.ts';
import { recipientOf } from './ref-core.ts';
import type { ActorRef, AnyRef, EntityRef } from './ref.ts';
import type { Directive, Supervision } from './supervision.ts';
import { Supervisor } from './supervisor.ts';
import { hurry } from './withdrawal.ts';

/** Turns that one actor may take before the next one has its go. */
const TURNS_IN_A_ROW = 64;
/** Of the time that `stop` has, what methods may take before their signals say that it runs out. */
const PEACE_SHARE = 0.8;
/** How long `stop` waits for turns that run. */
const STOP_TIMEOUT_MS = 10_000;

/** A message that reached nobody. */
export interface DeadLetter {
  readonly to: string;
  readonly method: string;
  readonly reason: CallError;
  /** Somebody waited, and has been told the reason. Default: false. */
  readonly isCall?: boolean;
}

/** An error that no caller waits for: from a tell, a hook or a monitor's callback. */
export interface Failure {
  readonly address: string;
  readonly method: string;
  readonly error: unknown;
  /** What the actor's supervisor does about it; `undefined` when it has none. */
  readonly directive?: Directive;
}

export interface ActorSystemOptions {
  /** First part of every address. Default: `local`. */
  readonly name?: string;
  readonly env?: Env;
  /** Budget of a call that sets none, in milliseconds, 1 … 2 ** 31 - 1. Default: 10,000. */
  readonly callTimeoutMs?: number;
  /**
   * Of the actors that have no parent. They are restarted one by one; their restarts are counted
   * together, and whichever has one too many is stopped. Default: none.
   */
  readonly supervision?: Supervision;
  /** Run around every method of every actor, the first outermost. */
  readonly interceptors?: readonly IncomingInterceptor[];
  /**
   * Makes of arguments and results what would arrive on another node, for tests; see
   * `troupe/testing`. Default: they are passed on as they are.
   */
  readonly transparency?: Transparency;
  /** Default: logged as a warning, unless somebody waited and was told. */
  readonly onDeadLetter?: (letter: DeadLetter) => void;
  /** Default: logged as an error. */
  readonly onFailure?: (failure: Failure) => void;
}

/**
 * Copies a value as it would travel.
 * @param at what it is called in errors, for example `args`
 * @throws {NotSerializable} when it cannot travel
 */
export type Transparency = (value: unknown, at: string) => unknown;

/** The actors of one node: starts them, lets them take turns fairly, and stops them. */
export class ActorSystem implements AsyncDisposable {
  readonly name: string;
  readonly env: Env;
  /** That of `env`, for what must go on should it throw. */
  readonly log: Log;
  readonly callTimeoutMs: number;
  readonly deadlines: Deadlines;
  /** The actor that is at work this very moment; none while a turn waits. */
  running: Cell | undefined;
  /** How its actors name entities; none where it is part of no cluster. */
  entities: (<T extends Actor>(target: new () => T, key: string) => EntityRef<T>) | undefined;
  readonly supervisor: Supervisor | undefined;
  readonly interceptors: readonly IncomingInterceptor[];
  /** Applied to what local messages hold. */
  readonly copy: Transparency | undefined;
  readonly #options: ActorSystemOptions;
  readonly #budget: IoBudget;
  #lastId = 0;
  #lastTurn = 0;
  #size = 0;
  readonly #undelivered = new Map<CallErrorCode, number>();
  #firstLive: Cell | undefined;
  #firstRunnable: Cell | undefined;
  #lastRunnable: Cell | undefined;
  #drainScheduled = false;
  #hasStopped = false;
  /** Actors that another node may know by id; the others need no entry anywhere. */
  readonly #exported = new Map<number, Cell>();

  constructor(options: ActorSystemOptions = {}) {
    const { callTimeoutMs = CALL_TIMEOUT_MS } = options;
    checkDuration('callTimeoutMs', callTimeoutMs);
    this.#options = options;
    this.name = options.name ?? 'local';
    this.env = options.env ?? processEnv();
    this.log = guardedLog(this.env.log);
    this.callTimeoutMs = callTimeoutMs;
    this.deadlines = new Deadlines(this.env);
    this.interceptors = options.interceptors ?? [];
    this.copy = options.transparency;
    const { supervision } = options;
    if (supervision !== undefined) this.supervisor = new Supervisor(this, supervision, undefined);
    this.#budget = ioBudgetOf(this.env);
  }

  /** Live actors. */
  get size(): number {
    return this.#size;
  }

  /** Messages that reached nobody, since the start. */
  get deadLetters(): number {
    return [...this.#undelivered.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The same by the `code` of the reason: refused, expired and dropped ones, calls and tells. */
  get undelivered(): ReadonlyMap<CallErrorCode, number> {
    return this.#undelivered;
  }

  /** Starts an actor. Errors of its constructor are thrown here; those of `started` end it. */
  spawn<T extends Actor, A extends unknown[]>(
    target: new (...args: A) => T,
    ...args: A
  ): ActorRef<T>;
  /** Starts a function with an inbox: a goroutine that others can send to. */
  spawn<M>(run: ActorFunction<M>): ActorRef<FunctionActor<M>>;
  spawn(target: ActorClass | ActorFunction<unknown>, ...args: unknown[]): AnyRef {
    if (isActorFunction(target)) return this.start(FunctionActor, [target], {}).ref;
    return this.start(target as ActorClass, args, {}).ref;
  }

  /** Ends an actor after the turn that runs now. Messages that wait are refused. */
  stopActor(ref: AnyRef): Promise<void> {
    return recipientOf(ref).stop();
  }

  /** Calls `onDown` once, when `ref`'s actor is down. @returns forgets the monitor */
  monitor(ref: AnyRef, onDown: (down: Down) => void): () => void {
    return recipientOf(ref).monitor((down) => {
      try {
        onDown(down);
      } catch (error) {
        this.failed({ address: down.address, method: 'onDown', error });
      }
    });
  }

  /**
   * Stops every actor, and waits for methods that run, up to `timeoutMs`. When a fifth of that is
   * left they are told by `ctx.signal`, in the end they are abandoned. What has no end of its own,
   * as streams and goroutines, is told at once.
   * @param timeoutMs 0 … 2 ** 31 - 1. Default: 10,000
   * @throws {BadOption} and nothing is stopped, when it is no time
   */
  async stop(timeoutMs: number = STOP_TIMEOUT_MS): Promise<void> {
    checkDuration('timeoutMs', timeoutMs, [0, TIMER_MS_MAX]);
    const cells = [...this.#live()];
    const ends = cells.map((cell) => cell.stop({ kind: 'stopped' }, 'messages'));
    const stopped = Promise.all(ends).then(() => true);
    const peace = this.env.setTimer(PEACE_SHARE * timeoutMs, () => {
      for (const cell of this.#live()) hurry(cell);
    });
    void stopped.then(() => peace.cancel());
    const timedOut = new Promise<false>((resolve) => {
      const timer = this.env.setTimer(timeoutMs, () => resolve(false));
      void stopped.then(() => timer.cancel());
    });
    if (!(await Promise.race([stopped, timedOut]))) {
      for (const cell of this.#live()) {
        this.log.warn({ actor: cell.address }, `no end of its turn within ${timeoutMs} ms`);
        cell.abandon();
      }
    }
    this.deadlines.stop();
    this.#hasStopped = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // What follows serves cells, and the packages that carry references to other nodes.

  /** Like `spawn`, for a child or an entity. */
  start(target: ActorClass, args: readonly unknown[], options: CellOptions): Cell {
    if (this.#hasStopped) throw new Draining(this.name);
    const definition = definitionOf(target);
    const cell = new Cell({ system: this, definition, id: (this.#lastId += 1) });
    cell.construct(target, args);
    const { parent } = options;
    const supervised = parent ? parent.definition.supervision : this.#options.supervision;
    if (supervised !== undefined) cell.remember(target, args);
    const first = this.#firstLive;
    cell.nextLive = first;
    if (first !== undefined) first.previousLive = cell;
    this.#firstLive = cell;
    this.#size += 1;
    cell.begin(options);
    return cell;
  }

  /** From now on `find` knows the actor, until it is down. */
  export(cell: Cell): number {
    if (!cell.isDown) this.#exported.set(cell.id, cell);
    return cell.id;
  }

  find(id: number): Cell | undefined {
    return this.#exported.get(id);
  }

  /** The cell is down. */
  forget(cell: Cell): void {
    const { nextLive, previousLive } = cell;
    if (previousLive === undefined) this.#firstLive = nextLive;
    else previousLive.nextLive = nextLive;
    if (nextLive !== undefined) nextLive.previousLive = previousLive;
    cell.nextLive = cell.previousLive = undefined;
    this.#size -= 1;
    this.#exported.delete(cell.id);
  }

  /** A number that names a turn of this system. */
  nextTurn(): number {
    return (this.#lastTurn += 1);
  }

  schedule(cell: Cell): void {
    const last = this.#lastRunnable;
    // One that was restarted meanwhile may be in the queue already.
    if (cell.nextRunnable !== undefined || last === cell) return;
    if (last === undefined) this.#firstRunnable = cell;
    else last.nextRunnable = cell;
    this.#lastRunnable = cell;
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    void settled.then(this.#drain);
  }

  deadLetter(letter: DeadLetter): void {
    const { code } = letter.reason;
    this.#undelivered.set(code, (this.#undelivered.get(code) ?? 0) + 1);
    const { onDeadLetter } = this.#options;
    if (onDeadLetter !== undefined) this.#tell('onDeadLetter', () => onDeadLetter(letter));
    else if (letter.isCall !== true) {
      this.log.warn({ ...letter, reason: letter.reason.message }, 'dead letter');
    }
  }

  failed(failure: Failure): void {
    const { onFailure } = this.#options;
    if (onFailure !== undefined) this.#tell('onFailure', () => onFailure(failure));
    else this.log.error({ ...failure }, 'an actor failed where nobody waits');
  }

  /** Whoever only listens must not end what goes on here. */
  #tell(hook: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.log.error({ hook, error }, 'a hook of the actor system failed');
    }
  }

  /** Gives every runnable actor its turns, in order of arrival, until the I/O budget is spent. */
  readonly #drain = (): void => {
    for (;;) {
      const cell = this.#firstRunnable;
      if (cell === undefined) break;
      this.#firstRunnable = cell.nextRunnable;
      if (this.#firstRunnable === undefined) this.#lastRunnable = undefined;
      cell.nextRunnable = undefined;
      if (!cell.run(TURNS_IN_A_ROW, this.#budget)) {
        this.env.afterIo(this.#drain);
        return;
      }
    }
    this.#drainScheduled = false;
  };

  *#live(): Iterable<Cell> {
    let cell = this.#firstLive;
    while (cell !== undefined) {
      const next = cell.nextLive;
      yield cell;
      cell = next;
    }
  }
}

/** `settled.then(f)` is the cheapest microtask; `queueMicrotask` costs several times as much. */
const settled = Promise.resolve();
