import {
  type ActorSystem,
  type AnyRef,
  type CallError,
  DeadlineExceeded,
  type DownReason,
  type Env,
  type Log,
  NotSerializable,
  Overloaded,
  Unauthorized,
} from '@troupe/actor';
import {
  Caller,
  Cell,
  errorOf,
  isRef,
  OUTSIDE,
  type Recipient,
  recipientOf,
} from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { CallerIdentity } from './caller.ts';
import type { Codec, ValuePort } from './codec.ts';
import { callThrough, type Edge, Monitors, TellsAtEdge } from './edge.ts';
import { FrameReader } from './frames.ts';
import type { Leftovers } from './leaving-ends.ts';
import { Lent } from './lent.ts';
import * as wire from './outsider-frames.ts';
import { OutsiderExchange } from './outsider-exchange.ts';
import type { OutsiderHost, OutsiderIdentity } from './outsiders.ts';
import { RemoteActor } from './remote-actor.ts';
import type { Connection } from './transport.ts';
import { insteadOfOutcome } from './unsent.ts';
import { errorFromWire, errorToWire } from './wire-error.ts';

/** Actors that one client may have references to; it gives back those that it has forgotten. */
const HANDED_OUT_MAX = 1_024;
/** What may wait for a client that does not read. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;

/** Names for what a `NotSerializable` points to. */
const REPLY_FIELDS = ['type', 'id', 'result'];

/** What an outsider wants to do. */
export interface OutsiderCall {
  /** Of the entity, or of the actor that the client was given a reference to. */
  readonly kind: string;
  /** Of the entity; undefined for an actor that is none. */
  readonly key: string | undefined;
  readonly method: string;
}

export interface OutsiderSessionHost {
  readonly node: string;
  readonly env: Env;
  readonly log: Log;
  readonly codec: Codec;
  readonly edge: Edge;
  readonly system: ActorSystem;
  readonly router: OutsiderHost['router'];
  /** Of all clients. */
  readonly leftovers: Leftovers;
  authenticate(token: string): OutsiderIdentity | undefined | Promise<OutsiderIdentity | undefined>;
  permits(caller: CallerIdentity, call: OutsiderCall): boolean;
  ended(): void;
}

/** A reference that the client has been given, and may send back. */
interface HandedOut {
  readonly ref: AnyRef;
  readonly kind: string;
  readonly key: string | undefined;
}

/** One client: until its token was accepted it is heard in one word, and from then on in calls. */
export class OutsiderSession {
  readonly #connection: Connection;
  readonly #host: OutsiderSessionHost;
  readonly #calls = new Map<number, AbortController>();
  /** By address, so that a reference has one number however often it is made. */
  readonly #handedOut = new Lent<string, HandedOut>(
    HANDED_OUT_MAX,
    (address) => new NotSerializable(address, `a client has ${HANDED_OUT_MAX} references at most`),
  );
  readonly #values: ValuePort = {
    dehydrate: (value) => this.#dehydrate(value),
    hydrate: (tag, content) => this.#hydrate(tag, content),
  };
  readonly #exchange: OutsiderExchange;
  readonly #monitors: Monitors;
  readonly #tells: TellsAtEdge;
  readonly #roomWaiters = new Set<() => void>();
  #version = 0;
  #caller: CallerIdentity | undefined;
  #isHeard = false;
  #cancels = 0;
  /** Calls since the last ping whose time was over, and whose methods may run on. */
  #overdue = 0;
  #heardAt: number;
  #isOver = false;

  constructor(connection: Connection, host: OutsiderSessionHost) {
    this.#connection = connection;
    this.#host = host;
    this.#heardAt = host.env.now();
    this.#monitors = new Monitors(host.edge);
    this.#tells = new TellsAtEdge(host.edge, wire.OUTSIDER_CALLS_MAX);
    this.#exchange = new OutsiderExchange({
      env: host.env,
      peer: 'a client',
      leftovers: host.leftovers,
      failed: (error) => host.log.error({ error }, 'a stream failed when its reader had gone'),
      encodeValue: (value) =>
        this.#exchange.sending(() => host.codec.encodeValue(value, this.#values, 'element')),
      send: (frame) => this.#send(frame),
      hasRoom: () => connection.bufferedBytes < wire.OUTSIDER_ROOM_BYTES,
      whenRoom: (run) => this.#roomWaiters.add(run),
      timeoutMs: () => timeoutMsOf(host.system),
      run: (id, args, body) => this.#run(id, args, body),
    });
    const timer = host.env.setTimer(wire.HELLO_TIMEOUT_MS, () => {
      if (this.#caller === undefined) this.#refuse('no token came in time');
    });
    connection.start({
      data: (bytes) => this.#receive(bytes),
      drained: () => this.#tellOfRoom(),
      closed: () => {
        timer.cancel();
        this.#over();
      },
    });
  }

  /** Ends it after what was sent. */
  end(reason: string): void {
    this.#over();
    this.#connection.close();
    this.#host.log.debug({ client: this.#caller?.name, reason }, 'a client has gone');
  }

  /** Asks for a sign of life, or gives up the client that gives none. */
  checkLife(): void {
    if (this.#host.env.now() - this.#heardAt >= wire.LOST_MS) this.end('it is silent');
    else this.#send([wire.PING]);
    this.#cancels = 0;
    this.#overdue = 0;
  }

  #tellOfRoom(): void {
    if (this.#connection.bufferedBytes >= wire.OUTSIDER_ROOM_BYTES) return;
    const waiters = [...this.#roomWaiters];
    this.#roomWaiters.clear();
    for (const run of waiters) run();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#heardAt = this.#host.env.now();
    try {
      for (const frame of this.#host.codec.decodeSequence(bytes, this.#values)) {
        this.#dispatch(new FrameReader(frame, bytes.length));
      }
      if (this.#roomWaiters.size > 0) this.#tellOfRoom();
    } catch (error) {
      this.#host.log.warn(
        { from: this.#connection.remoteAddress, error },
        'a client broke the protocol',
      );
      this.#over();
      this.#connection.destroy();
    }
  }

  #dispatch(frame: FrameReader): void {
    if (frame.type === wire.HELLO) return this.#onHello(frame);
    if (this.#caller === undefined) throw new BadFrame('nothing may come before the token');
    switch (frame.type) {
      case wire.CALL:
        return this.#call(this.#caller, frame);
      case wire.CAST:
        return this.#cast(this.#caller, frame);
      case wire.CANCEL:
        return this.#cancel(frame.number(), frame.any());
      case wire.PONG:
        return; // Its bytes were the sign of life.
      case wire.WATCH:
        return this.#watch(this.#caller, frame);
      case wire.UNWATCH:
        return this.#monitors.forget(frame.number());
      case wire.RELEASE:
        return this.#handedOut.takeBack(frame.number(), frame.number());
      default:
        if (!this.#exchange.receive(frame, frame.bytes)) {
          throw new BadFrame(`unknown frame type ${String(frame.type)}`);
        }
    }
  }

  #onHello(frame: FrameReader): void {
    if (this.#isHeard) throw new BadFrame('a second token');
    this.#isHeard = true;
    const version = frame.number();
    const token = frame.text(wire.TOKEN_CHARS_MAX);
    this.#version = Math.min(version, wire.OUTSIDER_VERSION);
    if (version >= wire.OUTSIDER_VERSION_MIN) void this.#letIn(token);
    else this.#refuse(`it speaks version ${version}, the node ${wire.OUTSIDER_VERSION}`);
  }

  async #letIn(token: string): Promise<void> {
    try {
      const identity = await this.#host.authenticate(token);
      if (this.#isOver) return;
      // Of a class or not, typed or not: who has no name is nobody.
      if (typeof identity?.name !== 'string') return this.#refuse('its token is not accepted');
      this.#send([wire.WELCOME, this.#version, this.#host.node, identity.name]);
      this.#caller = { ...identity, kind: 'outsider' };
    } catch (error) {
      this.#host.log.error({ error }, 'the token of a client could not be looked at');
      this.#refuse('its token could not be looked at');
    }
  }

  #refuse(reason: string): void {
    if (this.#isOver) return;
    const from = this.#connection.remoteAddress;
    this.#host.log.warn({ from, reason }, 'an outsider was refused');
    this.#send([wire.REFUSED, reason]);
    this.#over();
    this.#connection.close();
  }

  #call(caller: CallerIdentity, frame: FrameReader): void {
    const id = frame.number();
    const target = targetOf(frame);
    const method = frame.text();
    const args = frame.list();
    const timeoutMs = Math.min(Math.max(1, frame.number()), wire.TIMEOUT_MS_MAX);
    if (this.#calls.has(id)) throw new BadFrame(`call ${id} is under way already`);
    const refusal = this.#overload();
    if (refusal !== undefined) return this.#answer([wire.FAIL, id, refusal]);
    const abort = new AbortController();
    this.#calls.set(id, abort);
    const ask = async (): Promise<unknown> => {
      const to = recipientOf(this.#permitted(caller, target, method));
      const options = { timeoutMs, signal: abort.signal };
      const next = (): Promise<unknown> =>
        to.ask(method, args, Caller.within(undefined, options, caller));
      const { edge } = this.#host;
      if (edge.length === 0) return next();
      const of = { to: to.address, method, args, context: undefined, from: caller };
      return callThrough(edge, { kind: 'call', ...of }, next);
    };
    const done = (frame: readonly unknown[]): void => {
      this.#calls.delete(id);
      this.#answer(frame);
    };
    ask().then(
      (value) => done([wire.RESULT, id, value]),
      (error: unknown) => {
        if (error instanceof DeadlineExceeded && error.executed === 'unknown') this.#overdue += 1;
        done([wire.FAIL, id, errorOf(error)]);
      },
    );
  }

  /** A method goes on when nobody waits for it: many calls with little time are many that run. */
  #overload(): Overloaded | undefined {
    const { node } = this.#host;
    const { OUTSIDER_CALLS_MAX: callsMax, OUTSIDER_OVERDUE_MAX: overdueMax } = wire;
    if (this.#calls.size >= callsMax) return new Overloaded(node, 'calls of one client', callsMax);
    if (this.#overdue < overdueMax) return undefined;
    return new Overloaded(node, 'calls of one client that ran out of time', overdueMax);
  }

  /** The client calls a function that it was given. */
  #run(id: number, args: readonly unknown[], body: () => unknown): Promise<unknown> {
    const { edge, node } = this.#host;
    const from = this.#caller ?? { kind: 'outsider', name: '' };
    const to = `function ${id} of ${node}`;
    const of = { to, method: 'a function', args, context: undefined, from };
    return callThrough(edge, { kind: 'call', ...of }, async () => body());
  }

  /** A method that runs goes on when its call is cancelled, so that many such calls cost much. */
  #cancel(id: number, reason: unknown): void {
    this.#cancels += 1;
    if (this.#cancels > wire.OUTSIDER_CANCELS_MAX) throw new BadFrame('too many calls cancelled');
    this.#calls.get(id)?.abort(reason);
  }

  #cast(caller: CallerIdentity, frame: FrameReader): void {
    const target = targetOf(frame);
    const method = frame.text();
    const args = frame.list();
    try {
      const to = recipientOf(this.#permitted(caller, target, method));
      const next = (): void => to.tell(method, args, Caller.within(undefined, {}, caller));
      const { edge, system } = this.#host;
      if (edge.length === 0) return next();
      const refuse = (reason: CallError): void =>
        system.deadLetter({ to: to.address, method, reason });
      const of = { to: to.address, method, args, context: undefined, from: caller };
      this.#tells.add({ kind: 'tell', ...of }, { next, refuse, system });
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
      const { message: reason } = error;
      this.#host.log.warn({ client: caller.name, reason }, 'a message was refused');
    }
  }

  /** Whoever may call a method `monitor` of an actor may watch it, whether it has one or not. */
  #watch(caller: CallerIdentity, frame: FrameReader): void {
    const id = frame.number();
    const target = targetOf(frame);
    const down = (reason: DownReason): void => this.#answer([wire.DOWN, id, reason]);
    try {
      const max = wire.OUTSIDER_MONITORS_MAX;
      if (this.#monitors.size >= max) {
        throw new Overloaded(this.#host.node, 'monitors of one client', max);
      }
      const recipient = recipientOf(this.#permitted(caller, target, 'monitor'));
      const { address: to } = recipient;
      const monitor = (gone: typeof down): (() => void) =>
        recipient.monitor(({ reason }) => gone(reason));
      this.#monitors.add(id, { to, from: caller }, { monitor, down });
    } catch (error) {
      if (error instanceof BadFrame) throw error;
      down({ kind: 'node-down', error: errorOf(error) });
    }
  }

  /** @throws {Unauthorized} when there is no such target too: who may not know, is not told */
  #permitted(caller: CallerIdentity, target: wire.OutsiderTarget, method: string): AnyRef {
    if (typeof target === 'object') {
      const [kind, key] = target;
      const isPermitted = this.#host.permits(caller, { kind, key, method });
      if (isPermitted) return this.#host.router.refer(kind, key);
      throw new Unauthorized(`${kind}/${key}`, method);
    }
    const found = this.#handedOut.get(target);
    if (found !== undefined) {
      const { ref, kind, key } = found;
      if (this.#host.permits(caller, { kind, key, method })) return ref;
    }
    throw new Unauthorized(`#${target}`, method);
  }

  #dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (value instanceof Error) return { tag: wire.ERROR, content: errorToWire(value) };
    if (!isRef(value)) {
      return this.#version < wire.versionOf(value) ? undefined : this.#exchange.dehydrate(value);
    }
    const ref = value as AnyRef;
    const recipient = recipientOf(ref);
    const { address } = recipient;
    const [kind, key] = this.#host.router.entityOf(recipient) ?? [kindOf(recipient), undefined];
    const id = this.#handedOut.lend(address, { ref, kind, key });
    this.#exchange.unlessSent(() => this.#handedOut.takeBack(id, 1));
    return { tag: wire.REFERENCE, content: [id, kind, key, address] };
  }

  #hydrate(tag: number, content: unknown): unknown {
    const given = this.#caller && this.#exchange.hydrate(tag, content);
    if (given !== undefined) return given;
    if (tag === wire.ERROR && this.#caller !== undefined) return errorFromWire(content);
    const found = this.#handedOut.get(content as number);
    if (tag === wire.REFERENCE && found !== undefined) return found.ref;
    throw new BadFrame('a reference that was never handed out');
  }

  /** An outcome. One that cannot be sent is answered with why. */
  #answer(frame: readonly unknown[]): void {
    try {
      this.#send(frame, REPLY_FIELDS);
    } catch (error) {
      const [type, id] = frame;
      if (type === wire.DOWN) return void this.#send([wire.DOWN, id, { kind: 'failed' }]);
      this.#send([wire.FAIL, id, insteadOfOutcome(error)]);
    }
  }

  /** @returns how many bytes it takes */
  #send(frame: readonly unknown[], fields?: readonly string[]): number {
    if (this.#isOver) return 0;
    const { codec } = this.#host;
    const bytes = this.#exchange.sending(() => codec.encode(frame, this.#values, fields));
    this.#connection.write(bytes);
    if (this.#connection.bufferedBytes > UNREAD_BYTES_MAX) {
      this.#over();
      this.#connection.destroy();
    }
    return bytes.length;
  }

  /** What is still under way for the client is told that nobody waits. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const call of this.#calls.values()) call.abort();
    this.#monitors.clear();
    this.#exchange.loseAll('the client has gone');
    for (const run of this.#roomWaiters) run();
    this.#roomWaiters.clear();
    this.#host.ended();
  }
}

/** How long a call of a client's function may take: no longer than the turn that makes it. */
function timeoutMsOf(system: ActorSystem): number {
  const remainingMs = OUTSIDE.contextIn(system)?.remainingMs ?? Infinity;
  return Math.max(1, Math.min(system.callTimeoutMs, remainingMs));
}

function kindOf(recipient: Recipient): string {
  if (recipient instanceof Cell) return recipient.definition.kind;
  return recipient instanceof RemoteActor ? recipient.kind : '';
}

function targetOf(frame: FrameReader): wire.OutsiderTarget {
  const target = frame.any();
  if (wire.isOutsiderTarget(target)) return target;
  throw new BadFrame('a call without a target');
}
