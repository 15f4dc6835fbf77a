import {
  type Connection,
  type DatagramReceiver,
  type DatagramSocket as Socket,
  ListenFailed,
  type Transport,
} from '@troupe/remote';
import type { Agenda } from './agenda.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { type ListeningProcess, Stream } from './stream.ts';

export type JitterShape = 'exponential' | 'uniform' | 'heavy-tailed';

/** How one direction between two hosts treats what is sent. All times in milliseconds. */
export interface LinkQuality {
  /** Of the fastest packet. */
  readonly latencyMs: number;
  /** Mean of what comes on top. */
  readonly jitterMs: number;
  /**
   * How that is distributed. `exponential`: most packets are quick, a few slow. `uniform`: between
   * nothing and twice the mean. `heavy-tailed`: nearly all are quick, and one in a thousand takes
   * fifty times the mean or more, as behind a full buffer.
   */
  readonly jitter: JitterShape;
  /** Probability that a packet is lost. A stream sends it again, which costs it time. */
  readonly loss: number;
  /** Probability that a datagram arrives twice. */
  readonly duplication: number;
  /** Bytes in a millisecond; infinite by default. */
  readonly bytesPerMs: number;
  /** Longer datagrams vanish. */
  readonly mtuBytes: number;
}

export const LAN: LinkQuality = {
  latencyMs: 0.1,
  jitterMs: 0.2,
  jitter: 'exponential',
  loss: 0,
  duplication: 0,
  bytesPerMs: Infinity,
  mtuBytes: 1_400,
};

/** What a stream waits before it sends a lost packet again, as TCP's least timeout. */
const RETRANSMIT_MS = 200;
/** A stream gives up when nothing gets through for so long. */
const STREAM_DEAD_MS = 15_000;

export interface DatagramSocket extends Socket {
  readonly address: string;
}

export type NetworkEvent =
  | {
      readonly kind: 'datagram' | 'stream';
      readonly from: string;
      readonly to: string;
      readonly bytes: number;
    }
  | { readonly kind: 'dropped'; readonly from: string; readonly to: string; readonly why: string };

/** All hosts of a world and the links between them. One process a host at a time. */
export class SimNetwork {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #onEvent: (event: NetworkEvent) => void;
  readonly #links = new Map<string, LinkQuality>();
  readonly #cut = new Set<string>();
  readonly #freeAt = new Map<string, number>();
  readonly #listeners = new Map<string, ListeningProcess>();
  readonly #gone = new Set<string>();
  readonly #sockets = new Map<string, { process: SimProcess; receive: DatagramReceiver }>();
  readonly #streams = new Set<Stream>();
  #quality: LinkQuality = LAN;
  #lastPort = 20_000;

  constructor(agenda: Agenda, random: Random, onEvent: (event: NetworkEvent) => void) {
    this.#agenda = agenda;
    this.#random = random;
    this.#onEvent = onEvent;
  }

  /** The quality of every link that has none of its own. */
  setQuality(quality: Partial<LinkQuality>): void {
    this.#quality = { ...this.#quality, ...quality };
  }

  /** The quality of the direction from one host to another; undefined: as all others. */
  setLink(from: string, to: string, quality: Partial<LinkQuality> | undefined): void {
    if (quality === undefined) this.#links.delete(direction(from, to));
    else this.#links.set(direction(from, to), { ...this.#quality, ...quality });
  }

  /** From now on nothing gets from one host to the other; the way back stays as it is. */
  cut(from: string, to: string): void {
    this.#cut.add(direction(from, to));
  }

  /** Mends one direction, or all. What streams hold back goes on. */
  mend(from?: string, to?: string): void {
    if (from === undefined || to === undefined) this.#cut.clear();
    else this.#cut.delete(direction(from, to));
    for (const stream of this.#streams) stream.mended();
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(direction(from, to));
  }

  /** The process has ended: its host answers for it, unless that is gone with it. */
  processEnded(process: SimProcess, hostIsGone: boolean): void {
    if (hostIsGone) this.#gone.add(process.name);
    for (const [address, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(address);
    }
    for (const [address, socket] of this.#sockets) {
      if (socket.process === process) this.#sockets.delete(address);
    }
    for (const stream of this.#streams) stream.processEnded(process, hostIsGone);
  }

  /** The host is on again. */
  hostIsBack(host: string): void {
    this.#gone.delete(host);
  }

  /** The network as one process sees it. */
  transport(process: SimProcess): Transport {
    return {
      name: 'sim',
      needsSecret: () => false, // Whoever is in the world belongs to it.
      listen: async (address, accept) => {
        const bound = this.#bind(process.name, address);
        if (this.#listeners.has(bound)) {
          throw new ListenFailed(address, 'somebody listens there already');
        }
        this.#listeners.set(bound, { process, accept });
        return { address: bound, close: async () => void this.#listeners.delete(bound) };
      },
      dial: (address, { timeoutMs }) => this.#dial(process, address, timeoutMs),
      datagrams: async (address, receive) => this.datagrams(process, portOf(address), receive),
    };
  }

  /** @param port 0 takes a free one */
  datagrams(process: SimProcess, port: number, receive: DatagramReceiver): DatagramSocket {
    const address = this.#bind(process.name, `${process.name}:${port}`);
    if (this.#sockets.has(address)) throw new ListenFailed(address, 'the port is taken');
    this.#sockets.set(address, { process, receive });
    return {
      address,
      send: (to, bytes) => {
        this.#sendDatagram({ process, from: address, to }, bytes);
        return true;
      },
      close: () => void this.#sockets.delete(address),
    };
  }

  /** When `bytes` sent now would arrive; undefined when they are lost or the direction is cut. */
  arrival(from: string, to: string, bytes: number): number | undefined {
    const quality = this.#links.get(direction(from, to)) ?? this.#quality;
    if (this.isCut(from, to) || this.#random.chance(quality.loss)) return undefined;
    const now = this.#agenda.nowMs;
    let leavesAt = now;
    if (quality.bytesPerMs !== Infinity) {
      leavesAt =
        Math.max(now, this.#freeAt.get(direction(from, to)) ?? 0) + bytes / quality.bytesPerMs;
      this.#freeAt.set(direction(from, to), leavesAt);
    }
    return leavesAt + quality.latencyMs + this.#jitterMs(quality);
  }

  #jitterMs({ jitter, jitterMs }: LinkQuality): number {
    switch (jitter) {
      case 'exponential':
        return this.#random.exponential(jitterMs);
      case 'uniform':
        return this.#random.between(0, 2 * jitterMs);
      case 'heavy-tailed':
        return this.#random.pareto(jitterMs);
    }
  }

  #bind(host: string, address: string): string {
    const port = portOf(address);
    return `${host}:${port === 0 ? (this.#lastPort += 1) : port}`;
  }

  #sendDatagram(
    way: { readonly process: SimProcess; readonly from: string; readonly to: string },
    bytes: Uint8Array,
  ): void {
    const { process, from, to } = way;
    if (process.hasEnded) return;
    const drop = (why: string): void => this.#onEvent({ kind: 'dropped', from, to, why });
    const [source, target] = [hostOf(from), hostOf(to)];
    const quality = this.#links.get(direction(source, target)) ?? this.#quality;
    if (bytes.length > quality.mtuBytes) return drop('longer than the MTU');
    const copies = this.#random.chance(quality.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const at = this.arrival(source, target, bytes.length);
      if (at === undefined) {
        drop('lost');
        continue;
      }
      const content = Uint8Array.from(bytes);
      this.#agenda.after(at - this.#agenda.nowMs, () => {
        const socket = this.#sockets.get(to);
        if (socket === undefined) return drop('nobody listens');
        socket.process.happens('input', () => {
          this.#onEvent({ kind: 'datagram', from, to, bytes: content.length });
          socket.receive(from, content);
        });
      });
    }
  }

  #dial(process: SimProcess, address: string, timeoutMs: number): Promise<Connection> {
    const toHost = hostOf(address);
    const stream = new Stream({
      agenda: this.#agenda,
      near: process,
      toHost,
      retransmitMs: RETRANSMIT_MS,
      deadMs: STREAM_DEAD_MS,
      arrival: (from, to, bytes) => this.arrival(from, to, bytes),
      findListener: () => (this.#gone.has(toHost) ? 'gone' : this.#listeners.get(address)),
      onData: (from, to, bytes) => this.#onEvent({ kind: 'stream', from, to, bytes }),
      onOver: () => void this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream.connect(timeoutMs);
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function direction(from: string, to: string): string {
  return `${from} > ${to}`;
}
