import { checksum } from './checksum.ts';
import { ByteReader, ByteWriter } from './byte-stream.ts';
import type { File } from './files.ts';
import { BadOption } from './errors.ts';
import { WrongLog } from './log-errors.ts';

/**
 * A segment begins with one sector, whole or not there after a power cut, which says whose it is:
 *
 *     magic "troupelg" | u32 format | u64 number | u32 salt | cluster | node | zeros | u32 checksum
 *
 * Names are a varint length and UTF-8. The salt is drawn anew whenever the file is used again.
 */
export const SEGMENT_HEADER_BYTES = 512;
const MAGIC = Buffer.from('troupelg');
const FORMAT = 1;
const NAMES_BYTES_MAX = 440;

/** A place in the log as one number: 4 GiB for each segment, two million of them. */
const PLACE_SCALE = 2 ** 32;
export const SEGMENTS_MAX: number = 2 ** 21;

/** Whose log it is. */
export interface LogOwner {
  readonly cluster: string;
  readonly node: string;
}

export interface SegmentHeader extends LogOwner {
  readonly number: number;
  readonly salt: number;
}

/** A file of the log. */
export interface Segment {
  readonly number: number;
  readonly name: string;
  readonly file: File;
  readonly salt: number;
  /** Of the file when it was found or made, perhaps with other options: so much room is there. */
  readonly bytes: number;
  /** Behind the last frame. */
  end: number;
  /** Those who read in it just now: it must not be given back meanwhile. */
  readers: number;
}

export function segmentName(number: number): string {
  return `log-${String(number).padStart(8, '0')}`;
}

/** @returns `undefined` for a file that is no segment */
export function segmentNumber(name: string): number | undefined {
  const digits = /^log-(\d{8,})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function placeOf(segment: number, offset: number): number {
  return segment * PLACE_SCALE + offset;
}

export function segmentOf(place: number): number {
  return Math.floor(place / PLACE_SCALE);
}

export function offsetOf(place: number): number {
  return place % PLACE_SCALE;
}

/** @throws {BadOption} when the names are too long for a sector */
export function checkOwner({ cluster, node }: LogOwner): void {
  const bytes = Buffer.byteLength(cluster) + Buffer.byteLength(node);
  if (bytes <= NAMES_BYTES_MAX) return;
  const advice = `names of cluster and node take ${bytes} bytes, give ${NAMES_BYTES_MAX} at most`;
  throw new BadOption('node', node, advice);
}

export function encodeHeader({ cluster, node, number, salt }: SegmentHeader): Buffer {
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES);
  writer.bytes(MAGIC);
  writer.uint32(FORMAT);
  writer.uint32(number % PLACE_SCALE);
  writer.uint32(Math.floor(number / PLACE_SCALE));
  writer.uint32(salt);
  writer.text(cluster);
  writer.text(node);
  const sector = Buffer.alloc(SEGMENT_HEADER_BYTES);
  sector.set(writer.written);
  sector.writeUInt32LE(checksum(sector.subarray(0, -4)), SEGMENT_HEADER_BYTES - 4);
  return sector;
}

/**
 * @returns a phrase instead, when it is damaged
 * @throws {WrongLog} when it is one, of another format
 */
export function decodeHeader(bytes: Buffer, name: string): SegmentHeader | string {
  if (bytes.length < SEGMENT_HEADER_BYTES) return 'a segment is shorter than its header';
  const sector = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const sum = sector.readUInt32LE(SEGMENT_HEADER_BYTES - 4);
  if (sum !== checksum(sector.subarray(0, -4))) return 'the header of a segment is damaged';
  const reader = new ByteReader(sector);
  if (!reader.bytes(MAGIC.length).equals(MAGIC)) return 'the header is none of a segment';
  const format = reader.uint32();
  if (format !== FORMAT) {
    throw new WrongLog(name, `its format is ${format}, and this program reads ${FORMAT}`);
  }
  const number = reader.uint32() + reader.uint32() * PLACE_SCALE;
  return { number, salt: reader.uint32(), cluster: reader.text(), node: reader.text() };
}
