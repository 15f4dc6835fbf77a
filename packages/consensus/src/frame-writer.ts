import type { Configuration, Entry, Position, Snapshot } from '@troupe/raft';
import { crc32 } from 'node:zlib';
import type { Packet } from './packet.ts';

/** `u32 bytes that follow the header | u32 CRC-32 of them`, big-endian. */
export const HEADER_BYTES = 8;
/** Shorter frames are copied out of the buffer, longer ones take it with them. */
const COPY_BYTES = 4_096;
const FIRST_BYTES = 64 * 2 ** 10;

/** The kinds of packets on the wire; never given to anything else. */
export const packetKinds: Readonly<Record<Packet['type'], number>> = {
  'pre-vote': 1,
  'pre-vote-reply': 2,
  vote: 3,
  'vote-reply': 4,
  append: 5,
  'append-reply': 6,
  'append-rejected': 7,
  heartbeat: 8,
  'heartbeat-reply': 9,
  'stale-term': 10,
  'timeout-now': 11,
  read: 12,
  'read-reply': 13,
  'snapshot-offer': 14,
  'snapshot-chunk': 15,
  'snapshot-status': 16,
  'snapshot-request': 17,
  forward: 32,
  forwarded: 33,
  absent: 34,
};

export const entryKinds: Readonly<Record<Entry['kind'], number>> = {
  command: 1,
  noop: 2,
  configuration: 3,
  withheld: 4,
};

/**
 * Writes packets of many groups, one behind the other, into one frame: name of the group, kind,
 * fields. Numbers are varints, 7 bits a byte, the least first. Who sends to whom is not written:
 * both ends of a line know that.
 */
export class FrameWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = HEADER_BYTES;

  /** Bytes of the frame so far. */
  get length(): number {
    return this.#at;
  }

  get isEmpty(): boolean {
    return this.#at === HEADER_BYTES;
  }

  /** @returns the frame, header included; the next one begins */
  finish(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#at);
    bytes.writeUInt32BE(this.#at - HEADER_BYTES, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(HEADER_BYTES)), 4);
    this.#at = HEADER_BYTES;
    if (bytes.length <= COPY_BYTES) return Uint8Array.prototype.slice.call(bytes);
    this.#bytes = Buffer.allocUnsafe(Math.max(FIRST_BYTES, bytes.length));
    return bytes;
  }

  add(group: string, packet: Packet): void {
    this.#text(group);
    this.#byte(packetKinds[packet.type]);
    if (packet.type === 'forward') {
      this.#number(packet.request);
      this.#number(packet.commands.length);
      for (const command of packet.commands) this.#blob(command);
      return;
    }
    if (packet.type === 'absent') return;
    this.#number(packet.term);
    this.#fields(packet);
  }

  #fields(packet: Exclude<Packet, { type: 'forward' | 'absent' }>): void {
    switch (packet.type) {
      case 'append':
        this.#position(packet.prev);
        this.#number(packet.commit);
        return this.#entries(packet.entries, packet.term);
      case 'append-reply':
        return this.#number(packet.match);
      case 'append-rejected':
        this.#number(packet.rejected);
        return this.#position(packet.hint);
      case 'heartbeat':
        this.#number(packet.round);
        this.#number(packet.commit);
        return this.#flag(packet.quiet);
      case 'heartbeat-reply':
        return this.#number(packet.round);
      case 'pre-vote':
        return this.#position(packet.last);
      case 'vote':
        this.#position(packet.last);
        return this.#flag(packet.transfer);
      case 'pre-vote-reply':
      case 'vote-reply':
        return this.#flag(packet.granted);
      case 'stale-term':
        return;
      case 'timeout-now':
        return this.#number(packet.last);
      case 'read':
        return this.#number(packet.context);
      case 'read-reply':
        this.#number(packet.context);
        return this.#number(packet.index);
      case 'snapshot-offer':
        return this.#snapshot(packet.snapshot);
      case 'snapshot-chunk':
        this.#text(packet.id);
        this.#number(packet.offset);
        return this.#blob(packet.data);
      case 'snapshot-status':
        this.#text(packet.id);
        this.#number(packet.offset);
        return this.#flag(packet.resend);
      case 'snapshot-request':
        return this.#number(packet.least);
      case 'forwarded':
        this.#number(packet.request);
        return this.#number(packet.index);
    }
  }

  /** Their indexes follow from `prev`; a term is how much it is below the leader's. */
  #entries(entries: readonly Entry[], term: number): void {
    this.#number(entries.length);
    for (const entry of entries) {
      this.#byte(entryKinds[entry.kind]);
      this.#number(term - entry.term);
      if (entry.kind === 'command') this.#blob(entry.data);
      else if (entry.kind === 'configuration') this.#configuration(entry.configuration);
    }
  }

  #configuration(configuration: Configuration): void {
    const { voters, outgoing, learners, promotable, witnesses } = configuration;
    for (const ids of [voters, outgoing, learners, promotable, witnesses]) {
      this.#number(ids.length);
      for (const id of ids) this.#text(id);
    }
  }

  #snapshot(snapshot: Snapshot): void {
    this.#text(snapshot.id);
    this.#position(snapshot);
    this.#number(snapshot.bytes);
    this.#configuration(snapshot.configuration);
  }

  #position({ index, term }: Position): void {
    this.#number(index);
    this.#number(term);
  }

  #flag(value: boolean): void {
    this.#byte(value ? 1 : 0);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.#number(bytes);
    this.#reserve(bytes);
    this.#at += this.#bytes.write(value, this.#at);
  }

  #blob(data: Uint8Array): void {
    this.#number(data.length);
    this.#reserve(data.length);
    this.#bytes.set(data, this.#at);
    this.#at += data.length;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#at + bytes));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
