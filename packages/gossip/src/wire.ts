import { BadPacket } from './errors.ts';
import { ADDRESS_BYTES_MAX, META_BYTES_MAX, NAME_BYTES_MAX } from './limits.ts';
import { INCARNATION_MAX } from './member.ts';
import type { Message, Packet, Row, State, Update } from './message.ts';
import { messageBody, packetBytes, updateBytes } from './size.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const VERSION = 1;
/** What one packet may hold, by stream; a datagram holds what fits. */
const RECORDS_MAX = 16_384;

const KINDS = {
  gossip: 1,
  ping: 2,
  ack: 3,
  nack: 4,
  refused: 5,
  'ping-request': 6,
  sync: 7,
  rows: 8,
  states: 9,
  taken: 10,
  alive: 32,
  suspect: 33,
  failed: 34,
  left: 35,
} as const;
const STATES: readonly State[] = ['alive', 'suspect', 'failed', 'left'];

/**
 * u8 version | u32 cluster | text from | varint generation | records. A record is u8 kind | varint
 * length | body; the first is the message, all others are updates. Texts and bytes follow their
 * length as a varint; numbers are whole, in groups of seven bits, the lowest first.
 */
export function encodePacket(packet: Packet): Uint8Array {
  const writer = new Writer(packetBytes(packet));
  writer.u8(VERSION);
  writer.u32(packet.cluster);
  writer.text(packet.from);
  writer.varint(packet.generation);
  writer.u8(KINDS[packet.message.kind]);
  writer.varint(messageBody(packet.message));
  writeMessage(writer, packet.message);
  for (const update of packet.updates) writeUpdate(writer, update);
  return writer.bytes;
}

function writeMessage(writer: Writer, message: Message): void {
  switch (message.kind) {
    case 'gossip':
      return;
    case 'ping':
      writer.varint(message.sequence);
      writer.text(message.target);
      writer.varint(message.generation);
      return writer.u32(message.digest);
    case 'ack':
    case 'nack':
    case 'refused':
      return writer.varint(message.sequence);
    case 'ping-request':
      writer.varint(message.sequence);
      writer.text(message.target);
      writer.text(message.address);
      writer.varint(message.generation);
      writer.varint(Math.ceil(message.deadlineMs));
      return writer.u8(message.verify ? 1 : 0);
    case 'sync':
      writer.u32(message.digest);
      writer.varint(message.members);
      return writer.u8(message.join ? 1 : 0);
    case 'rows':
      writer.varint(message.rows.length);
      for (const row of message.rows) {
        writeAbout(writer, row);
        writer.u8(STATES.indexOf(row.state));
      }
      return;
    case 'states':
      writer.varint(message.wanted.length);
      for (const name of message.wanted) writer.text(name);
      return;
    case 'taken':
      return writer.text(message.address);
  }
}

function writeUpdate(writer: Writer, update: Update): void {
  const bytes = updateBytes(update);
  writer.u8(KINDS[update.kind]);
  // The length of the rest: what is left of the whole after the kind and the length itself.
  writer.varint(bytes - 1 - (bytes - 2 < 128 ? 1 : 2));
  writeAbout(writer, update);
  switch (update.kind) {
    case 'alive':
      writer.text(update.address);
      writer.blob(update.meta);
      writer.u8(update.versionMin);
      return writer.u8(update.versionMax);
    case 'suspect':
      writer.text(update.by);
      return writer.u8(update.health);
    case 'failed':
      writer.text(update.by);
      return writer.u8(update.proof ? 1 : 0);
    case 'left':
      return;
  }
}

interface About {
  readonly name: string;
  readonly generation: number;
  readonly incarnation: number;
}

function writeAbout(writer: Writer, { name, generation, incarnation }: About): void {
  writer.text(name);
  writer.varint(generation);
  writer.varint(incarnation);
}

/**
 * Records of unknown kinds are skipped: they are of a later version.
 * @throws {BadPacket}
 */
export function decodePacket(bytes: Uint8Array): Packet {
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new BadPacket(`version ${version}, not ${VERSION}`);
  const cluster = reader.u32();
  const from = readName(reader);
  const generation = reader.varint();
  let message: Message = { kind: 'gossip' };
  const updates: Update[] = [];
  for (let records = 0; !reader.isAtEnd; records += 1) {
    if (records > RECORDS_MAX) throw new BadPacket(`more than ${RECORDS_MAX} records`);
    const kind = reader.u8();
    const body = reader.part(reader.varint());
    if (kind < KINDS.alive) {
      if (records === 0) message = readMessage(body, kind);
    } else {
      const update = readUpdate(body, kind);
      if (update !== undefined) updates.push(update);
    }
  }
  return { cluster, from, generation, message, updates };
}

function readMessage(body: Reader, kind: number): Message {
  switch (kind) {
    case KINDS.ping: {
      const sequence = body.varint();
      const target = readName(body);
      return { kind: 'ping', sequence, target, generation: body.varint(), digest: body.u32() };
    }
    case KINDS.ack:
      return { kind: 'ack', sequence: body.varint() };
    case KINDS.nack:
      return { kind: 'nack', sequence: body.varint() };
    case KINDS.refused:
      return { kind: 'refused', sequence: body.varint() };
    case KINDS['ping-request']:
      return {
        kind: 'ping-request',
        sequence: body.varint(),
        target: readName(body),
        address: body.text(ADDRESS_BYTES_MAX),
        generation: body.varint(),
        deadlineMs: readDeadline(body),
        verify: body.u8() === 1,
      };
    case KINDS.sync:
      return {
        kind: 'sync',
        digest: body.u32(),
        members: body.varint(),
        join: body.u8() === 1,
      };
    case KINDS.rows:
      return { kind: 'rows', rows: readMany(body, readRow) };
    case KINDS.states:
      return { kind: 'states', wanted: readMany(body, readName) };
    case KINDS.taken:
      return { kind: 'taken', address: body.text(ADDRESS_BYTES_MAX) };
    default:
      return { kind: 'gossip' };
  }
}

function readUpdate(body: Reader, kind: number): Update | undefined {
  if (kind > KINDS.left) return undefined;
  const about = readAbout(body);
  switch (kind) {
    case KINDS.alive:
      return {
        kind: 'alive',
        ...about,
        address: body.text(ADDRESS_BYTES_MAX),
        meta: body.blob(META_BYTES_MAX),
        versionMin: body.u8(),
        versionMax: body.u8(),
      };
    case KINDS.suspect:
      return { kind: 'suspect', ...about, by: readName(body), health: body.u8() };
    case KINDS.failed: {
      const by = readName(body);
      return { kind: 'failed', ...about, by, proof: body.u8() === 1 };
    }
    default:
      return { kind: 'left', ...about };
  }
}

function readMany<T>(body: Reader, read: (body: Reader) => T): readonly T[] {
  const count = body.varint();
  if (count > RECORDS_MAX) throw new BadPacket(`${count} entries, over ${RECORDS_MAX}`);
  return Array.from({ length: count }, () => read(body));
}

function readRow(body: Reader): Row {
  const about = readAbout(body);
  const state = STATES[body.u8()];
  if (state === undefined) throw new BadPacket('an unknown state');
  return { ...about, state };
}

function readAbout(body: Reader): About {
  const name = readName(body);
  const generation = body.varint();
  const incarnation = body.varint();
  if (incarnation > INCARNATION_MAX) {
    throw new BadPacket(`incarnation ${incarnation}, over ${INCARNATION_MAX}`);
  }
  return { name, generation, incarnation };
}

function readName(body: Reader): string {
  const name = body.text(NAME_BYTES_MAX);
  if (name === '') throw new BadPacket('an empty name');
  return name;
}

/** Longer than a minute is nobody's probe. */
function readDeadline(body: Reader): number {
  return Math.min(body.varint(), 60_000);
}
