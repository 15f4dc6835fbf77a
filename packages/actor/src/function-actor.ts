import { Actor, cellOf } from './actor.ts';
import { type Channel, channel, type Receiver } from './channel.ts';
import { type ActorClass, defineActor } from './definition.ts';
import { BadOption } from './errors.ts';
import type { ActorRef } from './ref.ts';

/** What the function of a function actor knows of itself. */
export interface FunctionSelf<M> {
  /** The reference that others send to. */
  readonly ref: ActorRef<FunctionActor<M>>;
  /** Aborted when the actor is told to stop; the inbox ends then, too. */
  readonly signal: AbortSignal;
}

/** A function with an inbox: `for await (const job of inbox) …`. The actor ends when it returns. */
export type ActorFunction<M> = (inbox: Receiver<M>, self: FunctionSelf<M>) => unknown;

/**
 * A goroutine with an address. `ref.send(message)` resolves when the function has taken the
 * message from its inbox, so that senders are slowed down to its pace; `ref.tell.send(message)`
 * leaves it in the mailbox. What the function throws is the actor's failure.
 */
export class FunctionActor<M> extends Actor {
  readonly #run: ActorFunction<M>;
  #inbox: Channel<M> | undefined;
  /** What the function still does concerns nobody: the actor may have a new instance by now. */
  #isOver = false;

  constructor(run: ActorFunction<M>) {
    super();
    this.#run = run;
  }

  override started(): void {
    const cell = cellOf(this);
    const inbox = channel<M>();
    this.#inbox = inbox;
    const ref = this.self<FunctionActor<M>>();
    const task = this.go(({ signal }) => this.#run(inbox.receiver, { ref, signal }));
    task.then(
      () => {
        if (!this.#isOver) this.stop();
      },
      (error: unknown) => {
        if (!this.#isOver) cell.fail({ method: 'function', error, isFatal: true });
      },
    );
  }

  override stopping(): void {
    this.#isOver = true;
    this.#inbox?.close();
  }

  send(message: M): Promise<void> {
    return this.#inbox?.send(message, { signal: this.ctx.signal }) ?? Promise.resolve();
  }
}

defineActor({ kind: 'function', rpc: ['send'] }, FunctionActor);

export function isActorClass(value: unknown): value is ActorClass {
  return typeof value === 'function' && value.prototype instanceof Actor;
}

/**
 * Whether what is to be spawned is no class of actors.
 * @throws {BadOption} when it is no function either, or another class, which cannot be called
 */
export function isActorFunction(target: unknown): boolean {
  if (isActorClass(target)) return false;
  const isClass = Object.getOwnPropertyDescriptor(target ?? {}, 'prototype')?.writable === false;
  if (typeof target === 'function' && !isClass) return true;
  const value = isClass ? Symbol('a class of another kind') : target;
  throw new BadOption('target', value, 'give a class that extends Actor, or a function');
}
