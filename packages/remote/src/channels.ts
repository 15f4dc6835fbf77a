import { randomBytes } from 'node:crypto';
import { NotSerializable, Overloaded } from '@troupe/actor';
import { channelBehind, ChannelCore, receiverOf, senderOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { Endpoint } from './endpoint.ts';
import { CREDIT, END, type FrameReader, ITEMS, OPEN } from './frames.ts';
import type { PeerIdentity } from './handshake.ts';
import { type EndWire, type HomeEnd, HomeReceiverEnd, HomeSenderEnd } from './home-end.ts';
import { identityOf, listOf } from './identity.ts';
import type { Peer } from './peer.ts';
import {
  type RemoteEnd,
  RemoteReceiverEnd,
  RemoteSenderEnd,
  type RemoteWire,
} from './remote-end.ts';

const TOKEN_BYTES = 16;
/** Ends of one node's channels that another one may have open. */
const ENDS_MAX = 65_536;
const OPEN_ENDS = 'ends of its channels that are open here';

/** How an END came about. */
const CLOSED = 0;
const CLOSED_WITH_ERROR = 1;
const UNKNOWN = 2;

type Role = 'send' | 'receive';

/** Names one end of one channel anywhere. Whoever knows the token may use that end. */
interface Location {
  readonly home: PeerIdentity;
  readonly id: number;
  readonly role: Role;
  readonly capacity: number;
  readonly token: string;
}

interface Exported {
  readonly core: ChannelCore<unknown>;
  readonly token: string;
  /** An end to receive by was given away: what is unread at the close may be fetched yet. */
  isReadElsewhere: boolean;
  /** Peers that were given an end, or opened one; without any, nobody can come for it any more. */
  readonly holders: Set<Peer>;
  /** Takes the table's callback out of the channel. */
  forget: () => void;
}

/** The channels of one node that have left it, and the ends it holds of channels elsewhere. */
export class ChannelTable {
  readonly #endpoint: Endpoint;
  readonly #exported = new Map<number, Exported>();
  readonly #ids = new WeakMap<ChannelCore<unknown>, number>();
  readonly #remote = new WeakMap<ChannelCore<unknown>, Location>();
  #lastId = 0;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** Channels of this node that others may know. */
  get size(): number {
    return this.#exported.size;
  }

  locate(core: ChannelCore<unknown>, role: Role, holder: Peer): Location {
    const remote = this.#remote.get(core);
    if (remote !== undefined) return remote;
    const isRead = role === 'receive';
    const id = this.#ids.get(core) ?? this.#export(core, isRead);
    const exported = this.#exported.get(id);
    exported?.holders.add(holder);
    if (exported !== undefined && isRead) exported.isReadElsewhere = true;
    const { home } = this;
    return { home, id, role, capacity: core.capacity, token: exported?.token ?? '' };
  }

  get home(): PeerIdentity {
    return this.#endpoint.identity;
  }

  /** @returns 'closed' for a channel that was, but is no more */
  find(id: number, token: string, holder?: Peer): ChannelCore<unknown> | 'closed' | undefined {
    const exported = this.#exported.get(id);
    if (exported === undefined) return id <= this.#lastId ? 'closed' : undefined;
    if (exported.token !== token) return undefined;
    if (holder !== undefined) exported.holders.add(holder);
    return exported.core;
  }

  remember(core: ChannelCore<unknown>, location: Location): void {
    this.#remote.set(core, location);
  }

  /** The peer is gone, and what it held with it. */
  release(peer: Peer): void {
    for (const [id, { holders }] of this.#exported) {
      if (holders.delete(peer) && holders.size === 0) this.#withdraw(id);
    }
  }

  #export(core: ChannelCore<unknown>, isReadElsewhere: boolean): number {
    const id = (this.#lastId += 1);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const exported: Exported = { core, token, isReadElsewhere, holders: new Set(), forget() {} };
    this.#ids.set(core, id);
    this.#exported.set(id, exported);
    const withdraw = (): void => this.#withdraw(id);
    exported.forget = core.whenClosed(() => {
      if (exported.isReadElsewhere) core.whenDrained(withdraw);
      else withdraw();
    });
    return id;
  }

  /** Nobody can come for it any more; should it leave once more, it gets another number. */
  #withdraw(id: number): void {
    const exported = this.#exported.get(id);
    if (exported === undefined) return;
    exported.forget();
    this.#exported.delete(id);
    this.#ids.delete(exported.core);
  }
}

/**
 * The channel ends between this node and one peer. Whichever side opens an end numbers it; the
 * lowest bit of the number on the wire says which side speaks: 0 the opener, 1 the home.
 */
export class Channels {
  readonly #endpoint: Endpoint;
  readonly #peer: Peer;
  /** Opened by the peer, of channels that live here. */
  readonly #homeEnds = new Map<number, HomeEnd>();
  /** Opened from here, of channels that live there. */
  readonly #remoteEnds = new Map<number, RemoteEnd>();
  /** Those that may be used yet, by what they are ends of: the same end arrives many times. */
  readonly #byLocation = new Map<string, WeakRef<RemoteEnd>>();
  #lastNumber = 0;

  constructor(endpoint: Endpoint, peer: Peer) {
    this.#endpoint = endpoint;
    this.#peer = peer;
  }

  /** @returns undefined when `value` is no end of a channel */
  dehydrate(value: object): unknown {
    const behind = channelBehind(value);
    if (behind === undefined) return undefined;
    if (behind.end === 'both') {
      throw new NotSerializable('a channel', 'pass on its .sender or its .receiver');
    }
    const { table } = this.#endpoint;
    const { home, id, role, capacity, token } = table.locate(behind.core, behind.end, this.#peer);
    const fields = [id, role === 'send', capacity, token];
    if (this.#endpoint.isSelf(home)) return fields;
    return [...fields, home.name, home.incarnation, home.address];
  }

  hydrate(content: unknown): unknown {
    const [id, sends, capacity, token, ...rest] = listOf(content);
    if (typeof id !== 'number' || typeof capacity !== 'number' || typeof token !== 'string') {
      throw new BadFrame('channel end');
    }
    const home = rest.length === 0 ? this.#peer.identity : identityOf(rest);
    const location: Location = {
      home,
      id,
      capacity,
      token,
      role: sends === true ? 'send' : 'receive',
    };
    const core = this.#endpoint.isSelf(home)
      ? this.#ownCore(location)
      : this.#endpoint.peerOf(home).channels.#remoteEndAt(location).core;
    return location.role === 'send' ? senderOf(core) : receiverOf(core);
  }

  /** Ends that are open, of channels here and there. */
  get open(): number {
    return this.#homeEnds.size + this.#remoteEnds.size;
  }

  receive(frame: FrameReader): void {
    const wireId = frame.number();
    const number = Math.floor(wireId / 2);
    if (frame.type === OPEN) return this.#open(number, frame);
    const isFromHome = wireId % 2 === 1;
    // An end that is over here may still be spoken to by a peer that has not heard of it.
    const end = isFromHome ? this.#remoteEnds.get(number) : this.#homeEnds.get(number);
    if (end === undefined) return;
    if (frame.type === ITEMS) return end.items(frame.list());
    if (frame.type === CREDIT) return end.credit(frame.number(), frame.number());
    this.#onEnd(number, end, frame);
  }

  /** The peer is out of reach. */
  loseAll(reason: string): void {
    const remoteEnds = [...this.#remoteEnds.values()];
    const homeEnds = [...this.#homeEnds.values()];
    this.#remoteEnds.clear();
    this.#homeEnds.clear();
    for (const end of remoteEnds) end.lost(reason);
    for (const end of homeEnds) end.lost();
    this.#endpoint.table.release(this.#peer);
  }

  /** An end that comes home; of a channel that is no more, an end that is closed. */
  #ownCore({ id, token }: Location): ChannelCore<unknown> {
    const core = this.#endpoint.table.find(id, token);
    if (core !== undefined && core !== 'closed') return core;
    const closed = new ChannelCore<unknown>(0, this.#endpoint.system.env);
    closed.close();
    return closed;
  }

  #remoteEndAt(location: Location): RemoteEnd {
    const { id, role, capacity, token } = location;
    const key = `${id} ${role} ${capacity} ${token}`;
    const known = this.#byLocation.get(key)?.deref();
    if (known !== undefined) return known;
    const end = this.#remoteEnd(location);
    const ref = new WeakRef(end);
    this.#byLocation.set(key, ref);
    const forget = (): void => {
      if (this.#byLocation.get(key) === ref) this.#byLocation.delete(key);
    };
    end.core.whenClosed(forget);
    this.#endpoint.system.env.whenCollected?.(end, forget);
    return end;
  }

  #remoteEnd(location: Location): RemoteEnd {
    const { env } = this.#endpoint.system;
    const number = (this.#lastNumber += 1);
    const wire: RemoteWire = {
      ...this.#wire(number * 2, () => this.#remoteEnds.delete(number)),
      open: () => {
        this.#remoteEnds.set(number, end);
        const { id, role, token } = location;
        this.#send([OPEN, number * 2, id, role === 'send', token], number * 2);
      },
      refusal: () => {
        if (this.#remoteEnds.size < ENDS_MAX) return undefined;
        return new Overloaded(this.#peer.identity.name, OPEN_ENDS, ENDS_MAX);
      },
    };
    const end: RemoteEnd =
      location.role === 'send'
        ? new RemoteSenderEnd(location.capacity, env, wire)
        : new RemoteReceiverEnd(location.capacity, env, wire);
    this.#endpoint.table.remember(end.core, location);
    return end;
  }

  #open(number: number, frame: FrameReader): void {
    const id = frame.number();
    const sends = frame.any() === true;
    const core = this.#endpoint.table.find(id, frame.text(), this.#peer);
    const wire = this.#wire(number * 2 + 1, () => this.#homeEnds.delete(number));
    if (core === 'closed') return wire.end(undefined);
    if (core === undefined) return this.#send([END, number * 2 + 1, UNKNOWN], number * 2 + 1);
    if (this.#homeEnds.size >= 2 * ENDS_MAX) throw new BadFrame('more open ends than any node has');
    const end = sends ? new HomeSenderEnd(core, wire) : new HomeReceiverEnd(core, wire);
    this.#homeEnds.set(number, end);
  }

  #onEnd(number: number, end: HomeEnd | RemoteEnd, frame: FrameReader): void {
    const how = frame.number();
    const error = how === CLOSED_WITH_ERROR ? frame.any() : undefined;
    if ('close' in end) {
      this.#homeEnds.delete(number);
      end.close(error);
      return;
    }
    this.#remoteEnds.delete(number);
    if (how === UNKNOWN) end.lost('its home knows no such channel');
    else end.closed(error);
  }

  /** Elements must not be left out: rather than that, the session ends, on both sides. */
  #send(frame: readonly unknown[], wireId: number): void {
    const refusal = this.#peer.send(this.#peer.encode(frame), { key: wireId });
    if (refusal !== undefined) this.#peer.end(refusal);
  }

  #wire(wireId: number, over: () => void): EndWire {
    return {
      hasRoom: (run) => this.#peer.hasRoom || !this.#peer.whenRoom(run),
      credit: (count, extra) => this.#send([CREDIT, wireId, count, extra], wireId),
      encode: (value) => this.#peer.encodeValue(value, 'element'),
      items: (values) => this.#send([ITEMS, wireId, values], wireId),
      end: (error) => {
        over();
        const how = error === undefined ? [CLOSED] : [CLOSED_WITH_ERROR, error];
        this.#send([END, wireId, ...how], wireId);
      },
    };
  }
}
