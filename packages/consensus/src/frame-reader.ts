import type { Configuration, Entry, NodeId, Position, Snapshot } from '@troupe/raft';
import { BadFrame } from '@troupe/remote';
import { crc32 } from 'node:zlib';
import { entryKinds, HEADER_BYTES, packetKinds } from './frame-writer.ts';
import type { Packet } from './packet.ts';

/** Of a frame; a command is at most half as long. */
export const FRAME_BYTES_MAX: number = 16 * 2 ** 20;

const NAME_BYTES_MAX = 256;
/** Entries or commands of one packet. */
const ENTRIES_MAX = 65_536;
const MEMBERS_MAX = 255;

const kindsOfPackets: ReadonlyMap<number, Packet['type']> = new Map(
  Object.entries(packetKinds).map(([type, kind]) => [kind, type as Packet['type']]),
);
const kindsOfEntries: ReadonlyMap<number, Entry['kind']> = new Map(
  Object.entries(entryKinds).map(([name, kind]) => [kind, name as Entry['kind']]),
);

/** Cuts what a peer sends into frames; knows nothing of what is in them. */
export class FrameCutter {
  #chunks: Uint8Array[] = [];
  #length = 0;

  /**
   * @returns the contents of the frames that are complete now
   * @throws {BadFrame} what came is none, or is too long; nothing that follows can be trusted
   */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const frames: Uint8Array[] = [];
    while (this.#length >= HEADER_BYTES) {
      const header = bufferOf(this.#peek(HEADER_BYTES));
      const bytes = header.readUInt32BE(0);
      if (bytes > FRAME_BYTES_MAX) {
        throw new BadFrame(`a frame of ${bytes} bytes, over ${FRAME_BYTES_MAX}`);
      }
      if (this.#length < HEADER_BYTES + bytes) break;
      const frame = this.#peek(HEADER_BYTES + bytes).subarray(HEADER_BYTES);
      if (crc32(frame) !== header.readUInt32BE(4)) throw new BadFrame('a frame that was changed');
      this.#drop(HEADER_BYTES + bytes);
      frames.push(frame);
    }
    return frames;
  }

  /** The first `bytes`, in one piece. */
  #peek(bytes: number): Uint8Array {
    let [first] = this.#chunks;
    if (first === undefined || first.length < bytes) {
      first = Buffer.concat(this.#chunks);
      this.#chunks = [first];
    }
    return first.subarray(0, bytes);
  }

  #drop(bytes: number): void {
    this.#length -= bytes;
    const first = this.#chunks[0]?.subarray(bytes);
    if (first === undefined || first.length === 0) this.#chunks.shift();
    else this.#chunks[0] = first;
  }
}

/**
 * Reads the packets of a frame, each with the name of its group. Every length is checked before
 * anything is made of it; whether a message makes sense is for the core to say.
 */
export class FrameReader {
  readonly #bytes: Buffer;
  readonly #from: NodeId;
  readonly #to: NodeId;
  #at = 0;

  constructor(frame: Uint8Array, { from, to }: { readonly from: NodeId; readonly to: NodeId }) {
    this.#bytes = bufferOf(frame);
    this.#from = from;
    this.#to = to;
  }

  /** @throws {BadFrame} and what was read before stands */
  next(): { readonly group: string; readonly packet: Packet } | undefined {
    if (this.#at === this.#bytes.length) return undefined;
    const group = this.#text();
    const type = kindsOfPackets.get(this.#byte());
    if (type === undefined) throw new BadFrame('a packet of a kind that there is not');
    return { group, packet: this.#packet(type) };
  }

  #packet(type: Packet['type']): Packet {
    const addressed = { from: this.#from, to: this.#to };
    if (type === 'forward') {
      const request = this.#number();
      const commands = Array.from({ length: this.#count(1) }, () => this.#blob());
      return { type, ...addressed, request, commands };
    }
    if (type === 'absent') return { type, ...addressed };
    return this.#message(type, { ...addressed, term: this.#number() });
  }

  #message(
    type: Exclude<Packet['type'], 'forward' | 'absent'>,
    addressed: { readonly from: NodeId; readonly to: NodeId; readonly term: number },
  ): Packet {
    switch (type) {
      case 'append': {
        const prev = this.#position();
        const commit = this.#number();
        return { type, ...addressed, prev, commit, entries: this.#entries(prev, addressed.term) };
      }
      case 'append-reply':
        return { type, ...addressed, match: this.#number() };
      case 'append-rejected':
        return { type, ...addressed, rejected: this.#number(), hint: this.#position() };
      case 'heartbeat': {
        const [round, commit] = [this.#number(), this.#number()];
        return { type, ...addressed, round, commit, quiet: this.#flag() };
      }
      case 'heartbeat-reply':
        return { type, ...addressed, round: this.#number() };
      case 'pre-vote':
        return { type, ...addressed, last: this.#position() };
      case 'vote':
        return { type, ...addressed, last: this.#position(), transfer: this.#flag() };
      case 'pre-vote-reply':
      case 'vote-reply':
        return { type, ...addressed, granted: this.#flag() };
      case 'stale-term':
        return { type, ...addressed };
      case 'timeout-now':
        return { type, ...addressed, last: this.#number() };
      case 'read':
        return { type, ...addressed, context: this.#number() };
      case 'read-reply':
        return { type, ...addressed, context: this.#number(), index: this.#number() };
      case 'snapshot-offer':
        return { type, ...addressed, snapshot: this.#snapshot() };
      case 'snapshot-chunk': {
        const [id, offset] = [this.#text(), this.#number()];
        return { type, ...addressed, id, offset, data: this.#blob() };
      }
      case 'snapshot-status': {
        const [id, offset] = [this.#text(), this.#number()];
        return { type, ...addressed, id, offset, resend: this.#flag() };
      }
      case 'snapshot-request':
        return { type, ...addressed, least: this.#number() };
      case 'forwarded':
        return { type, ...addressed, request: this.#number(), index: this.#number() };
    }
  }

  #entries(prev: Position, leaderTerm: number): readonly Entry[] {
    const count = this.#count(2);
    const entries: Entry[] = [];
    for (let index = prev.index + 1; index <= prev.index + count; index += 1) {
      const kind = kindsOfEntries.get(this.#byte());
      const term = leaderTerm - this.#number();
      if (kind === 'command') entries.push({ kind, index, term, data: this.#blob() });
      else if (kind === 'configuration') {
        entries.push({ kind, index, term, configuration: this.#configuration() });
      } else if (kind !== undefined) entries.push({ kind, index, term });
      else throw new BadFrame('an entry of a kind that there is not');
    }
    return entries;
  }

  #configuration(): Configuration {
    const [voters, outgoing, learners] = [this.#names(), this.#names(), this.#names()];
    return { voters, outgoing, learners, promotable: this.#names(), witnesses: this.#names() };
  }

  #names(): readonly string[] {
    const count = this.#count(1);
    if (count > MEMBERS_MAX) throw new BadFrame(`${count} members, over ${MEMBERS_MAX}`);
    return Array.from({ length: count }, () => this.#text());
  }

  #snapshot(): Snapshot {
    const id = this.#text();
    const position = this.#position();
    return { id, ...position, bytes: this.#number(), configuration: this.#configuration() };
  }

  #position(): Position {
    return { index: this.#number(), term: this.#number() };
  }

  #flag(): boolean {
    const value = this.#byte();
    if (value > 1) throw new BadFrame(`${value} where 0 or 1 should be`);
    return value === 1;
  }

  #byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new BadFrame('a packet that ends too early');
    this.#at += 1;
    return value;
  }

  #number(): number {
    let byte = this.#byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = this.#byte();
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128 && scale < 2 ** 56);
    if (Number.isSafeInteger(value) && byte < 128) return value;
    throw new BadFrame('a number that is too large');
  }

  /** How many things follow, each of at least `bytesEach` bytes: so no more than there is room. */
  #count(bytesEach: number): number {
    const count = this.#number();
    const room = this.#bytes.length - this.#at;
    if (count <= ENTRIES_MAX && count * bytesEach <= room) return count;
    throw new BadFrame(`${count} entries in ${room} bytes`);
  }

  #text(): string {
    const bytes = this.#number();
    if (bytes > NAME_BYTES_MAX) throw new BadFrame(`a name of ${bytes} bytes`);
    const end = this.#at + bytes;
    if (end > this.#bytes.length) throw new BadFrame('a packet that ends too early');
    const value = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return value;
  }

  /** Part of the frame itself: what keeps it keeps all of it. */
  #blob(): Uint8Array {
    const bytes = this.#number();
    const end = this.#at + bytes;
    if (end > this.#bytes.length) throw new BadFrame('a packet that ends too early');
    const { buffer, byteOffset } = this.#bytes;
    const value = new Uint8Array(buffer, byteOffset + this.#at, bytes);
    this.#at = end;
    return value;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
