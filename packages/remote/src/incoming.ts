import {
  ActorDown,
  type ActorSystem,
  type CallError,
  type CallerIdentity,
  type DownReason,
  NoSuchActor,
  Overloaded,
  Unauthorized,
} from '@troupe/actor';
import { type CallContext, Caller, type Cell } from '@troupe/actor/internal';
import { AnswerGone } from './answer-gone.ts';
import { BadFrame } from './bad-frame.ts';
import { readHeader } from './call-header.ts';
import { callThrough, type Edge, Monitors, TellsAtEdge } from './edge.ts';
import type { EntityTarget, FrameReader, Target } from './frames.ts';
import { DOWN, FAIL, RESULT } from './frames.ts';
import { NamesTaken } from './names.ts';
import type { PeerLimits } from './peer-limits.ts';
import { PROBES, readProbe, RING_CHARS_MAX } from './probe-frame.ts';
import { RateLimit } from './rate-limit.ts';
import { type CallServer, ServedCall } from './served-call.ts';
import { UnderWay } from './under-way.ts';

const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Where messages for services and entities are brought to; the layer above knows. */
export interface Router {
  service(name: string): Cell | undefined;
  /** Whether entities of that kind are the runtime's own, as services are. */
  isOwn(kind: string): boolean;
  /** Brings the message to the entity's activation, here or by passing it on. */
  entity(target: EntityTarget, message: Message): void;
}

/** A message that has arrived and looks for its actor. */
export interface Message {
  readonly method: string;
  readonly args: readonly unknown[];
  /** Whether the sender waits for an outcome. */
  readonly asks: boolean;
  /** What it came with. */
  readonly context: CallContext | undefined;
  /** Whom it came from. */
  readonly from: CallerIdentity;
  /** Puts it into the mailbox of `cell`. */
  deliver(cell: Cell): void;
  refuse(error: CallError): void;
}

export interface ReplySink {
  /**
   * Values that cannot travel make it send the failure instead.
   * @param actor who answers; the answers of one actor stay in order
   */
  reply(frame: readonly unknown[], actor: Cell | undefined): void;
}

/** Knows the functions that a peer may call. */
export interface FunctionTable {
  find(id: number): ((...args: unknown[]) => unknown) | undefined;
}

export interface IncomingParts {
  readonly router: Router;
  readonly sink: ReplySink;
  readonly functions: FunctionTable;
  /** Whom the peer has proved to be. */
  readonly caller: () => CallerIdentity;
  readonly limits: PeerLimits;
  /** Around all that is asked of this node but its services, which are the runtime's own. */
  readonly edge: Edge;
}

/** All that one other node has asked of this one and not yet been told. */
export class Incoming implements CallServer {
  readonly #system: ActorSystem;
  readonly #router: Router;
  readonly #sink: ReplySink;
  readonly #functions: FunctionTable;
  readonly #caller: () => CallerIdentity;
  readonly #limits: PeerLimits;
  readonly edge: Edge;
  readonly #cancels: RateLimit;
  readonly #probes: RateLimit;
  readonly #calls = new UnderWay<ServedCall>();
  /** Actors that are being stopped for the peer, by the number of its word. */
  readonly #stops = new Map<number, object>();
  readonly #monitors: Monitors;
  readonly #tells: TellsAtEdge;
  /** The highest number of a call that was looked at; those beyond it certainly never ran. */
  #begun = 0;
  #names = new NamesTaken();
  /** Bytes of the calls in progress, and of the frame in hand. */
  #bytes = 0;
  #frameBytes = 0;

  constructor(system: ActorSystem, parts: IncomingParts) {
    this.#system = system;
    this.#router = parts.router;
    this.#sink = parts.sink;
    this.#functions = parts.functions;
    this.#caller = parts.caller;
    this.#limits = parts.limits;
    this.edge = parts.edge;
    this.#monitors = new Monitors(parts.edge);
    this.#tells = new TellsAtEdge(parts.edge, parts.limits.callsMax);
    this.#cancels = new RateLimit(system.env, parts.limits.callsMax);
    this.#probes = new RateLimit(system.env, PROBES.burst);
  }

  /** Calls in progress. */
  get calls(): number {
    return this.#calls.size;
  }

  get begun(): number {
    return this.#begun;
  }

  /** The other side begins anew, and with it its names. */
  beginSession(): void {
    this.#names = new NamesTaken();
  }

  name(frame: FrameReader): void {
    this.#names.define(frame);
  }

  /** The frame that comes next is of so many bytes. */
  measure(frameBytes: number): void {
    this.#frameBytes = frameBytes;
  }

  call(frame: FrameReader): void {
    const id = frame.number();
    const target = this.#target(frame);
    const call = this.#begin(id, this.#names.method(frame.name()), frame);
    if (call === undefined) return;
    if (this.#passesBy(target)) this.#route(target, call);
    else call.comeIn(this.#addressOf(target), () => this.#route(target, call));
  }

  /** Calls a function that was lent to the peer. */
  invoke(frame: FrameReader): void {
    const id = frame.number();
    const lent = frame.number();
    const call = this.#begin(id, 'a function', frame);
    if (call === undefined) return;
    const address = `function ${lent} of ${this.#system.name}`;
    const run = (): void => {
      const body = this.#functions.find(lent);
      if (body !== undefined) call.run(body);
      else call.fail(new NoSuchActor(address, 'it was given back'));
    };
    if (this.edge.length === 0) run();
    else call.comeIn(address, run);
  }

  /** Calls a method on the result of another call of the peer's. */
  pipe(frame: FrameReader): void {
    const id = frame.number();
    const base = this.#calls.get(frame.number());
    const call = this.#begin(id, this.#names.method(frame.name()), frame);
    if (call === undefined) return;
    if (base === undefined) call.fail(new AnswerGone());
    else call.follow(base);
  }

  cast(frame: FrameReader): void {
    const target = this.#target(frame);
    const method = this.#names.method(frame.name());
    const args = frame.list();
    const { context, from } = readHeader(frame.any(), this.#caller());
    const refuse = (reason: CallError): void => {
      this.#system.deadLetter({ to: this.#addressOf(target), method, reason });
    };
    const tell = new Tell({ method, args, context, from, refuse });
    const next = (): void => this.#route(target, tell);
    if (this.#passesBy(target)) return next();
    const to = this.#addressOf(target);
    const arrived = { kind: 'tell', to, method, args, context, from } as const;
    this.#tells.add(arrived, { next, refuse, system: this.#system });
  }

  /** The caller waits no longer. A call that runs already counts until it ends. */
  cancel(frame: FrameReader): void {
    const { cancelsPerSecondMax: perSecond, callsMax: burst } = this.#limits;
    if (!this.#cancels.take({ perSecond, burst })) {
      throw new BadFrame(`more than ${perSecond} calls a second cancelled`);
    }
    const call = this.#calls.get(frame.number());
    if (call === undefined) return;
    const reason = frame.any() ?? new DOMException('cancelled by the caller', 'AbortError');
    const executed = call.withdraw(reason);
    this.#system.deadlines.remove(call);
    if (executed === 'no') this.#remove(call);
  }

  /** A turn that waits for the call asks whether it waits for itself. */
  probe(frame: FrameReader): void {
    const call = this.#calls.get(frame.number());
    const probe = readProbe(frame);
    if (this.#caller().kind === 'node' && this.#probes.take(PROBES)) call?.chase(probe);
  }

  /** The call is part of a ring, and the youngest there; if it has begun by now, there is none. */
  breakWith(frame: FrameReader): void {
    this.#calls.get(frame.number())?.breakWith(frame.text(RING_CHARS_MAX));
  }

  stop(frame: FrameReader): void {
    const id = frame.number();
    this.#begun = Math.max(this.#begun, id);
    const target = frame.target();
    const from = this.#caller();
    const to = this.#addressOf(target);
    const refusal =
      from.kind === 'outsider' ? new Unauthorized(to, 'stop') : this.#overload(this.#stops.size);
    if (refusal !== undefined) return this.#sink.reply([FAIL, id, refusal], undefined);
    this.#refuseUsed(id);
    const stop = {};
    this.#stops.set(id, stop);
    const cell = typeof target === 'number' ? this.#system.find(target) : undefined;
    const arrived = {
      kind: 'stop',
      to,
      method: 'stop',
      args: [],
      context: undefined,
      from,
    } as const;
    const done = (frame: readonly unknown[]): void => {
      if (this.#stops.get(id) !== stop) return; // The session has ended since.
      this.#stops.delete(id);
      this.#sink.reply(frame, cell);
    };
    callThrough(this.edge, arrived, async () => cell?.stop()).then(
      () => done([RESULT, id, undefined]),
      (error: unknown) => done([FAIL, id, error]),
    );
  }

  watch(frame: FrameReader): void {
    const id = frame.number();
    const target = frame.target();
    const cell = typeof target === 'number' ? this.#system.find(target) : undefined;
    const down = (reason: DownReason): void => this.#sink.reply([DOWN, id, reason], cell);
    if (cell === undefined) return down({ kind: 'no-actor' });
    const { monitorsMax } = this.#limits;
    if (this.#monitors.size >= monitorsMax) {
      const error = new Overloaded(this.#system.name, 'monitors of one peer', monitorsMax);
      return down({ kind: 'node-down', error });
    }
    const monitor = (gone: typeof down): (() => void) => cell.monitor(({ reason }) => gone(reason));
    this.#monitors.add(id, { to: cell.address, from: this.#caller() }, { monitor, down });
  }

  unwatch(frame: FrameReader): void {
    this.#monitors.forget(frame.number());
  }

  /** Answers all calls that wait here with `error`; those that run go on. */
  refuseWaiting(error: CallError): void {
    for (const call of this.#calls.values()) {
      if (call.withdraw(error) === 'no') call.fail(error);
    }
  }

  /** The caller's node is out of reach: nobody waits for what waits or runs here. */
  dropAll(reason: unknown): void {
    for (const call of this.#calls.values()) {
      call.withdraw(reason);
      this.#system.deadlines.remove(call);
    }
    this.#calls.clear();
    this.#stops.clear();
    this.#bytes = 0;
    this.#monitors.clear();
  }

  /** The caller is answered; the call may still run, and counts until it has ended. */
  answer(call: ServedCall, frame: readonly unknown[]): void {
    this.#sink.reply(frame, call.actor);
  }

  /** @param frame the answer, when the caller has not been given one already */
  ended(call: ServedCall, frame: readonly unknown[] | undefined): void {
    this.#system.deadlines.remove(call);
    // False when the session has ended since; the outcome then has nowhere to go.
    if (this.#remove(call) && frame !== undefined) {
      this.#sink.reply(frame, call.actor);
    }
  }

  /** Reads the rest of a call. @returns undefined when it was refused */
  #begin(id: number, method: string, frame: FrameReader): ServedCall | undefined {
    const args = frame.list();
    const timeoutMs = Math.min(Math.max(1, frame.number()), TIMEOUT_MS_MAX);
    const { context, from } = readHeader(frame.any(), this.#caller());
    this.#begun = Math.max(this.#begun, id);
    const refusal = this.#overload(this.#calls.size);
    if (refusal !== undefined) {
      this.#sink.reply([FAIL, id, refusal], undefined);
      return undefined;
    }
    this.#refuseUsed(id);
    const bytes = this.#frameBytes;
    const call = new ServedCall(this, { id, method, args, timeoutMs, context, from, bytes });
    this.#calls.set(id, call);
    this.#bytes += bytes;
    this.#system.deadlines.add(call, timeoutMs);
    return call;
  }

  /** @throws {BadFrame} when another one that is under way would be counted no more */
  #refuseUsed(id: number): void {
    if (this.#calls.get(id) === undefined && !this.#stops.has(id)) return;
    throw new BadFrame(`call ${id} is under way already`);
  }

  /** @returns why the peer may not make one more call, beside `underWay` others */
  #overload(underWay: number): Overloaded | undefined {
    const { callsMax, callBytesMax } = this.#limits;
    const { name } = this.#system;
    if (underWay >= callsMax) return new Overloaded(name, 'calls of one peer', callsMax);
    // One that is larger than the bound is served while nothing else is.
    if (this.#bytes === 0 || this.#bytes + this.#frameBytes <= callBytesMax) return undefined;
    return new Overloaded(name, 'bytes of calls of one peer', callBytesMax);
  }

  /** @returns false when it had been removed before; another session may use its number again */
  #remove(call: ServedCall): boolean {
    if (this.#calls.get(call.id) !== call) return false;
    this.#calls.delete(call.id);
    this.#bytes -= call.bytes;
    return true;
  }

  #passesBy(target: Target): boolean {
    if (this.edge.length === 0 || typeof target === 'string') return true;
    return typeof target === 'object' && this.#router.isOwn(target[0]);
  }

  #target(frame: FrameReader): Target {
    const target = frame.target();
    return typeof target === 'number' && target < 0 ? this.#names.entity(target) : target;
  }

  #route(target: Target, message: Message): void {
    if (typeof target === 'object') {
      this.#router.entity(target, message);
      return;
    }
    const cell =
      typeof target === 'number' ? this.#system.find(target) : this.#router.service(target);
    if (cell !== undefined) message.deliver(cell);
    else if (typeof target === 'number') {
      message.refuse(new ActorDown(this.#addressOf(target), 'no'));
    } else message.refuse(new NoSuchActor(target, `node ${this.#system.name} has no such service`));
  }

  #addressOf(target: Target): string {
    if (typeof target === 'object') return `${target[0]}/${target[1]}`;
    const { name } = this.#system;
    if (typeof target === 'string') return `${name}/${target}`;
    return this.#system.find(target)?.address ?? `${name}/#${target}`;
  }
}

/** One tell that has arrived. */
class Tell implements Message {
  readonly asks = false;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly context: CallContext | undefined;
  readonly from: CallerIdentity;
  readonly refuse: (error: CallError) => void;

  constructor(parts: Pick<Message, 'method' | 'args' | 'context' | 'from' | 'refuse'>) {
    this.method = parts.method;
    this.args = parts.args;
    this.context = parts.context;
    this.from = parts.from;
    this.refuse = parts.refuse;
  }

  deliver(cell: Cell): void {
    cell.tell(this.method, this.args, Caller.within(this.context, {}, this.from));
  }
}
