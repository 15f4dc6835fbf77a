import type { Env, Timer } from '@troupe/actor';
import {
  BadPacket,
  decodePacket,
  encodePacket,
  Gossip,
  type GossipEvent,
  type GossipOptions,
  type Input,
  type Output,
  type Packet,
  type Way,
} from '@troupe/gossip';
import type { DatagramSocket } from '@troupe/remote';
import { ForeignPackets } from './foreign-packets.ts';
import type { NodeId } from './member.ts';
import { DATAGRAM_BYTES_MAX, type Keys, Sealer } from './sealer.ts';

/** Packets that may be under way by stream at once; more are dropped, as a network would. */
const STREAMS_MAX = 256;
/** Answers to answers that are waited for: whole views take three. */
const ROUNDS_MAX = 8;
/** Of what goes back in one answer; an exchange carries 4 MiB, and what is more goes by itself. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;
/** A timer that is later than this lets what waits in sockets be read first. */
const LATE_MS = 20;
/** Stands in for the address of a node that listens nowhere: only it can make connections. */
const NOWHERE = '~';

/** A packet that goes by stream, and the way that it was meant to go. */
export interface Parcel {
  readonly via: Way;
  readonly packet: Uint8Array;
}

/** What became of a packet sent by stream: what came back, or nothing. */
export type Delivery =
  | { readonly kind: 'answered'; readonly parcels: readonly Parcel[] }
  /** `refused`: its host says that nobody listens there. */
  | { readonly kind: 'refused' | 'failed' };

/** Packets since the start. */
export interface GossipCounters {
  readonly sent: number;
  readonly received: number;
  readonly sentByStream: number;
  readonly receivedByStream: number;
  /** Dropped: sealed with no key on the ring. */
  readonly foreign: number;
  /** Dropped: sealed with a known key, and not as they arrived; or no packets at all. */
  readonly damaged: number;
  /** Dropped: they had arrived before. */
  readonly replayed: number;
  /** Never sent: too much was under way. */
  readonly dropped: number;
}

export const NO_PACKETS: GossipCounters = {
  sent: 0,
  received: 0,
  sentByStream: 0,
  receivedByStream: 0,
  foreign: 0,
  damaged: 0,
  replayed: 0,
  dropped: 0,
};

/** Gossip at work, on the main loop or on a thread. */
export interface GossipRunner {
  readonly counters: GossipCounters;
  input(input: Input): void;
  /**
   * What another member has sent by stream.
   * @returns what goes back the same way
   */
  accept(from: string, parcel: Parcel): readonly Parcel[] | Promise<readonly Parcel[]>;
  /**
   * Resolves when what is under way by stream has been answered, and what has followed from that,
   * up to eight times; there may be something new under way by then.
   */
  settled(): Promise<void>;
  /** Says goodbye. */
  leave(): Promise<void>;
  stop(): void | Promise<void>;
}

export interface EngineOptions extends Omit<GossipOptions, 'random' | 'nowMs'> {
  readonly env: Pick<Env, 'now' | 'setTimer' | 'afterIo' | 'random'>;
  /** Undefined: nothing is sealed, so nothing goes by datagram. */
  readonly keys: Keys | undefined;
  /** Carries a packet by stream; never rejects. */
  readonly deliver: (to: string, parcel: Parcel) => Promise<Delivery>;
  readonly onEvent: (event: GossipEvent) => void;
  /** Addresses to keep a connection to. */
  readonly onWatch: (addresses: readonly string[]) => void;
  /** So many packets came from `address` that were sealed with no key on the ring. */
  readonly onForeign: (address: string, packets: number) => void;
  /** From now on this node speaks of itself with these; nothing of it has been sent yet. */
  readonly onWord?: (generation: number, incarnation: number) => void;
}

/**
 * The gossip core come to life: it is given the time, its packets are sealed and carried, and what
 * arrives is opened and given to it. Where a datagram cannot go, the packet goes by stream.
 */
export class GossipEngine implements GossipRunner {
  readonly #options: EngineOptions;
  readonly #gossip: Gossip;
  readonly #sealer: Sealer | undefined;
  readonly #foreign: ForeignPackets;
  readonly #underWay = new Set<Promise<void>>();
  readonly #counters: { -readonly [name in keyof GossipCounters]: number } = { ...NO_PACKETS };
  #socket: DatagramSocket | undefined;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #isStopped = false;
  #isSeeking = false;

  constructor(options: EngineOptions) {
    const { env, keys } = options;
    this.#options = options;
    this.#sealer = keys === undefined ? undefined : new Sealer(keys);
    this.#foreign = new ForeignPackets(options.onForeign);
    this.#gossip = new Gossip({ ...options, random: () => env.random(), nowMs: env.now() });
    this.#showWord();
    this.#schedule();
  }

  get counters(): GossipCounters {
    return { ...this.#counters };
  }

  /** From now on datagrams go by this socket. */
  open(socket: DatagramSocket): void {
    this.#socket = socket;
  }

  input(input: Input): void {
    if (this.#isStopped) return;
    if (input.kind === 'join') this.#isSeeking = input.seeds.length > 0;
    for (const output of this.#step(input)) this.#carryOut(output);
  }

  async settled(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX && this.#underWay.size > 0; round += 1) {
      await Promise.all(this.#underWay);
    }
  }

  /** What has arrived by the socket. */
  receive(source: string, sealed: Uint8Array): void {
    if (this.#isStopped || this.#sealer === undefined) return;
    const opened = this.#sealer.open(sealed);
    if (typeof opened === 'string') {
      this.#counters[opened] += 1;
      if (opened === 'foreign') this.#foreign.note(this.#options.env.now(), source);
      return;
    }
    const packet = this.#decode(opened);
    if (packet === undefined) return;
    this.#counters.received += 1;
    const sender = this.#gossip.get(packet.from);
    const isKnown = sender?.generation === packet.generation;
    // Behind a translation of addresses a member is still known by the one that it has told.
    const from = isKnown ? sender.address : source;
    this.input({ kind: 'packet', via: 'datagram', from, packet });
  }

  /** A peer's word is checked, and worth nothing if it is bad. */
  accept(from: string, parcel: Parcel): readonly Parcel[] {
    if (this.#isStopped) return [];
    const packet = this.#decode(parcel.packet);
    if (packet === undefined) return [];
    this.#counters.receivedByStream += 1;
    const answers: Parcel[] = [];
    let bytes = 0;
    for (const output of this.#step({ kind: 'packet', via: parcel.via, from, packet })) {
      const goesBack =
        output.kind === 'send' &&
        output.to === from &&
        (output.via === 'stream' || parcel.via === 'datagram');
      const answer = goesBack ? encodePacket(output.packet) : undefined;
      const hasRoom = answer !== undefined && bytes + answer.length <= ANSWER_BYTES_MAX;
      if (!goesBack || !hasRoom) {
        this.#carryOut(output);
        continue;
      }
      bytes += answer.length;
      answers.push({ via: output.via, packet: answer });
    }
    this.#counters.sentByStream += answers.length;
    return answers;
  }

  /**
   * Says goodbye to a few, who pass it on: by stream, since this process may end before anybody
   * would notice that a datagram was lost.
   */
  async leave(): Promise<void> {
    if (this.#isStopped) return;
    for (const output of this.#step({ kind: 'leave' })) {
      this.#carryOut(output.kind === 'send' ? { ...output, via: 'stream' } : output);
    }
    await Promise.all(this.#underWay);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#socket?.close();
  }

  #step(input: Input, nowMs: number = this.#options.env.now()): readonly Output[] {
    const outputs = this.#gossip.step(nowMs, input);
    this.#showWord();
    this.#schedule();
    return outputs;
  }

  #showWord(): void {
    const { onWord } = this.#options;
    if (onWord === undefined) return;
    const { generation, incarnation } = this.#gossip.self;
    onWord(generation, incarnation);
  }

  #decode(bytes: Uint8Array): Packet | undefined {
    try {
      return decodePacket(bytes);
    } catch (error) {
      if (!(error instanceof BadPacket)) throw error;
      this.#counters.damaged += 1;
      return undefined;
    }
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'event':
        return this.#options.onEvent(output.event);
      case 'watch': {
        const addresses = output.members.map(({ address }) => address);
        return this.#options.onWatch(addresses.filter((address) => !isNowhere(address)));
      }
      case 'send': {
        const { to, via, packet } = output;
        const bytes = encodePacket(packet);
        if (via === 'datagram' && this.#sendDatagram(to, bytes)) return;
        return this.#sendByStream(to, { via, packet: bytes }, packet);
      }
    }
  }

  /** @returns false when it has to go by stream instead */
  #sendDatagram(to: string, bytes: Uint8Array): boolean {
    if (this.#socket === undefined || this.#sealer === undefined || isNowhere(to)) return false;
    const sealed = this.#sealer.seal(bytes);
    if (sealed.length > DATAGRAM_BYTES_MAX || !this.#socket.send(to, sealed)) return false;
    this.#counters.sent += 1;
    return true;
  }

  #sendByStream(to: string, parcel: Parcel, packet: Packet): void {
    if (this.#underWay.size >= STREAMS_MAX) {
      this.#counters.dropped += 1;
      return;
    }
    this.#counters.sentByStream += 1;
    const delivery = this.#options.deliver(to, parcel).then((delivery) => {
      this.#underWay.delete(delivered);
      this.#delivered(to, packet, delivery);
    });
    const delivered: Promise<void> = delivery;
    this.#underWay.add(delivered);
  }

  #delivered(to: string, { message }: Packet, delivery: Delivery): void {
    if (delivery.kind === 'refused') {
      const isPing = message.kind === 'ping';
      const name = isPing ? message.target : this.#nameAt(to);
      if (name === undefined) return;
      // Another process of that name may run elsewhere by now.
      const generation = isPing ? message.generation : 0;
      this.input({ kind: 'evidence', name, generation, event: 'refused' });
    } else if (delivery.kind === 'answered') {
      for (const { via, packet: bytes } of delivery.parcels) {
        const packet = this.#decode(bytes);
        if (packet === undefined) continue;
        this.#counters.receivedByStream += 1;
        this.input({ kind: 'packet', via, from: to, packet });
      }
    }
  }

  #nameAt(address: string): string | undefined {
    for (const member of this.#gossip.members()) if (member.address === address) return member.name;
    return undefined;
  }

  #schedule(): void {
    const dueAtMs = this.#gossip.nextDeadlineMs;
    if (this.#isStopped || this.#isAlone || this.#timerAtMs <= dueAtMs) return;
    const { env } = this.#options;
    this.#timer?.cancel();
    this.#timerAtMs = dueAtMs;
    this.#timer = env.setTimer(Math.max(0, dueAtMs - env.now()), () => {
      if (env.now() - dueAtMs <= LATE_MS) this.#tick(dueAtMs);
      else env.afterIo(() => this.#tick(dueAtMs));
    });
  }

  /**
   * Nobody is there, and nobody can come, so a timer would only keep the process alive. A node that
   * listens has its timers all along: it must not seem to have been held up when somebody joins.
   */
  get #isAlone(): boolean {
    const { address } = this.#options;
    return isNowhere(address) && !this.#isSeeking && this.#gossip.members().next().done === true;
  }

  /** @param dueAtMs which a rounded clock may say is yet to come, though its timer has fired */
  #tick(dueAtMs: number): void {
    this.#timerAtMs = Infinity;
    if (this.#isStopped) return;
    const nowMs = Math.max(dueAtMs, this.#options.env.now());
    for (const output of this.#step({ kind: 'tick' }, nowMs)) this.#carryOut(output);
  }
}

/** What gossip calls a node that listens nowhere; no two processes have the same. */
export function nowhere({ name, incarnation }: NodeId): string {
  return `${NOWHERE}${name}/${incarnation}`;
}

export function isNowhere(address: string): boolean {
  return address.startsWith(NOWHERE);
}

export function nodeNowhere(address: string): NodeId {
  const [name = '', incarnation = ''] = address.slice(NOWHERE.length).split('/');
  return { name, incarnation, address: '' };
}
