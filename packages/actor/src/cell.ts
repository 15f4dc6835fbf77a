import { type Actor, attach } from './actor.ts';
import { pause } from './actor-timer.ts';
import { actorDown, admit, unauthorized, unsendableResult } from './admission.ts';
import { Answer } from './answer.ts';
import { boundArgs } from './binding.ts';
import { Caller } from './caller.ts';
import type { CallerIdentity } from './caller-identity.ts';
import { BUSY, DOWN, IDLE, RESTARTING, RUNNABLE, type State, STOPPING } from './cell-state.ts';
import type { CallContext } from './context.ts';
import type { ActorClass, Definition } from './definition.ts';
import { DONE, Envelope, RUNNING } from './envelope.ts';
import { type CallError, Cancelled, MailboxFull, NoSuchMethod, thrownByMethod } from './errors.ts';
import { GeneratorStream, isGenerator } from './generator-stream.ts';
import { IdleWatch } from './idle-watch.ts';
import { incomingCall, interceptedMethod } from './interceptor.ts';
import { Lanes } from './lanes.ts';
import type { IoBudget } from './io-budget.ts';
import { isLinkMessage, Links } from './link.ts';
import { LocalCall } from './local-call.ts';
import { Mailbox } from './mailbox.ts';
import { isThenable, Method, STARTED } from './method.ts';
import { overflow } from './overflow.ts';
import type { Down, DownReason, Recipient, Reply } from './recipient.ts';
import { type AnyRef, refTo } from './ref.ts';
import { Relations } from './relations.ts';
import { Stash, Stashed } from './stash.ts';
import { type Fault, Supervisor } from './supervisor.ts';
import type { ActorSystem } from './system.ts';
import { RunningTurn } from './turn.ts';
import { hurry } from './withdrawal.ts';

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
 *     any of these → RESTARTING → IDLE, with a new instance behind the same reference
 *     any of these → STOPPING → DOWN
 *
 * One turn at a time, awaits included: a message is taken only when the one before has settled.
 * Classes that say otherwise have `Lanes`.
 */
export class Cell implements Recipient {
  readonly system: ActorSystem;
  readonly definition: Definition;
  readonly id: number;
  readonly ref: AnyRef;
  #actor!: Actor;
  #state: State = IDLE;
  /** Methods are called as they are, with nothing around them. */
  #isBare: boolean;
  #mailbox: Mailbox | undefined;
  #lanes: Lanes | undefined;
  /** The message whose turn runs; of several turns the one at work this very moment. */
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
    this.#isBare = definition.interceptors.length === 0 && system.interceptors.length === 0;
    if (!definition.isPlain) this.#lanes = new Lanes();
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

  get children(): Cell[] {
    return [...(this.#relations?.children ?? [])];
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

  /** Whom a message that waits or runs here comes from. */
  senderOf(envelope: Envelope): CallerIdentity {
    const from = envelope.reply?.from ?? this.#relations?.senders?.get(envelope);
    return from ?? { kind: 'node', name: this.system.name };
  }

  get isDown(): boolean {
    return this.#state === DOWN;
  }

  /** All turns that run. */
  turns(): Iterable<Envelope> {
    if (this.#lanes !== undefined) return this.#lanes.turns;
    return this.#current === undefined ? [] : [this.#current];
  }

  /** Makes the actor itself; what its constructor throws is thrown on. */
  construct(target: ActorClass, args: readonly unknown[]): void {
    this.#actor = new target(...(boundArgs(args, this) as unknown[]));
  }

  /** Places the actor in its tree and queues its `started` hook before all messages. */
  begin(options: CellOptions): void {
    const { key, parent } = options;
    if (key !== undefined) this.#relate().key = key;
    if (parent !== undefined) {
      this.#relate().parent = parent;
      parent.#relate().children.add(this);
    }
    this.#attach();
  }

  /** How to make the actor anew, should it be restarted. */
  remember(target: ActorClass, args: readonly unknown[]): void {
    this.#relate().recipe = { target, args };
  }

  ask(name: string, args: readonly unknown[], caller: Caller): Answer {
    const method = this.definition.methods.get(name);
    if (method === undefined) return Answer.refused(this.#noSuchMethod(name, true));
    const signal = caller.options?.signal;
    if (signal?.aborted === true) {
      return Answer.refused(new Cancelled(this.address, 'no', { cause: signal.reason }));
    }
    const call = new LocalCall(this, method, caller);
    const refusal = admit(this, call, args) ?? this.#offer(call);
    if (refusal === undefined) call.arm();
    else this.#refuse(name, call, refusal);
    return call.promise;
  }

  tell(name: string, args: readonly unknown[], caller: Caller): void {
    const refusal = unauthorized(this, name, { args, from: caller.from });
    if (refusal !== undefined) return this.#refuse(name, undefined, refusal);
    const envelope = this.post(name, args, undefined);
    if (envelope === undefined) return;
    envelope.context = caller.contextIn(this.system)?.origin;
    if (caller.from === undefined || this.#isBare) return; // Nobody will ask.
    (this.#relate().senders ??= new WeakMap()).set(envelope, caller.from);
  }

  /**
   * Queues a message whose outcome goes to `reply`, or to the dead letters when there is none.
   * @returns undefined when it was refused, which `reply` has been told
   */
  post(name: string, args: readonly unknown[], reply: Reply | undefined): Envelope | undefined {
    const method = this.definition.methods.get(name);
    if (method === undefined) {
      const isLink = reply === undefined && isLinkMessage(name);
      if (isLink && this.#links.receive(name, args)) return undefined;
      const error = this.#noSuchMethod(name, reply !== undefined);
      reply?.fail(error);
      return undefined;
    }
    const envelope = new Envelope(method, args, reply);
    const refusal = admit(this, envelope, args) ?? this.#offer(envelope);
    return refusal === undefined ? envelope : this.#refuse(name, reply, refusal);
  }

  /** A place has become free for a call that waits for one. */
  admitWaiting(): void {
    const waiting = this.#lanes?.waiting;
    if (waiting === undefined || waiting.size === 0) return;
    if (this.mailboxSize >= this.definition.mailboxCapacity) return;
    const next = waiting.shift();
    if (next !== undefined) this.#enqueue(next);
  }

  /**
   * Queues `body` as a turn of this instance of the actor, beyond the mailbox's bound; the caller
   * bounds it. The next instance does not hear of it.
   */
  interrupt(name: string, body: () => unknown): void {
    if (this.#state >= STOPPING) return;
    const actor = this.#actor;
    const turn = (): unknown => (this.#actor === actor ? body() : undefined);
    this.#enqueue(new Envelope(new Method(name, turn), [], undefined));
  }

  /** Runs `run` when `started` is over, that of a next instance if the first one fails. */
  whenStarted(run: () => void): void {
    this.#enqueue(new Envelope(new Method('whenStarted', run), [], undefined));
  }

  monitor(onDown: (down: Down) => void): () => void {
    if (this.#state === DOWN) {
      let wanted = true;
      queueMicrotask(() => {
        if (wanted) onDown({ address: this.address, reason: { kind: 'no-actor' } });
      });
      return () => (wanted = false);
    }
    return this.#relate().monitor(onDown);
  }

  /** A child is down. */
  disown(child: Cell): void {
    this.#relations?.children.delete(child);
  }

  /** `undo` runs when this instance of the actor is over. @returns forgets it */
  owns(undo: () => void): () => void {
    const { belongings } = this.#relate();
    belongings.add(undo);
    return () => belongings.delete(undo);
  }

  /** @returns ends the link from this side */
  linkTo(other: Recipient): () => void {
    return this.#links.add(other);
  }

  /** From the next message on, these functions stand in for the methods of their names. */
  become(behaviour: Readonly<Record<string, unknown>> | undefined): void {
    this.#relate().behaviour = behaviour;
    this.#isBare = false;
  }

  /** Runs `onIdle` as a turn whenever no message has come for `timeoutMs`. @returns ends that */
  watchIdle(timeoutMs: number, onIdle: () => unknown): () => void {
    const relations = this.#relate();
    relations.idle?.stop();
    const watch = (relations.idle = new IdleWatch(this, timeoutMs, onIdle));
    this.#isBare = false;
    return () => watch.stop();
  }

  /** Sets the present message aside: thrown through its method, it comes to `#failed`. */
  stash(): never {
    if (!this.#isInTurn) throw new TypeError('only a message can be stashed');
    (this.#relate().stash ??= new Stash()).checkRoom(this.address);
    throw new Stashed();
  }

  /** Puts all that was set aside before what waits, in the order it came. */
  unstashAll(): void {
    const mailbox = (this.#mailbox ??= new Mailbox());
    this.#relations?.stash?.moveBefore(mailbox);
    if (this.#state === IDLE && mailbox.size > 0) this.#makeRunnable();
  }

  /** Something went wrong where nobody waits: whoever supervises the actor decides. */
  fail(fault: Fault): void {
    // What still goes wrong in an instance that is over is no reason for another restart.
    if (this.#state >= STOPPING || this.#relations?.isLeaving === true) return this.#report(fault);
    const supervisor = this.#supervisor();
    if (supervisor !== undefined) return supervisor.childFailed(this, fault);
    this.#report(fault);
    if (fault.isFatal) void this.stop({ kind: 'failed', error: fault.error });
  }

  /** Replaces the instance after the turns that run; the reference and the mailbox stay. */
  restart(error: unknown, pauseMs: number): void {
    const relations = this.#relate();
    if (relations.isLeaving) return;
    relations.restart = { error, pauseMs };
    hurry(this);
    if (!this.#isInTurn) void this.#renew(relations);
  }

  /** @param spares which turns that run are not told yet */
  stop(reason: DownReason = { kind: 'stopped' }, spares?: 'messages'): Promise<void> {
    if (this.#state === DOWN) return Promise.resolve();
    const relations = this.#relate();
    const stopped = new Promise<void>((resolve) => relations.stopped.push(resolve));
    if (relations.reason !== undefined) return stopped;
    relations.reason = reason;
    this.#refuseQueued(reason);
    hurry(this, spares);
    // Turns that run come to their end first; see #turnEnded.
    if (!this.#isInTurn) void this.#end(relations, reason);
    return stopped;
  }

  /** Gives up waiting for a turn that does not end: its caller is told, monitors fire. */
  abandon(): void {
    if (this.#state === DOWN) return;
    const relations = this.#relate();
    const reason = (relations.reason ??= { kind: 'stopped' });
    this.#refuseQueued(reason);
    for (const turn of this.turns()) {
      turn.reply?.fail(actorDown(this.address, 'unknown', reason));
      turn.reply = undefined; // Whatever the turn yields one day comes too late.
    }
    this.#goDown(relations, reason);
  }

  /** Runs up to `turns` turns. @returns false when `budget` is spent: input comes first now */
  run(turns: number, budget: IoBudget): boolean {
    let mayGoOn = true;
    for (let turn = 0; mayGoOn && turn < turns && this.#state === RUNNABLE; turn += 1) {
      const envelope = this.#lanes === undefined ? this.#mailbox?.shift() : this.#take(this.#lanes);
      if (envelope === undefined) this.#state = this.#hasWaiting ? BUSY : IDLE;
      else {
        this.#turn(envelope);
        mayGoOn = !budget.spend();
      }
    }
    if (this.#state === RUNNABLE) this.system.schedule(this);
    return mayGoOn;
  }

  get #isInTurn(): boolean {
    return this.#lanes === undefined ? this.#current !== undefined : this.#lanes.turns.size > 0;
  }

  get #links(): Links {
    return (this.#relate().links ??= new Links(this));
  }

  get #hasWaiting(): boolean {
    return this.mailboxSize > 0 || (this.#lanes !== undefined && this.#lanes.control.size > 0);
  }

  #relate(): Relations {
    return (this.#relations ??= new Relations());
  }

  #attach(): void {
    attach(this.#actor, this);
    if (this.#actor.started === undefined) return;
    (this.#mailbox ??= new Mailbox()).unshift(new Envelope(STARTED, [], undefined));
    if (this.#state === IDLE) this.#makeRunnable();
  }

  #take(lanes: Lanes): Envelope | undefined {
    const envelope = lanes.take(this.#mailbox);
    if (envelope !== undefined) this.admitWaiting();
    return envelope;
  }

  /** @returns why the message was not taken */
  #offer(envelope: Envelope): CallError | undefined {
    if (this.#state >= STOPPING || this.#relations?.reason !== undefined) {
      return actorDown(this.address, 'no', this.#relations?.reason);
    }
    const lane = this.#lanes?.laneOf(this, envelope, this.#isOpen);
    if (lane !== undefined) return this.#enqueueIn(lane, envelope);
    const { mailboxCapacity } = this.definition;
    if (this.#mailbox !== undefined && this.#mailbox.size >= mailboxCapacity) {
      return this.#overflow(envelope, this.#mailbox);
    }
    this.#enqueue(envelope);
    return undefined;
  }

  /** Whether the first hook is over, before which nothing may run. */
  get #isOpen(): boolean {
    return (this.#current ?? this.#mailbox?.first)?.method !== STARTED;
  }

  #enqueueIn(lane: Mailbox, envelope: Envelope): CallError | undefined {
    const { mailboxCapacity } = this.definition;
    if (lane.size >= mailboxCapacity) return new MailboxFull(this.address, mailboxCapacity);
    lane.push(envelope);
    if (this.#state === IDLE || this.#state === BUSY) this.#makeRunnable();
    return undefined;
  }

  #overflow(envelope: Envelope, mailbox: Mailbox): CallError | undefined {
    const outcome = overflow(this.definition, envelope, { mailbox, lanes: this.#lanes });
    if (outcome.kind === 'waits') return undefined;
    const full = new MailboxFull(this.address, this.definition.mailboxCapacity);
    if (outcome.kind === 'refused') return full;
    const { method, reply } = outcome.oldest;
    this.#refuse(method.name, reply, full);
    this.#enqueue(envelope);
    return undefined;
  }

  /** Hooks and notices are the runtime's; messages are somebody's. */
  #isMessage({ method }: Envelope): boolean {
    return this.definition.methods.get(method.name) === method;
  }

  #enqueue(envelope: Envelope): void {
    (this.#mailbox ??= new Mailbox()).push(envelope);
    if (this.#state === IDLE) this.#makeRunnable();
  }

  #makeRunnable(): void {
    this.#state = RUNNABLE;
    this.system.schedule(this);
  }

  #refuse(method: string, reply: Reply | undefined, reason: CallError): undefined {
    reply?.fail(reason);
    this.system.deadLetter({ to: this.address, method, reason, isCall: reply !== undefined });
  }

  #noSuchMethod(method: string, isCall: boolean): NoSuchMethod {
    const reason = new NoSuchMethod(this.address, method);
    this.system.deadLetter({ to: this.address, method, reason, isCall });
    return reason;
  }

  #turn(envelope: Envelope): void {
    envelope.stage = RUNNING;
    this.#current = envelope;
    this.#lanes?.turns.add(envelope);
    let result: unknown;
    let isPending: boolean;
    this.system.running = this;
    try {
      const args = boundArgs(envelope.args, this) as unknown[]; // May run a getter of the sender's.
      result = this.#isBare
        ? envelope.method.body.apply(this.#actor, args)
        : this.#perform(envelope, args);
      isPending = isThenable(result);
    } catch (error) {
      this.system.running = undefined;
      this.#failed(envelope, error);
      return;
    }
    this.system.running = undefined;
    if (!isPending) {
      this.#succeeded(envelope, result);
      return;
    }
    if (this.#lanes !== undefined) this.#nameCurrent(this.#lanes);
    else if (this.#state === RUNNABLE) this.#state = BUSY;
    Promise.resolve(result).then(
      (value) => this.#succeeded(envelope, value),
      (error: unknown) => this.#failed(envelope, error),
    );
  }

  /** Runs the method with whatever is around it or in its place. */
  #perform(envelope: Envelope, args: unknown[]): unknown {
    const { method } = envelope;
    if (!this.#isMessage(envelope)) return method.body.apply(this.#actor, args);
    const { idle, behaviour } = this.#relations ?? {};
    idle?.touch();
    const stand = behaviour?.[method.name];
    const body = (typeof stand === 'function' ? stand : method.body) as Method['body'];
    const call = incomingCall(this, envelope, args);
    const interceptors = [...this.system.interceptors, ...this.definition.interceptors];
    return interceptedMethod(interceptors, call, () => body.apply(this.#actor, args));
  }

  /** Of several turns nobody knows which one goes on after an `await`. */
  #nameCurrent({ turns }: Lanes): void {
    const [only] = turns;
    this.#current = turns.size === 1 ? only : undefined;
  }

  #succeeded(envelope: Envelope, value: unknown): void {
    this.#turnEnded(envelope);
    const { reply } = envelope;
    if (reply === undefined) return;
    const { copy } = this.system;
    try {
      if (isGenerator(value)) reply.succeed(new GeneratorStream(this, envelope, value));
      else reply.succeed(copy === undefined ? value : copy(value, 'result'));
    } catch (error) {
      reply.fail(unsendableResult(error)); // It cannot travel, or a getter of it throws.
    }
  }

  #failed(envelope: Envelope, error: unknown): void {
    const { method, reply } = envelope;
    this.#turnEnded(envelope);
    const { stash, reason } = this.#relations ?? {};
    if (error instanceof Stashed && stash !== undefined) {
      if (reason === undefined) stash.add(envelope);
      else this.#refuse(method.name, reply, actorDown(this.address, 'no', reason));
    } else if (reply !== undefined) reply.fail(thrownByMethod(error));
    else this.fail({ method: method.name, error, isFatal: method === STARTED });
  }

  #turnEnded(envelope: Envelope): void {
    envelope.stage = DONE;
    const { context } = envelope;
    if (context instanceof RunningTurn) context.turn.ended();
    const lanes = this.#lanes;
    if (lanes === undefined) this.#current = undefined;
    else {
      lanes.turns.delete(envelope);
      this.#nameCurrent(lanes);
    }
    const relations = this.#relations;
    if (relations?.reason !== undefined) {
      if (this.#state < STOPPING && !this.#isInTurn) void this.#end(relations, relations.reason);
    } else if (relations?.restart !== undefined) {
      if (!this.#isInTurn) void this.#renew(relations);
    } else if (this.#state === BUSY) {
      this.#state = IDLE;
      if (this.#hasWaiting) this.#makeRunnable();
    }
  }

  #supervisor(): Supervisor | undefined {
    const parent = this.#relations?.parent;
    if (parent === undefined) return this.system.supervisor;
    const { supervision } = parent.definition;
    if (supervision === undefined) return undefined;
    return (parent.#relate().supervisor ??= new Supervisor(this.system, supervision, parent));
  }

  #report({ method, error }: Fault): void {
    this.system.failed({ address: this.address, method, error });
  }

  /** Ends this instance and makes the next one; messages wait meanwhile. */
  async #renew(relations: Relations): Promise<void> {
    const { error, pauseMs = 0 } = relations.restart ?? {};
    this.#state = RESTARTING;
    await this.#dismiss(relations, { kind: 'failed', error });
    if (pauseMs > 0) await pause(this, pauseMs);
    relations.restart = undefined;
    if (relations.reason !== undefined || relations.recipe === undefined) return;
    relations.isDismissed = false;
    const { target, args } = relations.recipe;
    try {
      this.construct(target, args);
    } catch (thrown) {
      relations.isDismissed = true; // There is no instance that could be told anything.
      this.fail({ method: 'constructor', error: thrown, isFatal: true });
      return;
    }
    this.#state = IDLE;
    this.unstashAll();
    this.#attach();
    if (this.#state === IDLE && this.mailboxSize > 0) this.#makeRunnable();
  }

  async #dismiss(relations: Relations, reason: DownReason): Promise<void> {
    try {
      await relations.dismiss(this.#actor, reason);
    } catch (error) {
      this.#report({ method: 'stopping', error, isFatal: false });
    }
  }

  async #end(relations: Relations, reason: DownReason): Promise<void> {
    this.#state = STOPPING;
    await this.#dismiss(relations, reason);
    if (!this.isDown) this.#goDown(relations, reason);
  }

  #refuseQueued(reason: DownReason): void {
    const { stash } = this.#relations ?? {};
    for (const mailbox of [stash?.mailbox, this.#mailbox, ...(this.#lanes?.all ?? [])]) {
      for (let one = mailbox?.shift(); one !== undefined; one = mailbox?.shift()) {
        one.stage = DONE;
        if (!this.#isMessage(one)) continue;
        this.#refuse(one.method.name, one.reply, actorDown(this.address, 'no', reason));
      }
    }
  }

  #goDown(relations: Relations, reason: DownReason): void {
    this.#state = DOWN;
    this.system.forget(this);
    relations.parent?.disown(this);
    relations.undo();
    relations.tell({ address: this.address, reason });
  }
}
