import type { CodecLimits } from './codec.ts';

/** How deep arrays may lie within one another here; a frame by itself has depth 1. */
const DEPTH_MAX = 8;
/** Texts up to this length are read here: that is what a head of one byte can say. */
const SHORT_TEXT_BYTES = 23;

// What a first byte says (RFC 8949, §3.1); for most the lower five bits are a number up to 23.
const UNSIGNED_END = 0x18;
const UNSIGNED_8 = 0x18;
const UNSIGNED_16 = 0x19;
const UNSIGNED_32 = 0x1a;
const NEGATIVE = 0x20;
const NEGATIVE_END = 0x38;
const TEXT = 0x60;
const ARRAY = 0x80;
const ARRAY_END = 0x98;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
const FLOAT64 = 0xfb;

/**
 * Reads frames of short arrays, numbers, short plain texts and simple values, which most are, in
 * one pass that checks and builds; scanner and decoder take three times as long. Whatever else
 * there is, be it wrong or just not of these, is left to them: no error is found here.
 */
export class PlainReader {
  readonly #limits: CodecLimits;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Something was met that is not read here. */
  #hasMissed = false;

  constructor(limits: CodecLimits) {
    this.#limits = limits;
  }

  /**
   * @param ends is given the place where each frame ends, if all are read
   * @returns undefined when not all bytes could be read here
   */
  read(bytes: Uint8Array, ends: number[]): unknown[][] | undefined {
    const { depthMax, itemsMax, sequenceBytesMax } = this.#limits;
    // No value takes less than a byte.
    if (bytes.length > itemsMax || bytes.length > sequenceBytesMax || depthMax < DEPTH_MAX) {
      return undefined;
    }
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
    this.#hasMissed = false;
    const frames: unknown[][] = [];
    const frameEnds: number[] = [];
    while (this.#at < bytes.length) {
      const first = bytes[this.#at] ?? 0;
      if (first < ARRAY || first >= ARRAY_END) return undefined;
      this.#at += 1;
      frames.push(this.#array(first - ARRAY, 1));
      if (this.#hasMissed) return undefined;
      frameEnds.push(this.#at);
    }
    for (const end of frameEnds) ends.push(end);
    return frames;
  }

  #array(length: number, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < length && !this.#hasMissed; i += 1) items.push(this.#value(depth));
    return items;
  }

  #value(depth: number): unknown {
    const bytes = this.#bytes;
    const at = this.#at;
    const first = bytes[at];
    if (first === undefined) return this.#miss();
    this.#at = at + 1;
    if (first < UNSIGNED_END) return first;
    if (first >= ARRAY) return this.#arrayOrSimple(first, depth);
    if (first >= TEXT) return this.#text(first - TEXT);
    if (first >= NEGATIVE && first < NEGATIVE_END) return NEGATIVE - 1 - first;
    return this.#unsigned(first);
  }

  #unsigned(first: number): unknown {
    const bytes = this.#bytes;
    const at = this.#at;
    const end = first > UNSIGNED_32 ? Infinity : at + 2 ** (first - UNSIGNED_8);
    if (end > bytes.length) return this.#miss();
    this.#at = end;
    const byte = bytes[at] ?? 0;
    if (first === UNSIGNED_8) return byte;
    const two = byte * 0x100 + (bytes[at + 1] ?? 0);
    if (first === UNSIGNED_16) return two;
    return two * 0x1_0000 + (bytes[at + 2] ?? 0) * 0x100 + (bytes[at + 3] ?? 0);
  }

  #arrayOrSimple(first: number, depth: number): unknown {
    if (first < ARRAY_END) {
      return depth < DEPTH_MAX ? this.#array(first - ARRAY, depth + 1) : this.#miss();
    }
    switch (first) {
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NULL:
        return null;
      case UNDEFINED:
        return undefined;
      case FLOAT64:
        if (this.#at + 8 > this.#bytes.length) return this.#miss();
        this.#at += 8;
        return this.#bytes.readDoubleBE(this.#at - 8);
      default:
        return this.#miss();
    }
  }

  #text(length: number): unknown {
    const bytes = this.#bytes;
    const start = this.#at;
    const end = start + length;
    if (length > SHORT_TEXT_BYTES || end > bytes.length) return this.#miss();
    for (let i = start; i < end; i += 1) if ((bytes[i] ?? 0) > 0x7f) return this.#miss();
    this.#at = end;
    return bytes.toString('latin1', start, end);
  }

  #miss(): undefined {
    this.#hasMissed = true;
    return undefined;
  }
}
