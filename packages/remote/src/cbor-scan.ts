import { TAG_FIRST, TAG_LAST } from './cbor-tags.ts';
import { BadBytes, type CodecLimits, isForbiddenKey } from './codec.ts';

// Major types (RFC 8949, §3.1).
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE_OR_FLOAT = 7;

/** The first bytes that a simple value may not have lie below the one and at the other. */
const FALSE = 0xf4;
const SIMPLE_OF_ONE_BYTE = 0xf8;
/** How many bytes follow the first one, for the values 24 … 31 of its lower five bits. */
const ARGUMENT_BYTES = [1, 2, 4, 8, 0, 0, 0, 0] as const;

/**
 * Proves in one pass, without recursion and without building anything, that bytes are frames and
 * nothing else: every length is covered by bytes, nesting and counts are within limits, lengths
 * are definite, keys are harmless texts, and only tags of ours occur. What passes is safe to give
 * to a decoder.
 */
export class CborScanner {
  readonly #limits: CodecLimits;
  /** For each open array, map or tag: twice the items that it lacks, plus one for a map. */
  readonly #open: Int32Array;
  #items = 0;
  #tags = 0;

  constructor(limits: CodecLimits) {
    this.#limits = limits;
    this.#open = new Int32Array(limits.depthMax + 1);
  }

  /**
   * @returns which frames hold a tag, counted from 0
   * @throws {BadBytes}
   */
  scan(bytes: Uint8Array): readonly number[] {
    const { sequenceBytesMax } = this.#limits;
    if (bytes.length > sequenceBytesMax) {
      throw new BadBytes(`${bytes.length} bytes exceed the limit of ${sequenceBytesMax}`);
    }
    const tagged: number[] = [];
    this.#items = 0;
    for (let at = 0, frame = 0; at < bytes.length; frame += 1) {
      this.#tags = 0;
      at = this.#frame(bytes, at);
      if (this.#tags > 0) tagged.push(frame);
    }
    return tagged;
  }

  /** @returns where the frame that begins at `start` ends */
  #frame(bytes: Uint8Array, start: number): number {
    const { depthMax } = this.#limits;
    const open = this.#open;
    const end = bytes.length;
    let at = start;
    let depth = 0;
    let lacking = 1;
    let inMap = 0;
    if (bytes[at]! >> 5 !== ARRAY) throw new BadBytes('a frame is no array', at);
    this.#items += 1;
    do {
      if (at >= end) throw truncated(at);
      const first = bytes[at]!;
      const major = first >> 5;
      const isKey = inMap === 1 && lacking % 2 === 0;
      if (isKey && major !== TEXT) throw new BadBytes('a key is no text', at);
      at += 1;
      lacking -= 1;
      let argument = first & 31;
      if (argument >= 24) {
        const size = ARGUMENT_BYTES[argument - 24]!;
        if (size > end - at) throw truncated(at);
        argument = argumentAt(bytes, at, first);
        at += size;
      }
      if (major === BYTES || major === TEXT) {
        if (argument > end - at) throw truncated(at, argument);
        if (isKey) refuseForbiddenKey(bytes, at, argument);
        at += argument;
      } else if (major === ARRAY || major === MAP || major === TAG) {
        open[depth] = 2 * lacking + inMap;
        depth += 1;
        if (depth > depthMax) throw new BadBytes(`more than ${depthMax} levels deep`, at);
        inMap = major === MAP ? 1 : 0;
        lacking = this.#itemsWithin(major, argument, at);
        if (lacking > end - at) throw truncated(at, lacking);
      } else if (major === SIMPLE_OR_FLOAT && (first < FALSE || first === SIMPLE_OF_ONE_BYTE)) {
        throw new BadBytes(`unassigned simple value ${argument}`, at);
      }
      while (lacking === 0 && depth > 0) {
        depth -= 1;
        lacking = open[depth]! >> 1;
        inMap = open[depth]! & 1;
      }
    } while (lacking > 0);
    return at;
  }

  /** How many items an array, a map or a tag holds; checked against what it may hold. */
  #itemsWithin(major: number, argument: number, at: number): number {
    let items = argument;
    if (major === MAP) items = 2 * argument;
    if (major === TAG) {
      if (argument < TAG_FIRST || argument > TAG_LAST) {
        throw new BadBytes(`tag ${argument} is none of ours`, at);
      }
      this.#tags += 1;
      items = 1;
    }
    this.#items += items;
    const { itemsMax } = this.#limits;
    if (this.#items > itemsMax) throw new BadBytes(`more than ${itemsMax} values`, at);
    return items;
  }
}

/** What follows the first byte of an item; 64 bits are for integers and floats, and not needed. */
function argumentAt(bytes: Uint8Array, at: number, first: number): number {
  switch (first & 31) {
    case 24:
      return bytes[at]!;
    case 25:
      return bytes[at]! * 0x100 + bytes[at + 1]!;
    case 26:
      return (
        bytes[at]! * 0x1000000 + bytes[at + 1]! * 0x10000 + bytes[at + 2]! * 0x100 + bytes[at + 3]!
      );
    case 27: {
      const major = first >> 5;
      if (major <= NEGATIVE || major === SIMPLE_OR_FLOAT) return 0;
      throw new BadBytes('a length of 64 bits', at);
    }
    case 31:
      throw new BadBytes('an indefinite length, or its end', at);
    default:
      throw new BadBytes(`reserved length ${first & 31}`, at);
  }
}

function refuseForbiddenKey(bytes: Uint8Array, at: number, length: number): void {
  if (length !== 9 && length !== 11) return;
  const key = Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1');
  if (isForbiddenKey(key)) throw new BadBytes(`a property called '${key}'`, at);
}

function truncated(at: number, needed = 1): BadBytes {
  return new BadBytes(`${needed} more items or bytes are claimed than there are`, at);
}
