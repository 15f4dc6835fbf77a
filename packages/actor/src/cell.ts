import { attach, type Actor } from './actor.ts';
import { Answer } from './answer.ts';
import { boundArgs } from './binding.ts';
import { Caller } from './caller.ts';
import { type CallContext, CHAIN_MAX } from './context.ts';
import type { ActorClass, Definition, Method } from './definition.ts';
import { DONE, Envelope, QUEUED, RUNNING } from './envelope.ts';
import { ActorDown, Cancelled, MailboxFull, NoSuchMethod, Overloaded } from './errors.ts';
import type { CallError } from './errors.ts';
import { GeneratorStream, isGenerator } from './generator-stream.ts';
import { LocalCall } from './local-call.ts';
import { Mailbox } from './mailbox.ts';
import type { Down, DownReason, Recipient, Reply } from './recipient.ts';
import { type AnyRef, refTo } from './ref.ts';
import type { ActorSystem } from './system.ts';
import { RunningTurn } from './turn.ts';

/** Waits for a message. */
const IDLE = 0;
/** In the scheduler's queue. */
const RUNNABLE = 1;
/** A turn has returned a promise that is not settled yet. */
const BUSY = 2;
/** Takes no more turns; children, the `stopping` hook and monitors are being seen to. */
const STOPPING = 3;
const DOWN = 4;

/** What few actors need, kept apart so that an idle actor stays small. */
class Relations {
  /** Of an entity. */
  key: string | undefined;
  parent: Cell | undefined;
  readonly children = new Set<Cell>();
  readonly monitors = new Set<(down: Down) => void>();
  /** Undone when this actor is down: monitors it holds, goroutines it started. */
  readonly belongings = new Set<() => void>();
  /** Set once a stop was asked for. */
  reason: DownReason | undefined;
  readonly stopped: (() => void)[] = [];
  /** The sender of all references that are bound to this actor, and those references. */
  caller: Caller | undefined;
  known: WeakMap<Recipient, AnyRef> | undefined;
}

export type CellParts = Pick<Cell, 'system' | 'definition' | 'id'>;

export interface CellOptions {
  readonly parent?: Cell | undefined;
  readonly key?: string | undefined;
}

/**
 * The runtime's side of one actor: its mailbox, its turns and its end.
 *
 *     IDLE → RUNNABLE → (turn) → IDLE
 *                         ↓ the method returned a promise
 *                        BUSY → RUNNABLE or IDLE
 *     any of these → STOPPING → DOWN
 *
 * One turn at a time, awaits included: a message is taken only when the one before has settled.
 */
export class Cell implements Recipient {
  readonly system: ActorSystem;
  readonly definition: Definition;
  readonly id: number;
  readonly ref: AnyRef;
  #actor!: Actor;
  #state: typeof IDLE | typeof RUNNABLE | typeof BUSY | typeof STOPPING | typeof DOWN = IDLE;
  #mailbox: Mailbox | undefined;
  /** The message whose turn runs. */
  #current: Envelope | undefined;
  #relations: Relations | undefined;
  /** Links of the scheduler's queue and of the system's list of live actors. */
  nextRunnable: Cell | undefined;
  nextLive: Cell | undefined;
  previousLive: Cell | undefined;

  constructor({ system, definition, id }: CellParts) {
    this.system = system;
    this.definition = definition;
    this.id = id;
    this.ref = refTo(this);
  }

  get address(): string {
    const { kind } = this.definition;
    return `${this.system.name}/${kind}/${this.#relations?.key ?? `#${this.id}`}`;
  }

  get key(): string | undefined {
    return this.#relations?.key;
  }

  get mailboxSize(): number {
    return this.#mailbox?.size ?? 0;
  }

  /** The message whose turn runs now, if one does. */
  get current(): Envelope | undefined {
    return this.#current;
  }

  /** The turn that runs now, as the context of what it sends. */
  get context(): CallContext | undefined {
    const turn = this.#current;
    if (turn === undefined) return undefined;
    const { context } = turn;
    if (context instanceof RunningTurn && context.envelope === turn) return context;
    return (turn.context = new RunningTurn(this, turn, context));
  }

  /** Who calls through the references that are bound to this actor. */
  get caller(): Caller {
    return (this.#relate().caller ??= new Caller(undefined, this));
  }

  /** The references that are bound to this actor. */
  get known(): WeakMap<Recipient, AnyRef> {
    return (this.#relate().known ??= new WeakMap());
  }

  get isDown(): boolean {
    return this.#state === DOWN;
  }

  /** Makes the actor itself; what its constructor throws is thrown on. */
  construct(target: ActorClass, args: readonly unknown[]): void {
    this.#actor = new target(...(boundArgs(args, this) as unknown[]));
  }

  /** Places the actor in its tree and queues its `started` hook before all messages. */
  begin(options: CellOptions): void {
    if (options.key !== undefined) this.#relate().key = options.key;
    if (options.parent !== undefined) {
      this.#relate().parent = options.parent;
      options.parent.#relate().children.add(this);
    }
    attach(this.#actor, this);
    if (this.#actor.started !== undefined) this.#enqueue(new Envelope(STARTED, [], undefined));
  }

  ask(name: string, args: readonly unknown[], caller: Caller): Answer {
    const method = this.definition.methods.get(name);
    if (method === undefined) return Answer.refused(new NoSuchMethod(this.address, name));
    const { options } = caller;
    if (options?.signal?.aborted === true) {
      const cause: unknown = options.signal.reason;
      return Answer.refused(new Cancelled(this.address, 'no', { cause }));
    }
    const call = new LocalCall(this, method, caller);
    call.args = args;
    const refusal = this.#unservable(call) ?? this.#offer(call);
    if (refusal !== undefined) call.fail(refusal);
    else call.arm();
    return call.promise;
  }

  tell(name: string, args: readonly unknown[], caller: Caller): void {
    const envelope = this.post(name, args, undefined);
    if (envelope !== undefined) envelope.context = caller.contextIn(this.system)?.origin;
  }

  /**
   * Queues a message whose outcome goes to `reply`, or to the dead letters when there is none.
   * @returns undefined when it was refused, which `reply` has been told
   */
  post(name: string, args: readonly unknown[], reply: Reply | undefined): Envelope | undefined {
    const method = this.definition.methods.get(name);
    if (method === undefined) {
      return this.#refuse(name, reply, new NoSuchMethod(this.address, name));
    }
    const envelope = new Envelope(method, args, reply);
    const refusal = this.#offer(envelope);
    return refusal === undefined ? envelope : this.#refuse(name, reply, refusal);
  }

  /**
   * Takes back a message, or aborts the signal of its method when that runs already.
   * @returns whether the method may have run
   */
  withdraw(envelope: Envelope, reason: unknown): 'no' | 'unknown' {
    if (envelope.stage === QUEUED) {
      envelope.stage = DONE;
      this.#mailbox?.remove(envelope);
      return 'no';
    }
    envelope.abort?.abort(reason);
    return 'unknown';
  }

  /** Queues `body` as a turn of this actor, beyond the mailbox's bound; the caller bounds it. */
  interrupt(name: string, body: () => unknown): void {
    if (this.#state < STOPPING) this.#enqueue(new Envelope({ name, body }, [], undefined));
  }

  monitor(onDown: (down: Down) => void): () => void {
    if (this.#state === DOWN) {
      let wanted = true;
      queueMicrotask(() => {
        if (wanted) onDown({ address: this.address, reason: { kind: 'no-actor' } });
      });
      return () => (wanted = false);
    }
    // Of its own identity, since one function may monitor twice.
    const monitor = (down: Down): void => onDown(down);
    const { monitors } = this.#relate();
    monitors.add(monitor);
    return () => monitors.delete(monitor);
  }

  /** A child is down. */
  disown(child: Cell): void {
    this.#relations?.children.delete(child);
  }

  /** `undo` runs when this actor is down. @returns forgets it */
  owns(undo: () => void): () => void {
    const { belongings } = this.#relate();
    belongings.add(undo);
    return () => belongings.delete(undo);
  }

  stop(reason: DownReason = { kind: 'stopped' }): Promise<void> {
    if (this.#state === DOWN) return Promise.resolve();
    const relations = this.#relate();
    const stopped = new Promise<void>((resolve) => relations.stopped.push(resolve));
    if (relations.reason !== undefined) return stopped;
    relations.reason = reason;
    this.#refuseQueued(reason);
    this.#current?.abort?.abort(new ActorDown(this.address, 'unknown'));
    // A turn that runs comes to its end first; see #turnEnded.
    if (this.#current === undefined) void this.#end(relations, reason);
    return stopped;
  }

  /** Gives up waiting for a turn that does not end: its caller is told, monitors fire. */
  abandon(): void {
    if (this.#state === DOWN) return;
    const relations = this.#relate();
    const reason = (relations.reason ??= { kind: 'stopped' });
    this.#refuseQueued(reason);
    const turn = this.#current;
    if (turn !== undefined) {
      turn.reply?.fail(new ActorDown(this.address, 'unknown', causeOf(reason)));
      turn.reply = undefined; // Whatever the turn yields one day comes too late.
    }
    this.#goDown(relations, reason);
  }

  /** Runs up to `turns` turns. @returns true when more messages could run at once */
  run(turns: number, spend: () => boolean): boolean {
    for (let turn = 0; turn < turns; turn += 1) {
      if (this.#state !== RUNNABLE) return false;
      const envelope = this.#mailbox?.shift();
      if (envelope === undefined) {
        this.#state = IDLE;
        return false;
      }
      this.#turn(envelope);
      if (spend()) break;
    }
    return this.#state === RUNNABLE;
  }

  /** @returns why a call of that context cannot end well */
  #unservable({ context }: Envelope): CallError | undefined {
    if (context === undefined) return undefined;
    if (context.depth >= CHAIN_MAX) return new Overloaded(this.address, 'call chain', CHAIN_MAX);
    if (context.remainingMs !== 0) return undefined;
    return new Cancelled(this.address, 'no', { cause: new Error('its caller waits no longer') });
  }

  #relate(): Relations {
    return (this.#relations ??= new Relations());
  }

  /** @returns why the message was not taken */
  #offer(envelope: Envelope): CallError | undefined {
    if (this.#state >= STOPPING || this.#relations?.reason !== undefined) {
      return new ActorDown(this.address, 'no', causeOf(this.#relations?.reason));
    }
    const { mailboxCapacity } = this.definition;
    if (this.#mailbox !== undefined && this.#mailbox.size >= mailboxCapacity) {
      return new MailboxFull(this.address, mailboxCapacity);
    }
    this.#enqueue(envelope);
    return undefined;
  }

  #enqueue(envelope: Envelope): void {
    (this.#mailbox ??= new Mailbox()).push(envelope);
    if (this.#state === IDLE) this.#makeRunnable();
  }

  #makeRunnable(): void {
    this.#state = RUNNABLE;
    this.system.schedule(this);
  }

  #refuse(method: string, reply: Reply | undefined, error: CallError): undefined {
    if (reply !== undefined) reply.fail(error);
    else this.system.deadLetter({ to: this.address, method, reason: error });
  }

  #turn(envelope: Envelope): void {
    envelope.stage = RUNNING;
    this.#current = envelope;
    const args = boundArgs(envelope.args, this) as unknown[];
    let result: unknown;
    this.system.running = this;
    try {
      result = envelope.method.body.apply(this.#actor, args);
    } catch (error) {
      this.system.running = undefined;
      this.#failed(envelope, error);
      return;
    }
    this.system.running = undefined;
    if (!isThenable(result)) {
      this.#succeeded(envelope, result);
      return;
    }
    if (this.#state === RUNNABLE) this.#state = BUSY;
    Promise.resolve(result).then(
      (value) => this.#succeeded(envelope, value),
      (error: unknown) => this.#failed(envelope, error),
    );
  }

  #succeeded(envelope: Envelope, value: unknown): void {
    this.#turnEnded(envelope);
    const { reply, method } = envelope;
    if (reply === undefined) return;
    reply.succeed(isGenerator(value) ? new GeneratorStream(this, method.name, value) : value);
  }

  #failed(envelope: Envelope, error: unknown): void {
    this.#turnEnded(envelope);
    if (envelope.reply !== undefined) envelope.reply.fail(error);
    else this.system.failed({ address: this.address, method: envelope.method.name, error });
    if (envelope.method === STARTED) void this.stop({ kind: 'failed', error });
  }

  #turnEnded(envelope: Envelope): void {
    envelope.stage = DONE;
    this.#current = undefined;
    const relations = this.#relations;
    if (relations?.reason !== undefined) {
      if (this.#state < STOPPING) void this.#end(relations, relations.reason);
    } else if (this.#state === BUSY) {
      this.#state = IDLE;
      if (this.mailboxSize > 0) this.#makeRunnable();
    }
  }

  async #end(relations: Relations, reason: DownReason): Promise<void> {
    this.#state = STOPPING;
    await Promise.all([...relations.children].map((child) => child.stop()));
    try {
      await this.#actor.stopping?.(reason);
    } catch (error) {
      this.system.failed({ address: this.address, method: 'stopping', error });
    }
    if (!this.isDown) this.#goDown(relations, reason);
  }

  #refuseQueued(reason: DownReason): void {
    for (;;) {
      const envelope = this.#mailbox?.shift();
      if (envelope === undefined) return;
      envelope.stage = DONE;
      const error = new ActorDown(this.address, 'no', causeOf(reason));
      const { method, reply } = envelope;
      // Hooks and notices are of no use to an actor that stops; messages are somebody's.
      if (this.definition.methods.get(method.name) === method) {
        this.#refuse(method.name, reply, error);
      }
    }
  }

  #goDown(relations: Relations, reason: DownReason): void {
    this.#state = DOWN;
    this.system.forget(this);
    relations.parent?.disown(this);
    for (const undo of relations.belongings) undo();
    relations.belongings.clear();
    const down: Down = { address: this.address, reason };
    for (const monitor of relations.monitors) monitor(down);
    relations.monitors.clear();
    for (const resolve of relations.stopped) resolve();
  }
}

/** The `started` hook, as the turn before all others. */
const STARTED: Method = {
  name: 'started',
  body(this: Actor) {
    return this.started?.();
  },
};

function causeOf(reason: DownReason | undefined): ErrorOptions {
  return reason !== undefined && 'error' in reason ? { cause: reason.error } : {};
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
