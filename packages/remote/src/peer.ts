import {
  type ActorSystem,
  type CallError,
  Draining,
  isCallError,
  Overloaded,
  RemoteError,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { type Caller, type Cell, errorOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { CallerIdentity } from './caller.ts';
import { Channels } from './channels.ts';
import type { EncodedValue } from './codec.ts';
import { WHOLE_FRAME_BYTES_MAX } from './envelope.ts';
import { downReason } from './down-reason.ts';
import type { Endpoint } from './endpoint.ts';
import * as type from './frames.ts';
import { Incoming } from './incoming.ts';
import { newSessionId, type PeerIdentity, type SessionState } from './handshake.ts';
import type { Link } from './link.ts';
import { Loans } from './loans.ts';
import { OUTBOX_BYTES_MAX } from './outbox.ts';
import { isTell, type TellReader, tellsIn } from './lost-tells.ts';
import { type Destination, Outgoing } from './outgoing.ts';
import { PeerReplaced } from './peer-replaced.ts';
import { Revival } from './revival.ts';
import { type Placing, Session } from './session.ts';
import { insteadOfOutcome } from './unsent.ts';
import { Values } from './values.ts';

/** Who can wait, waits while more than this is to be sent. */
const WAIT_ABOVE_BYTES = 1024 * 1024;

/** Frame types from here on bring what can be done without, so unknown ones are left alone. */
const OPTIONAL_TYPES_FROM = 64;

/** What may wait for a peer to read it, answers to its calls included, before it is given up. */
const UNREAD_BYTES_MAX = 4 * OUTBOX_BYTES_MAX;

/** The same for large answers, so that their callers can be told yet. */
const UNREAD_ANSWERS_BYTES_MAX = 3 * OUTBOX_BYTES_MAX;

/** Who was heard so lately is known to live; what is older may be the last of it. */
const ALIVE_MS = 250;

/** Names for what a `NotSerializable` points to. */
const REPLY_FIELDS = ['type', 'id', 'result'];

export interface LifeLimits {
  /** Silence after which a sign of life is asked for, and after which a connection is given up. */
  readonly pingAfterMs: number;
  readonly lostAfterMs: number;
}

/** What is said of the tells of a session that is over. */
interface Lost extends Pick<TellReader, 'names'> {
  readonly why: string;
  readonly cause: Error;
}

/** How a connection came about. */
export interface Adoption {
  readonly isDialler: boolean;
  /** Counts this node's connections; later ones have higher numbers. */
  readonly number: number;
}

/**
 * Another node, in one incarnation, as seen from here. The first message to it dials, and others
 * wait behind it in order. A connection that is lost is made anew and the session goes on; when
 * that cannot be, the session ends, all that was under way is told so, and the next message begins
 * another one.
 */
export class Peer {
  readonly identity: PeerIdentity;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  readonly channels: Channels;
  readonly loans: Loans;
  readonly #values: Values;
  readonly #endpoint: Endpoint;
  readonly #revival: Revival;
  readonly #roomWaiters = new Set<() => void>();
  #session: Session;
  #linkNumber = 0;
  /** As the last connection has proved. */
  #caller: CallerIdentity;
  #dialing = false;
  /** This side made the present connection. */
  #isDialler = false;
  /** What the peer said when it hung up, and the last of this side's calls that it has begun. */
  #goodbye: { readonly why: string; readonly begun: number } | undefined;
  /** The peer takes nothing new, and waits for word that nothing is under way to it. */
  #isAskedToLeave = false;
  /** Told when the peer waits for nothing of this node's any more, or is gone. */
  #whenLeft: (() => void) | undefined;
  #pings = 0;

  constructor(endpoint: Endpoint, identity: PeerIdentity) {
    const { system } = endpoint;
    this.#endpoint = endpoint;
    this.identity = identity;
    this.#caller = { kind: 'outsider', name: identity.name };
    this.channels = new Channels(endpoint, this);
    this.loans = new Loans(endpoint, this);
    this.#values = new Values(endpoint, this);
    this.outgoing = new Outgoing(this, system);
    const { functions } = this.loans;
    this.incoming = new Incoming(system, {
      router: endpoint.router,
      sink: this,
      functions,
      caller: () => this.#caller,
      limits: endpoint.limits,
      edge: endpoint.edge,
    });
    this.#session = this.#newSession();
    this.#revival = new Revival({
      env: system.env,
      windowMs: endpoint.resumeWindowMs,
      // One that does not listen has to come to us.
      dial: identity.address === '' ? undefined : () => this.#redial(),
      expired: () => {
        this.end(new Error(`no connection to it for ${endpoint.resumeWindowMs} ms`));
      },
    });
  }

  get system(): ActorSystem {
    return this.#endpoint.system;
  }

  /** Whether this node sends nothing more to anybody. */
  get isClosed(): boolean {
    return this.#endpoint.isClosed;
  }

  /** Whether a method of its actors of that kind may be run twice. */
  isIdempotent(kind: string, method: string): boolean {
    return this.#endpoint.router.isIdempotent(kind, method);
  }

  get isConnected(): boolean {
    return this.#session.isAttached;
  }

  /** Whether the session knows what that version of the protocol has added. */
  speaks(version: number): boolean {
    return this.#session.protocol >= version;
  }

  /** Whether there is a session, be it without a connection at this moment. */
  get hasSession(): boolean {
    return this.#session.id !== '';
  }

  /** Whether more can be sent now without piling up. */
  get hasRoom(): boolean {
    return this.#session.queuedBytes < WAIT_ABOVE_BYTES;
  }

  /** Calls `run` once, when there is room again, or the session has ended. @returns true */
  whenRoom(run: () => void): true {
    this.#roomWaiters.add(run);
    return true;
  }

  /** Whom its calls come from, as its last connection has proved. */
  get caller(): CallerIdentity | undefined {
    return this.#caller;
  }

  /** Counts this node's connections; later ones have higher numbers. */
  get linkNumber(): number {
    return this.#linkNumber;
  }

  /** @param fields what the frame's elements are called when one of them cannot be sent */
  encode(frame: readonly unknown[], fields?: readonly string[]): Uint8Array {
    this.loans.begin();
    try {
      return this.#endpoint.codec.encode(frame, this.#values, fields);
    } catch (error) {
      this.loans.takeBack();
      throw error;
    }
  }

  get isForSessionOnly(): boolean {
    return this.loans.isLending;
  }

  elementOf(frame: Uint8Array, index: number): EncodedValue {
    return this.#endpoint.codec.elementOf(frame, index);
  }

  release(frame: Uint8Array): void {
    this.#endpoint.codec.release(frame, this.#values);
  }

  /** One value at this moment, to be an element of a frame later. */
  encodeValue(value: unknown, name: string): EncodedValue {
    this.loans.begin();
    try {
      return this.#endpoint.codec.encodeValue(value, this.#values, name);
    } catch (error) {
      this.loans.takeBack();
      throw error;
    }
  }

  /** Takes the frame that was encoded last. @returns why it was not taken */
  send(bytes: Uint8Array, placing: Placing): CallError | undefined {
    const refusal = this.#send(bytes, placing);
    if (refusal === undefined) this.loans.sentWith(placing.key);
    else this.loans.takeBack();
    return refusal;
  }

  #send(bytes: Uint8Array, placing: Placing): CallError | undefined {
    const { name } = this.identity;
    const session = this.#session;
    if (!session.isAttached && this.#endpoint.isClosed) {
      return new Unreachable(name, 'this node has stopped');
    }
    const { mustLeave = false } = placing;
    if (!mustLeave && session.queuedBytes > OUTBOX_BYTES_MAX) {
      return new Overloaded(name, 'bytes that wait to be sent', OUTBOX_BYTES_MAX);
    }
    session.send(bytes, placing);
    if (mustLeave) this.#endIfUnread();
    if (!this.hasSession && !this.#dialing) void this.#dial();
    return undefined;
  }

  tell(
    to: Destination,
    method: string,
    message: { readonly args: readonly unknown[]; readonly caller: Caller },
  ): void {
    let refusal: CallError | undefined;
    try {
      refusal = this.outgoing.tell(to, method, message);
    } catch (error) {
      if (!isCallError(error)) throw error;
      refusal = error;
    }
    if (refusal === undefined) return;
    this.#endpoint.system.deadLetter({ to: to.address, method, reason: refusal });
  }

  /** What must not be left out, though it adds to what waits; dropped when its session is over. */
  notify(bytes: Uint8Array, key: unknown): void {
    if (!this.hasSession) return this.loans.takeBack();
    this.#session.send(bytes, { key });
    this.loans.sentWith(key);
    this.#endIfUnread();
  }

  #endIfUnread(): void {
    if (this.#session.queuedBytes <= UNREAD_BYTES_MAX) return;
    const { name } = this.identity;
    this.end(new Overloaded(name, 'bytes that it does not read', UNREAD_BYTES_MAX));
  }

  reply(frame: readonly unknown[], actor: Cell | undefined): void {
    if (!this.hasSession) return;
    let bytes: Uint8Array;
    try {
      bytes = this.encode(frame, REPLY_FIELDS);
      this.#refuseUnread(bytes);
    } catch (error) {
      bytes = this.encode(insteadOf(frame, error));
    }
    this.notify(bytes, actor);
  }

  /** @throws {Overloaded} for a large answer that would be too much, where a word of it is not */
  #refuseUnread(bytes: Uint8Array): void {
    if (bytes.length <= WHOLE_FRAME_BYTES_MAX) return;
    if (this.#session.queuedBytes + bytes.length <= UNREAD_ANSWERS_BYTES_MAX) return;
    this.loans.takeBack();
    const { name } = this.identity;
    throw new Overloaded(name, 'bytes of answers that wait to be sent', UNREAD_ANSWERS_BYTES_MAX);
  }

  /** What to go on with on a connection that is being made to this peer. */
  proposeSession(): SessionState {
    const { id: session } = this.#session;
    if (session === '') return { session, received: 0 };
    // What still came by the old connection would not be counted, and come again.
    this.#session.detach(new Error('another connection is being made'));
    this.#revival.begin(false);
    return { session, received: this.#session.received };
  }

  /** The peer is making a connection. @returns the session that it proposes, or a new one */
  admitSession(proposed: SessionState): SessionState {
    const { id: session } = this.#session;
    const isKnown = session !== '' && proposed.session === session;
    if (!isKnown || !this.#session.canGoOnFrom(proposed.received)) {
      return { session: newSessionId(), received: 0 };
    }
    this.#session.detach(new Error('the peer has made a new connection'));
    this.#revival.begin(true);
    return { session, received: this.#session.received };
  }

  /** Takes over a connection that has authenticated this very peer. */
  adopt(link: Link, { isDialler, number }: Adoption): void {
    const { session, isResumed, arrived, protocol } = link.agreement;
    const goesOn = isResumed && this.#session.id === session;
    if (goesOn !== isResumed || (goesOn && !this.#session.canGoOnFrom(arrived))) {
      const reason = new Error('the peer goes on with a session that is over here');
      link.destroy(reason);
      return this.end(reason);
    }
    if (!goesOn && this.hasSession) this.end(new Error('the peer has begun a new session'));
    this.#revival.connected();
    this.#isDialler = isDialler;
    this.#linkNumber = number;
    this.#caller = link.caller;
    this.#session.id = session;
    this.#session.protocol = protocol;
    this.#session.attach(link, arrived);
    this.#endpoint.onConnected(this);
  }

  /** Looks for signs of life: any byte of the peer's is one, a ping asks for one. */
  checkLife(now: number, { pingAfterMs, lostAfterMs }: LifeLimits): void {
    const session = this.#session;
    if (!session.isAttached) return;
    session.acknowledge();
    const silentMs = now - session.lastReceivedAt;
    if (session.tellsOfDeath || silentMs < ALIVE_MS) this.#endpoint.onAlive(this);
    if (session.tellsOfDeath) return;
    if (silentMs >= lostAfterMs) {
      session.lose(new Error(`no sign of life for ${Math.round(silentMs)} ms`));
    } else if (silentMs >= pingAfterMs) {
      session.sendOnLink(this.encode([type.PING, (this.#pings += 1)]));
    }
  }

  /**
   * Announces that this node ends: the peer begins nothing more here.
   * @returns when it waits for no answer any more, or is gone, be it that no connection was made
   *   anew in time; at once when it is of a version that knows of no announcement
   */
  leave(): Promise<void> {
    if (!this.hasSession || !this.speaks(2)) return Promise.resolve();
    this.#session.send(this.encode([type.LEAVE]), { key: this });
    return new Promise((resolve) => (this.#whenLeft = resolve));
  }

  /** Ends the session, at once; the next message begins another one. */
  end(reason: Error): void {
    const session = this.#session;
    const hadSession = this.hasSession;
    const names = this.outgoing.namesGiven;
    this.#session = this.#newSession();
    this.outgoing.beginSession();
    this.incoming.beginSession();
    this.#revival.stop();
    const { why, begun } = this.#goodbye ?? { why: reason.message, begun: Infinity };
    const lost = { names, why, cause: reason };
    const isCutOff = !session.isAttached;
    if (!isCutOff) {
      session.sendControl(this.encode([type.GOAWAY, reason.message, this.incoming.begun]));
      session.close(reason, () => this.#loseUnsent(session, lost));
    }
    if (this.#goodbye !== undefined) this.#endpoint.forget(this.identity);
    this.#goodbye = undefined;
    this.#isAskedToLeave = false;
    this.outgoing.close(undefined);
    const unsent = session.unsentCalls();
    const options = { cause: reason };
    this.outgoing.failAll((address, call) =>
      hadSession && !unsent.has(call) && call <= begun
        ? new SessionLost(address, why, options)
        : new Unreachable(address, why, options),
    );
    if (isCutOff) this.#loseTells(session, lost);
    this.incoming.dropAll(reason);
    this.channels.loseAll(why);
    this.loans.loseAll(why);
    this.#whenLeft?.();
    this.#tellOfRoom();
  }

  /** Of a session that was cut off. */
  #loseTells(session: Session, lost: Lost): void {
    const { why, cause } = lost;
    for (const { to, method } of tellsIn(session.inDoubt(), this.#readerOf(lost))) {
      this.system.deadLetter({ to, method, reason: new SessionLost(to, why, { cause }) });
    }
    this.#loseUnsent(session, lost);
  }

  /** Where a session is ended in order, what waits leaves yet, if the peer takes it in time. */
  #loseUnsent(session: Session, lost: Lost): void {
    const { why, cause } = lost;
    const tells = [...session.unsent()].filter(isTell);
    for (const { to, method } of tellsIn(tells, this.#readerOf(lost))) {
      this.system.deadLetter({ to, method, reason: new Unreachable(to, why, { cause }) });
    }
  }

  #readerOf({ names }: Lost): TellReader {
    return { codec: this.#endpoint.codec, peer: this.identity.name, names };
  }

  /** Ends the session after what was sent; the peer is told why, and what was never begun. */
  hangUp(why: string): void {
    this.incoming.refuseWaiting(new Draining(this.system.name));
    this.end(new Error(why));
  }

  #newSession(): Session {
    const session: Session = new Session(this.#endpoint.system.env, {
      memory: this.#endpoint.memory,
      frames: (bytes, isOwn) => this.#receive(bytes, isOwn),
      linkFrame: (bytes) => this.#onLinkFrame(bytes),
      arrived: (frame) => !this.outgoing.keeps(frame) && this.release(frame),
      drained: () => this.#onDrained(),
      proved: () => this.#revival.proved(),
      detached: (reason) => this.#session === session && this.#detached(reason),
      broken: (error) => this.#session === session && this.#broken(error),
    });
    return session;
  }

  #onDrained(): void {
    if (this.#roomWaiters.size > 0 && this.hasRoom) this.#tellOfRoom();
    if (!this.#isAskedToLeave || this.outgoing.callsInFlight > 0) return;
    if (this.#session.queuedBytes > 0) return; // Also tells, of which nobody hears again.
    this.#isAskedToLeave = false;
    this.#session.send(this.encode([type.LEFT]), { key: this });
  }

  #tellOfRoom(): void {
    const waiters = [...this.#roomWaiters];
    this.#roomWaiters.clear();
    for (const run of waiters) run();
  }

  /** For the first message of a session. */
  async #dial(): Promise<void> {
    this.#dialing = true;
    try {
      await this.#endpoint.dialPeer(this);
    } catch (error) {
      // A connection that the peer made in the meantime serves as well.
      if (this.hasSession) return;
      this.end(errorOf(error));
      this.#endpoint.onLost(this, false);
    } finally {
      this.#dialing = false;
    }
  }

  async #redial(): Promise<void> {
    try {
      await this.#endpoint.dialPeer(this);
    } catch (error) {
      if (this.isConnected) return;
      if (error instanceof PeerReplaced) this.end(error);
      this.#endpoint.onLost(this, false);
    }
  }

  #detached(reason: Error): void {
    const { name } = this.identity;
    this.#endpoint.system.log.info({ peer: name, reason: reason.message }, 'a connection ended');
    const isOver = this.#goodbye !== undefined || this.#session.tellsOfDeath;
    if (isOver || this.#endpoint.isClosed) this.end(reason);
    else this.#revival.begin(!this.#isDialler);
    this.#endpoint.onLost(this, true);
  }

  #broken(error: Error): void {
    const { name } = this.identity;
    this.#endpoint.system.log.error({ peer: name, error }, 'a peer broke the protocol');
    this.end(new Error('the protocol was broken', { cause: error }));
  }

  #receive(bytes: Uint8Array, isOwn: boolean): void {
    const session = this.#session;
    const ends: number[] = [];
    const { codec, memory } = this.#endpoint;
    let isKept = false;
    const keep = isOwn ? () => void (isKept = true) : undefined;
    const frames = codec.decodeSequence(bytes, this.#values, { ends, keep });
    if (isKept) memory.lend(bytes);
    else if (isOwn) memory.giveBack(bytes);
    let start = 0;
    for (let i = 0; i < frames.length; i += 1) {
      if (this.#session !== session) return; // What came before this frame has ended it.
      const end = ends[i] ?? bytes.length;
      this.incoming.measure(end - start);
      this.#dispatch(new type.FrameReader(frames[i] ?? [], end - start));
      start = end;
    }
  }

  #onLinkFrame(bytes: Uint8Array): void {
    for (const fields of this.#endpoint.codec.decodeSequence(bytes, this.#values)) {
      const frame = new type.FrameReader(fields);
      if (frame.type === type.PING) {
        this.#session.sendOnLink(this.encode([type.PONG, frame.number()]));
      } else if (frame.type !== type.PONG) {
        throw new BadFrame(`frame type ${String(frame.type)} is not about a connection`);
      }
    }
  }

  #dispatch(frame: type.FrameReader): void {
    switch (frame.type) {
      case type.CALL:
        return this.incoming.call(frame);
      case type.INVOKE:
        return this.incoming.invoke(frame);
      case type.PIPE:
        return this.incoming.pipe(frame);
      case type.CAST:
        return this.incoming.cast(frame);
      case type.RESULT: {
        const id = frame.number();
        const value = frame.any();
        return this.outgoing.succeeded(id, value);
      }
      case type.FAIL: {
        const id = frame.number();
        const error = frame.any();
        return this.outgoing.failed(id, error);
      }
      case type.CANCEL:
        return this.incoming.cancel(frame);
      case type.PROBE:
        return this.incoming.probe(frame);
      case type.BREAK:
        return this.incoming.breakWith(frame);
      case type.METHOD:
      case type.ENTITY:
        return this.incoming.name(frame);
      case type.STOP:
        return this.incoming.stop(frame);
      case type.WATCH:
        return this.incoming.watch(frame);
      case type.UNWATCH:
        return this.incoming.unwatch(frame);
      case type.DOWN:
        return this.outgoing.down(frame.number(), downReason(frame.any()));
      case type.OPEN:
      case type.ITEMS:
      case type.CREDIT:
      case type.END:
      case type.RETURN:
      case type.FORGET:
        return this.channels.receive(frame);
      case type.LEAVE:
        this.#isAskedToLeave = true;
        return this.outgoing.close(new Draining(this.identity.name));
      case type.LEFT:
        return this.#whenLeft?.();
      case type.GOAWAY:
        this.#goodbye = goodbyeOf(frame);
        return;
      default:
        if (!this.loans.receive(frame)) leaveAlone(frame.type);
    }
  }
}

function goodbyeOf(frame: type.FrameReader): { readonly why: string; readonly begun: number } {
  const why = frame.text();
  const begun = frame.any(); // Version 1 does not say.
  return { why, begun: typeof begun === 'number' ? begun : Infinity };
}

/** @throws {BadFrame} unless frames of that type can be done without */
function leaveAlone(frameType: unknown): void {
  if (typeof frameType === 'number' && frameType >= OPTIONAL_TYPES_FROM) return;
  throw new BadFrame(`unknown frame type ${String(frameType)}`);
}

/** What is sent when the outcome itself cannot travel. */
function insteadOf(frame: readonly unknown[], error: unknown): readonly unknown[] {
  const [kind, id] = frame;
  if (kind === type.RESULT) return [type.FAIL, id, insteadOfOutcome(error)];
  const stand = new RemoteError('Error', 'the error could not be sent', undefined);
  return kind === type.DOWN ? [kind, id, { kind: 'failed', error: stand }] : [type.FAIL, id, stand];
}
