import { NotSerializable, Overloaded } from '@troupe/actor';
import { channelBehind, ChannelCore, receiverOf, senderOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { Location } from './channel-table.ts';
import type { Endpoint } from './endpoint.ts';
import { CREDIT, END, FORGET, type FrameReader, ITEMS, OPEN, RETURN } from './frames.ts';
import { type EndWire, type HomeEnd, HomeReceiverEnd, HomeSenderEnd } from './home-end.ts';
import { identityOf, listOf } from './identity.ts';
import { LeavingEnds } from './leaving-ends.ts';
import type { Peer } from './peer.ts';
import {
  type RemoteEnd,
  RemoteReceiverEnd,
  RemoteSenderEnd,
  type RemoteWire,
} from './remote-end.ts';

/** Ends of one node's channels that another one may have open. */
const ENDS_MAX = 65_536;
const OPEN_ENDS = 'ends of its channels that are open here';
const LEAVING_ENDS = 'ends that are open, or over and wait for room';

/** How an END came about. */
const CLOSED = 0;
const CLOSED_WITH_ERROR = 1;
const UNKNOWN = 2;
const LET_GO = 3;

/** What is kept of an end that has arrived, for as long as that may be used. */
interface Holding {
  readonly location: Location;
  readonly end: WeakRef<RemoteEnd>;
  /** The same while something is under way: then it is kept though nobody refers to it. */
  kept: RemoteEnd | undefined;
  /** How often its home has given it to this node. */
  count: number;
}

/**
 * The channel ends between this node and one peer. Whichever side opens an end numbers it; the
 * lowest bit of the number on the wire says which side speaks: 0 the opener, 1 the home.
 */
export class Channels {
  readonly #endpoint: Endpoint;
  readonly #peer: Peer;
  /** Opened by the peer, of channels that live here. */
  readonly #homeEnds = new Map<number, { readonly end: HomeEnd; readonly channel: number }>();
  /** Over, of channels that live here and had no room yet for all that came. */
  readonly #leaving: LeavingEnds;
  /** Opened from here, of channels that live there. */
  readonly #remoteEnds = new Map<number, Holding>();
  /** Those that may be used yet, by what they are ends of: the same end arrives many times. */
  readonly #byLocation = new Map<string, Holding>();
  #lastNumber = 0;

  constructor(endpoint: Endpoint, peer: Peer) {
    this.#endpoint = endpoint;
    this.#peer = peer;
    this.#leaving = new LeavingEnds(endpoint.table.leftovers);
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
    if (this.#endpoint.isSelf(home)) {
      this.#peer.loans.unlessSent(() => table.forgotten(id, this.#peer, 1));
      return fields;
    }
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
      : this.#endpoint.peerOf(home, this.#peer).channels.#remoteCore(location, rest.length === 0);
    return location.role === 'send' ? senderOf(core) : receiverOf(core);
  }

  /** Ends that are open, of channels here and there, and those that wait for room. */
  get open(): number {
    return this.#homeEnds.size + this.#leaving.size + this.#remoteEnds.size;
  }

  receive(frame: FrameReader): void {
    const wireId = frame.number();
    if (frame.type === FORGET) {
      return this.#endpoint.table.forgotten(wireId, this.#peer, frame.number());
    }
    const number = Math.floor(wireId / 2);
    if (frame.type === OPEN) return this.#open(number, frame);
    const isFromHome = wireId % 2 === 1;
    // An end that is over here may still be spoken to by a peer that has not heard of it.
    const end = isFromHome ? endOf(this.#remoteEnds.get(number)) : this.#homeEnds.get(number)?.end;
    if (end === undefined) {
      // Of one that nobody refers to any more, and that is about to be let go.
      if (isFromHome && frame.type === END) this.#over(number);
      return;
    }
    if (frame.type === ITEMS) return end.items(frame.list(), frame.bytes);
    if (frame.type === CREDIT) return end.credit(frame.number(), frame.number());
    if (frame.type === RETURN) return end.returned(frame.number());
    this.#onEnd(number, end, frame);
  }

  /** The peer is out of reach. */
  loseAll(reason: string): void {
    // Of those that nobody has used yet, the ones that came with the session end with it too.
    const unused = [...this.#byLocation.values()].filter(({ count }) => count > 0);
    const remoteEnds = new Set([...this.#remoteEnds.values(), ...unused]);
    const homeEnds = [...this.#homeEnds.values()].map(({ end }) => end);
    this.#remoteEnds.clear();
    this.#homeEnds.clear();
    for (const holding of remoteEnds) {
      const end = endOf(holding);
      holding.count = 0;
      holding.kept = undefined;
      end?.lost(reason);
    }
    this.#leaving.loseAll(homeEnds);
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

  /** @param isGiven whether the home itself has sent it, which counts how often it did */
  #remoteCore(location: Location, isGiven: boolean): ChannelCore<unknown> {
    const key = keyOf(location);
    let holding = this.#byLocation.get(key);
    let end = endOf(holding);
    if (holding === undefined || end === undefined) {
      end = this.#remoteEnd(location);
      holding = this.#byLocation.get(key);
    }
    if (isGiven && holding !== undefined) holding.count += 1;
    return end.core;
  }

  #remoteEnd(location: Location): RemoteEnd {
    const { env } = this.#endpoint.system;
    const number = (this.#lastNumber += 1);
    const wire: RemoteWire = {
      ...this.#wire(number * 2, () => this.#over(number)),
      open: () => {
        this.#remoteEnds.set(number, holding);
        const { id, role, token } = location;
        this.#send([OPEN, number * 2, id, role === 'send', token], number * 2);
      },
      refusal: () => {
        if (this.#remoteEnds.size < ENDS_MAX) return undefined;
        return new Overloaded(this.#peer.identity.name, OPEN_ENDS, ENDS_MAX);
      },
      keep: (isBusy) => {
        if (isBusy) holding.kept = end;
        else if (env.whenCollected !== undefined) holding.kept = undefined;
      },
      letGo: () => this.#letGo(number, holding),
    };
    const end: RemoteEnd =
      location.role === 'send'
        ? new RemoteSenderEnd(location.capacity, env, wire)
        : new RemoteReceiverEnd(location.capacity, env, wire);
    const holding: Holding = { location, end: new WeakRef(end), kept: undefined, count: 0 };
    this.#endpoint.table.remember(end.core, location);
    this.#byLocation.set(keyOf(location), holding);
    this.#forgetWith(end.core, number, holding);
    return end;
  }

  /** Apart from where an end is made: what waits for its collection must not refer to it. */
  #forgetWith(core: ChannelCore<unknown>, number: number, holding: Holding): void {
    core.whenClosed(() => this.#forgetLocation(holding));
    this.#endpoint.system.env.whenCollected?.(core, () => this.#letGo(number, holding));
  }

  /** Nothing more is said about it. What waits for its collection must not keep it from that. */
  #over(number: number): boolean {
    const holding = this.#remoteEnds.get(number);
    if (holding !== undefined) holding.kept = undefined;
    return this.#remoteEnds.delete(number);
  }

  #forgetLocation(holding: Holding): void {
    const key = keyOf(holding.location);
    if (this.#byLocation.get(key) === holding) this.#byLocation.delete(key);
  }

  /** Nobody here uses the end any more; the channel goes on. */
  #letGo(number: number, holding: Holding): void {
    const { location, count } = holding;
    this.#forgetLocation(holding);
    holding.count = 0;
    const isOpen = this.#over(number);
    if (!this.#peer.hasSession) return;
    // Version 1 takes it for a close when a sender ends, and counts no ends.
    const how = location.role === 'send' ? LET_GO : CLOSED;
    const isKnown = how === CLOSED || this.#peer.speaks(2);
    if (isOpen && isKnown) this.#send([END, number * 2, how], number * 2);
    if (count > 0 && this.#peer.speaks(2)) this.#send([FORGET, location.id, count], number * 2);
  }

  #open(number: number, frame: FrameReader): void {
    const id = frame.number();
    const sends = frame.any() === true;
    const { table } = this.#endpoint;
    const core = table.find(id, frame.text());
    const wire = this.#wire(number * 2 + 1, () => this.#closeHomeEnd(number));
    if (core === 'closed') return wire.end(undefined);
    if (core === undefined) return this.#send([END, number * 2 + 1, UNKNOWN], number * 2 + 1);
    if (this.#homeEnds.size >= 2 * ENDS_MAX) throw new BadFrame('more open ends than any node has');
    if (this.#homeEnds.has(number)) throw new BadFrame(`end ${number} is open already`);
    if (this.#homeEnds.size + this.#leaving.size >= 2 * ENDS_MAX) {
      return wire.end(new Overloaded(this.#endpoint.system.name, LEAVING_ENDS, 2 * ENDS_MAX));
    }
    table.opened(id, this.#peer);
    const end = sends ? new HomeSenderEnd(core, wire) : new HomeReceiverEnd(core, wire);
    this.#homeEnds.set(number, { end, channel: id });
  }

  #closeHomeEnd(number: number): void {
    const open = this.#homeEnds.get(number);
    this.#homeEnds.delete(number);
    if (open !== undefined) this.#endpoint.table.forgotten(open.channel, this.#peer, 1);
  }

  #onEnd(number: number, end: HomeEnd | RemoteEnd, frame: FrameReader): void {
    const how = frame.number();
    const error = how === CLOSED_WITH_ERROR ? frame.any() : undefined;
    if ('close' in end) {
      this.#closeHomeEnd(number);
      if (how === LET_GO) end.lost();
      else end.close(error);
      return this.#leaving.add(end);
    }
    this.#over(number);
    if (how === UNKNOWN) end.lost('its home knows no such channel');
    else end.closed(error);
  }

  /** Elements must not be left out: rather than that, the session ends, on both sides. */
  #send(frame: readonly unknown[], wireId: number): void {
    const placing = { key: wireId, mustLeave: true };
    const refusal = this.#peer.send(this.#peer.encode(frame), placing);
    if (refusal !== undefined) this.#peer.end(refusal);
  }

  #wire(wireId: number, over: () => void): EndWire {
    return {
      hasRoom: (run) => this.#peer.hasRoom || !this.#peer.whenRoom(run),
      credit: (count, extra) => this.#send([CREDIT, wireId, count, extra], wireId),
      encode: (value) => this.#peer.encodeValue(value, 'element'),
      items: (values) => this.#send([ITEMS, wireId, values], wireId),
      canReturn: () => this.#peer.speaks(2),
      giveBack: (taken) => this.#send([RETURN, wireId, taken], wireId),
      end: (error) => {
        over();
        const how = error === undefined ? [CLOSED] : [CLOSED_WITH_ERROR, error];
        this.#send([END, wireId, ...how], wireId);
      },
    };
  }
}

function keyOf({ id, role, capacity, token }: Location): string {
  return `${id} ${role} ${capacity} ${token}`;
}

function endOf(holding: Holding | undefined): RemoteEnd | undefined {
  return holding?.kept ?? holding?.end.deref();
}
