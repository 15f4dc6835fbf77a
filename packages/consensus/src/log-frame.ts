import { checksum } from './checksum.ts';

/**
 * What one write puts into the log, all of it or nothing:
 *
 *     u32 checksum | u32 length | u32 previous | u48 sequence | u16 flags | records … | zeros
 *
 * Little-endian, and at a multiple of eight bytes. The checksum covers all behind it, seeded with
 * the salt of the segment, so that nothing which was written there in an earlier use, or which a
 * command contains, is ever taken for a frame. `previous` is the checksum of the frame before, and
 * `sequence` counts frames over all segments.
 */
export const FRAME_HEADER_BYTES = 20;
export const FRAME_ALIGNMENT = 8;

/** Its first records say what is known of every group, so that reading can begin here. */
export const CHECKPOINT = 1;
/** Holds nothing: it says that the frame before is durable, and is overwritten by the next. */
export const SEAL = 2;

/** Where a frame belongs. */
export interface Link {
  readonly sequence: number;
  readonly previous: number;
}

export interface Frame extends Link {
  readonly checksum: number;
  readonly flags: number;
  readonly from: number;
  /** Where its records are, and where it ends. */
  readonly records: number;
  readonly end: number;
}

/**
 * Fills the header of a frame that is otherwise complete, and aligned.
 * @returns its checksum
 */
export function finishFrame(
  frame: Buffer,
  { sequence, previous }: Link,
  { salt, flags }: { readonly salt: number; readonly flags: number },
): number {
  frame.writeUInt32LE(frame.length, 4);
  frame.writeUInt32LE(previous, 8);
  frame.writeUIntLE(sequence, 12, 6);
  frame.writeUInt16LE(flags, 18);
  const sum = checksum(frame.subarray(4), salt);
  frame.writeUInt32LE(sum, 0);
  return sum;
}

/** The frame at `from`, or `undefined` when what is there is none, or damaged. */
export function frameAt(bytes: Buffer, from: number, salt: number): Frame | undefined {
  const header = headerAt(bytes, from);
  if (header === undefined) return undefined;
  const { end } = header;
  return checksum(bytes.subarray(from + 4, end), salt) === header.checksum ? header : undefined;
}

/** What is at `from`, read as a header, if it could be one at all. */
export function headerAt(bytes: Buffer, from: number): Frame | undefined {
  if (from + FRAME_HEADER_BYTES > bytes.length) return undefined;
  const length = bytes.readUInt32LE(from + 4);
  const isPossible =
    length >= FRAME_HEADER_BYTES && length % FRAME_ALIGNMENT === 0 && from + length <= bytes.length;
  if (!isPossible) return undefined;
  return {
    checksum: bytes.readUInt32LE(from),
    previous: bytes.readUInt32LE(from + 8),
    sequence: bytes.readUIntLE(from + 12, 6),
    flags: bytes.readUInt16LE(from + 18),
    from,
    records: from + FRAME_HEADER_BYTES,
    end: from + length,
  };
}

/** So many bytes are summed, at most, in search of a frame; it would take a crafted log. */
export const SEARCH_BYTES_MAX: number = 2 ** 30;
/** More frames than a disk holds, and more than there are flags; of text either would be larger. */
const FRAMES_MAX = 2 ** 32;
const FLAGS_MAX = 2 ** 8;

/**
 * Whether there is, anywhere from `from` on, a frame that was written after `sequence`; `unknown`
 * where that would take too long to find out, so that it must not be relied on. A frame is written
 * only when the one before is durable: so then more is missing than a power cut can take. What a
 * segment held in an earlier use is searched too, with the texts of its commands: what they
 * look like must not be summed, or the search would end before it has looked at all of it.
 */
export function laterFrame(
  bytes: Buffer,
  from: number,
  { sequence, salt }: { readonly sequence: number; readonly salt: number },
): 'none' | 'there' | 'unknown' {
  let summed = 0;
  for (let at = from; at + FRAME_HEADER_BYTES <= bytes.length; at += FRAME_ALIGNMENT) {
    if (bytes.readUInt32LE(at + 4) === 0) continue;
    const header = headerAt(bytes, at);
    if (header === undefined || header.sequence <= sequence) continue;
    if (header.sequence - sequence > FRAMES_MAX || header.flags >= FLAGS_MAX) continue;
    if (frameAt(bytes, at, salt) !== undefined) return 'there';
    summed += header.end - at;
    if (summed > SEARCH_BYTES_MAX) return 'unknown';
  }
  return 'none';
}
