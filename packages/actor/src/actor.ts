import { startTimer } from './actor-timer.ts';
import { OUTSIDE } from './caller.ts';
import type { Cell } from './cell.ts';
import { type ContextValues, wordsOf } from './context.ts';
import type { Log } from './env.ts';
import { LINK, UNLINK } from './link.ts';
import { ActorDown } from './errors.ts';
import { Goroutine, type Task, type TaskContext } from './go.ts';
import type { Down, DownReason } from './recipient.ts';
import { recipientOf } from './ref-core.ts';
import { type ActorRef, type AnyRef, bound, type EntityRef, type RemoteKeys } from './ref.ts';

/** What a method may know about the call it serves. Take it before the first `await`. */
export interface TurnContext {
  /** Aborted when the caller cancels, its deadline passes, or the actor is told to stop. */
  readonly signal: AbortSignal;
  /** What is left of the caller's budget in milliseconds; `Infinity` when nobody waits. */
  readonly remainingMs: number;
  /** The turns that wait for this one, outermost first: `['local/room/#1.say']`. */
  readonly chain: readonly string[];
  /** W3C `traceparent`, if the call came with one. Calls made in this turn carry it on. */
  readonly trace: string | undefined;
  /** Texts that the call came with. Calls made in this turn carry them on. */
  readonly values: ContextValues;
}

/** Functions that stand in for methods of `T`. */
export type Behaviour<T> = { readonly [K in RemoteKeys<T>]?: T[K] };

/** Gives a fresh actor its runtime; only `Cell` does, once. */
// oxlint-disable-next-line import/no-mutable-exports -- set once, by the static block below
let attach: (actor: Actor, cell: Cell) => void;
/** The runtime of an actor that has one. */
// oxlint-disable-next-line import/no-mutable-exports -- set once, by the static block below
let cellOf: (actor: Actor) => Cell;

/**
 * The base of every actor: a class whose marked methods are called one at a time, awaits
 * included, so that its fields need no lock. An error thrown from a call goes to the caller, and
 * the actor lives on; one thrown from a tell, where nobody waits, goes to the system's
 * `onFailure`. The protected members work from `started` on, not yet in the constructor.
 */
export abstract class Actor {
  #cell: Cell | undefined = undefined;

  static {
    attach = (actor, cell) => {
      actor.#cell = cell;
    };
    cellOf = (actor) => actor.#attached;
  }

  /** Runs before the first message. When it fails, the actor goes down with that error. */
  started?(): void | Promise<void>;

  /** Runs once, after the last turn and after all children are down. */
  stopping?(reason: DownReason): void | Promise<void>;

  /**
   * The reference that others call this actor by: `this.self<Room>()`. Naming the class is what
   * lets the compiler list its methods; within a class it knows `this` only by its supertype.
   */
  protected self<T extends Actor>(this: T): ActorRef<T> {
    const cell = this.#attached;
    return bound(cell.ref, cell) as object as ActorRef<T>;
  }

  /**
   * The same reference as this actor's own: calls through it, after an `await` too, are part of
   * the turn that makes them, and inherit its deadline, its trace and its place in the call
   * chain. References in arguments and results and those of children are bound already; others,
   * from a closure or a channel, can be.
   */
  protected bind<R extends AnyRef>(ref: R): R {
    return bound(ref, this.#attached) as R;
  }

  /**
   * Names the one entity of that kind and key in the cluster, as `node.entity` does; calls through
   * it are part of the turn that makes them.
   * @param key of at most 512 characters
   * @throws {BadArguments} executed: no, when it is longer
   * @throws {TypeError} when the actor is of no node of a cluster
   */
  protected entity<T extends Actor>(target: new () => T, key: string): EntityRef<T> {
    const { address, system } = this.#attached;
    if (system.entities === undefined) throw new TypeError(`${address} is part of no cluster`);
    return this.bind(system.entities(target, key));
  }

  /** What the entity is called within its kind. @throws {TypeError} when this is no entity */
  protected get key(): string {
    const { key, address } = this.#attached;
    if (key === undefined) throw new TypeError(`${address} is no entity and has no key`);
    return key;
  }

  protected get ctx(): TurnContext {
    const { current: turn, context } = this.#attached;
    if (turn === undefined) throw new TypeError('ctx exists only while a method runs');
    return {
      get signal() {
        return (turn.abort ??= new AbortController()).signal;
      },
      get remainingMs() {
        return context?.remainingMs ?? Infinity;
      },
      get chain() {
        return (context?.parent?.chain() ?? []).map(wordsOf);
      },
      trace: context?.origin?.trace,
      values: context?.origin?.values ?? {},
    };
  }

  protected get log(): Log {
    return this.#attached.system.log;
  }

  /** Starts a child: it stops before this actor's own `stopping` hook runs. */
  protected spawn<T extends Actor, A extends unknown[]>(
    child: new (...args: A) => T,
    ...args: A
  ): ActorRef<T> {
    const parent = this.#attached;
    const { ref } = parent.system.start(child, args, { parent });
    return bound(ref, parent) as object as ActorRef<T>;
  }

  /**
   * Starts a goroutine of this actor: it runs beside the turns, and is cancelled when the actor is
   * down. A failure that nobody awaits goes to the system's `onFailure`, as one of a tell does.
   */
  protected go<T>(run: (context: TaskContext) => T | PromiseLike<T>): Task<T> {
    const cell = this.#attached;
    const { address, system } = cell;
    const task = new Goroutine(run, {
      env: system.env,
      onFailure: (error) => cell.fail({ method: 'go', error, isFatal: false }),
    });
    const cancel = (): void => task.cancel(new ActorDown(address, 'unknown'));
    if (cell.isDown) cancel();
    else task.whenEnded(cell.owns(cancel));
    return task;
  }

  /**
   * Runs `onDown` as a turn of this actor, once, when `ref`'s actor is down and after all that it
   * sent before. The monitor ends with this actor.
   * @returns forgets the monitor
   */
  protected monitor(ref: AnyRef, onDown: (down: Down) => unknown): () => void {
    const cell = this.#attached;
    const forget = recipientOf(ref).monitor((down) => {
      disown();
      cell.interrupt('onDown', () => onDown(down));
    });
    const disown = cell.owns(forget);
    return () => {
      disown();
      forget();
    };
  }

  /**
   * Binds this actor's fate to another's, both ways: when one goes down by a failure, the other
   * fails with `LinkBroken`, and is restarted or stopped as its supervisor decides. An orderly
   * stop breaks no link.
   * @returns unlinks both
   */
  protected link(ref: AnyRef): () => void {
    const cell = this.#attached;
    const other = recipientOf(ref);
    other.tell(LINK, [cell.ref], OUTSIDE);
    const unlink = cell.linkTo(other);
    return () => {
      unlink();
      other.tell(UNLINK, [cell.ref], OUTSIDE);
    };
  }

  /**
   * Runs `run` as a turn of this actor, once, not before `delayMs` milliseconds have passed.
   * @returns forgets it; so does the end of this actor
   */
  protected after(delayMs: number, run: () => unknown): () => void {
    return startTimer(this.#attached, { delayMs, run, repeats: false });
  }

  /**
   * Runs `run` as a turn of this actor every `periodMs` milliseconds. A busy actor skips: the
   * next one is due a period after the last has begun.
   * @returns ends it; so does the end of this actor
   */
  protected every(periodMs: number, run: () => unknown): () => void {
    return startTimer(this.#attached, { delayMs: periodMs, run, repeats: true });
  }

  /**
   * From the next message on, the functions of `behaviour` stand in for the methods of their
   * names; all others stay. Without `behaviour` the class's own methods are back.
   */
  protected become<T extends Actor>(this: T, behaviour?: Behaviour<T>): void {
    this.#attached.become(behaviour);
  }

  /**
   * Sets the message that this method serves aside, until `unstashAll`. Never returns: it throws
   * to the runtime. The caller goes on waiting, until its deadline.
   * @throws {Overloaded} when 1,024 messages are set aside already
   */
  protected stash(): never {
    return this.#attached.stash();
  }

  /** Takes up again all that was set aside, in its order, before whatever waits. */
  protected unstashAll(): void {
    this.#attached.unstashAll();
  }

  /** Runs `onIdle` as a turn whenever no message has come for `timeoutMs`; a second replaces it. */
  protected receiveTimeout(timeoutMs: number, onIdle: () => unknown): () => void {
    return this.#attached.watchIdle(timeoutMs, onIdle);
  }

  /** Ends this actor after the present turn; messages that wait are refused. */
  protected stop(): void {
    void this.#attached.stop();
  }

  get #attached(): Cell {
    if (this.#cell !== undefined) return this.#cell;
    throw new TypeError('an actor knows its surroundings only from started() on');
  }
}

export { attach, cellOf };
