import {
  type CallError,
  type DownReason,
  Overloaded,
  RemoteError,
  SessionLost,
  Unreachable,
} from '@troupe/actor';
import { isCallError, NotSerializable } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import type { CallerIdentity } from './caller.ts';
import { Channels } from './channels.ts';
import type { Endpoint } from './endpoint.ts';
import * as type from './frames.ts';
import { Incoming } from './incoming.ts';
import type { PeerIdentity } from './handshake.ts';
import type { Link } from './link.ts';
import { type Destination, Outgoing } from './outgoing.ts';
import { Values } from './values.ts';

/** What may wait for a connection, or for a slow one to take it. */
const UNSENT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Another node, in one incarnation, as seen from here. Messages leave over the one connection to
 * it; while there is none, the first message dials and the others wait behind it in order. When a
 * connection is lost, all that was under way is told so, and the next message dials anew.
 */
export class Peer {
  readonly identity: PeerIdentity;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  readonly channels: Channels;
  readonly #values: Values;
  readonly #endpoint: Endpoint;
  #link: Link | undefined;
  #linkNumber = 0;
  #dialing = false;
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  /** What the peer said when it hung up. */
  #goodbye: string | undefined;
  #pings = 0;

  constructor(endpoint: Endpoint, identity: PeerIdentity) {
    const { system } = endpoint;
    this.#endpoint = endpoint;
    this.identity = identity;
    this.channels = new Channels(endpoint, this);
    this.#values = new Values(endpoint, this);
    this.outgoing = new Outgoing(this, system.deadlines, system.callTimeoutMs);
    this.incoming = new Incoming(system, endpoint.router, this);
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Whom its calls come from, as the connection has proved; undefined while there is none. */
  get caller(): CallerIdentity | undefined {
    return this.#link?.caller;
  }

  /** Counts this node's connections; later ones have higher numbers. */
  get linkNumber(): number {
    return this.#linkNumber;
  }

  /** @param fields what the frame's elements are called when one of them cannot be sent */
  encode(frame: readonly unknown[], fields?: readonly string[]): Uint8Array {
    return this.#endpoint.codec.encode(frame, this.#values, fields);
  }

  send(bytes: Uint8Array): CallError | undefined {
    const { name } = this.identity;
    if (this.#link !== undefined) {
      if (this.#link.bufferedBytes > UNSENT_BYTES_MAX) {
        return new Overloaded(name, 'bytes that wait to be sent', UNSENT_BYTES_MAX);
      }
      this.#link.send(bytes);
      return undefined;
    }
    if (this.#endpoint.isClosed) return new Unreachable(name, 'this node has stopped');
    if (this.#unsentBytes + bytes.length > UNSENT_BYTES_MAX) {
      return new Overloaded(name, 'bytes that wait for a connection', UNSENT_BYTES_MAX);
    }
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    if (!this.#dialing) void this.#dial();
    return undefined;
  }

  tell(to: Destination, method: string, args: readonly unknown[]): void {
    let refusal: CallError | undefined;
    try {
      refusal = this.outgoing.tell(to, method, args);
    } catch (error) {
      if (!isCallError(error)) throw error;
      refusal = error;
    }
    if (refusal === undefined) return;
    this.#endpoint.system.deadLetter({ to: to.address, method, reason: refusal });
  }

  /** Sends only if a connection stands: what it is about ended with the last one. */
  notify(frame: readonly unknown[]): void {
    this.#link?.send(this.encode(frame));
  }

  reply(frame: readonly unknown[]): void {
    if (this.#link === undefined) return;
    try {
      this.notify(frame);
    } catch (error) {
      this.notify(insteadOf(frame, error));
    }
  }

  /** Takes over a connection that has authenticated this very peer. */
  adopt(link: Link, number: number): void {
    const replaced = this.#link;
    if (replaced !== undefined) {
      // The peer would not have made another one, had it not lost this one.
      this.#lost(replaced, new Error('the peer has made a new connection'));
      replaced.destroy(new Error('the peer has made a new connection'));
    }
    this.#link = link;
    this.#linkNumber = number;
    this.#goodbye = undefined;
    link.start({
      frames: (bytes) => this.#receive(link, bytes),
      closed: (reason) => this.#lost(link, reason),
    });
    const unsent = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    for (const bytes of unsent) link.send(bytes);
    this.#endpoint.onConnected(this);
  }

  /** Looks for signs of life: any byte of the peer's is one, a ping asks for one. */
  checkLife(
    now: number,
    limits: { readonly pingAfterMs: number; readonly lostAfterMs: number },
  ): void {
    const link = this.#link;
    if (link === undefined) return;
    if (link.tellsOfDeath) return this.#endpoint.onAlive(this);
    const silentMs = now - link.lastReceivedAt;
    if (silentMs >= limits.lostAfterMs) {
      link.destroy(new Error(`no sign of life for ${Math.round(silentMs)} ms`));
    } else if (silentMs >= limits.pingAfterMs) {
      link.send(this.encode([type.PING, (this.#pings += 1)]), 'control');
    }
  }

  /** Ends the connection at once: something was lost that must not be. */
  disconnect(reason: Error): void {
    this.#link?.destroy(reason);
  }

  /** Ends the connection after what was sent; the peer is told why. */
  hangUp(why: string): void {
    const link = this.#link;
    if (link === undefined) return;
    link.send(this.encode([type.GOAWAY, why]));
    link.close(new Error(why));
  }

  async #dial(): Promise<void> {
    this.#dialing = true;
    try {
      await this.#endpoint.dialPeer(this);
    } catch (error) {
      // A connection that the peer made in the meantime serves as well.
      if (this.#link === undefined) this.#giveUp(error);
    } finally {
      this.#dialing = false;
    }
  }

  #giveUp(cause: unknown): void {
    this.#unsent = [];
    this.#unsentBytes = 0;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.outgoing.failAll((address) => new Unreachable(address, reason, { cause }));
    this.channels.loseAll(reason);
    this.#endpoint.onLost(this, false);
  }

  #lost(link: Link, reason: Error): void {
    if (this.#link !== link) return; // Its end has been seen to.
    this.#link = undefined;
    const why = this.#goodbye ?? reason.message;
    this.outgoing.failAll((address) => new SessionLost(address, why, { cause: reason }));
    this.incoming.dropAll(reason);
    this.channels.loseAll(why);
    this.#endpoint.onLost(this, true);
  }

  #receive(link: Link, bytes: Uint8Array): void {
    try {
      for (const frame of this.#endpoint.codec.decodeSequence(bytes, this.#values)) {
        this.#dispatch(new type.FrameReader(frame));
      }
    } catch (error) {
      const { name } = this.identity;
      this.#endpoint.system.env.log.error({ peer: name, error }, 'a peer broke the protocol');
      this.hangUp('the protocol was broken');
      link.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #dispatch(frame: type.FrameReader): void {
    switch (frame.type) {
      case type.CALL:
        return this.incoming.call(frame);
      case type.CAST:
        return this.incoming.cast(frame);
      case type.RESULT: {
        const id = frame.number();
        const value = frame.any();
        return this.outgoing.settle(id, (call) => call.resolve(value));
      }
      case type.FAIL: {
        const id = frame.number();
        const error = frame.any();
        return this.outgoing.settle(id, (call) => call.reject(error));
      }
      case type.CANCEL:
        return this.incoming.cancel(frame);
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
        return this.channels.receive(frame);
      case type.PING:
        return this.#link?.send(this.encode([type.PONG, frame.number()]), 'control');
      case type.PONG:
        return; // Its bytes were the sign of life.
      case type.GOAWAY:
        this.#goodbye = frame.text();
        return;
      default:
        throw new BadFrame(`unknown frame type ${String(frame.type)}`);
    }
  }
}

/** What is sent when the outcome itself cannot travel. */
function insteadOf(frame: readonly unknown[], error: unknown): readonly unknown[] {
  const [kind, id] = frame;
  if (kind === type.RESULT && error instanceof NotSerializable) {
    return [type.FAIL, id, new NotSerializable(error.path, error.issue, 'yes')];
  }
  const stand = new RemoteError('Error', 'the error could not be sent', undefined);
  return kind === type.DOWN ? [kind, id, { kind: 'failed', error: stand }] : [type.FAIL, id, stand];
}

function downReason(value: unknown): DownReason {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const error: unknown = 'error' in value ? value.error : undefined;
    if (value.kind === 'stopped' || value.kind === 'no-actor') return { kind: value.kind };
    if (value.kind === 'failed' || value.kind === 'node-down') return { kind: value.kind, error };
  }
  throw new BadFrame('a down frame without a reason');
}
