import { TAG_FIRST, TAG_LAST } from './cbor-tags.ts';
import { BadBytes, type CodecLimits, isForbiddenKey } from './codec.ts';

// Major types (RFC 8949, §3.1).
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

/** The first byte of simple values and floats begins here. */
const SIMPLE = 0xe0;
const FALSE = 0xf4;
const UNDEFINED = 0xf7;

/** Bytes of a head by the lower five bits of its first byte; 0 for reserved and indefinite ones. */
const headBytes: Uint8Array = Uint8Array.from({ length: 32 }, (_, inner) => {
  if (inner < 24) return 1;
  return inner < 28 ? 1 + 2 ** (inner - 24) : 0;
});

/** Bytes of a number, a boolean, null or undefined by its first byte; 0 for all other items. */
const leafBytes: Uint8Array = Uint8Array.from({ length: 256 }, (_, first) => {
  const isSimple = first >= FALSE && first <= UNDEFINED;
  const isFloat = first >= 0xf9 && first <= 0xfb;
  return first >> 5 <= NEGATIVE || isSimple || isFloat ? headBytes[first & 31]! : 0;
});

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
  #byteStrings = 0;
  #longestBytes = 0;
  #scannedBytes = 0;

  constructor(limits: CodecLimits) {
    this.#limits = limits;
    this.#open = new Int32Array(limits.depthMax + 1);
  }

  /**
   * @param ends is given the place where each frame ends
   * @returns which frames hold a tag, counted from 0
   * @throws {BadBytes}
   */
  scan(bytes: Uint8Array, ends?: number[]): readonly number[] {
    const { sequenceBytesMax } = this.#limits;
    if (bytes.length > sequenceBytesMax) {
      throw new BadBytes(`${bytes.length} bytes exceed the limit of ${sequenceBytesMax}`);
    }
    const tagged: number[] = [];
    this.#items = 0;
    this.#byteStrings = 0;
    this.#longestBytes = 0;
    this.#scannedBytes = bytes.length;
    for (let at = 0, frame = 0; at < bytes.length; frame += 1) {
      this.#tags = 0;
      at = this.#frame(bytes, at);
      ends?.push(at);
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
      const isKey = inMap === 1 && (lacking & 1) === 0;
      const leafSize = leafBytes[first]!;
      lacking -= 1;
      if (leafSize > 0 && !isKey) {
        if (leafSize > end - at) throw truncated(at);
        at += leafSize;
      } else {
        const major = first >> 5;
        if (isKey && major !== TEXT) throw new BadBytes('a key is no text', at);
        const argument = argumentAt(bytes, at);
        at += headBytes[first & 31]!;
        if (major === BYTES || major === TEXT) {
          if (argument > end - at) throw truncated(at, argument);
          if (isKey) refuseForbiddenKey(bytes, at, argument);
          else if (major === BYTES) this.#noteBytes(argument);
          at += argument;
        } else {
          open[depth] = 2 * lacking + inMap;
          depth += 1;
          if (depth > depthMax) throw new BadBytes(`more than ${depthMax} levels deep`, at);
          inMap = major === MAP ? 1 : 0;
          lacking = this.#itemsWithin(major, argument, at);
          if (lacking > end - at) throw truncated(at, lacking);
        }
      }
      while (lacking === 0 && depth > 0) {
        depth -= 1;
        lacking = open[depth]! >> 1;
        inMap = open[depth]! & 1;
      }
    } while (lacking > 0);
    return at;
  }

  /** What was scanned last holds one byte string, and little else. */
  get isMostlyOneByteString(): boolean {
    return this.#byteStrings === 1 && 2 * this.#longestBytes > this.#scannedBytes;
  }

  #noteBytes(length: number): void {
    this.#byteStrings += 1;
    this.#longestBytes = Math.max(this.#longestBytes, length);
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

/** @returns where the first element of the array that `bytes` begin with begins */
export function startOfItems(bytes: Uint8Array): number {
  return headBytes[bytes[0]! & 31]!;
}

/** @returns where the item at `start` ends, of bytes that were scanned, or written here */
export function endOfItem(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let lacking = 1; lacking > 0; lacking -= 1) {
    const first = bytes[at]!;
    const leafSize = leafBytes[first]!;
    if (leafSize > 0) at += leafSize;
    else {
      const major = first >> 5;
      const argument = argumentAt(bytes, at);
      at += headBytes[first & 31]!;
      if (major === BYTES || major === TEXT) at += argument;
      else if (major === TAG) lacking += 1;
      else lacking += major === MAP ? 2 * argument : argument;
    }
  }
  return at;
}

/** The length or the tag in the head of an item that is no leaf. */
function argumentAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const inner = first & 31;
  if (inner < 24) {
    if (first >= SIMPLE) throw new BadBytes(`unassigned simple value ${inner}`, at);
    return inner;
  }
  const size = headBytes[inner]!;
  if (size === 0) throw new BadBytes('an indefinite or reserved length', at);
  if (first >= SIMPLE) throw new BadBytes('a simple value of two bytes', at);
  if (size > bytes.length - at) throw truncated(at);
  if (inner === 24) return bytes[at + 1]!;
  if (inner === 25) return bytes[at + 1]! * 0x100 + bytes[at + 2]!;
  if (inner === 27) throw new BadBytes('a length of 64 bits', at);
  return new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(1);
}

function refuseForbiddenKey(bytes: Uint8Array, at: number, length: number): void {
  if (length !== 9 && length !== 11) return;
  const key = Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1');
  if (isForbiddenKey(key)) throw new BadBytes(`a property called '${key}'`, at);
}

function truncated(at: number, needed = 1): BadBytes {
  return new BadBytes(`${needed} more items or bytes are claimed than there are`, at);
}
