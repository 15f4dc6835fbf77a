import { BadPacket } from './errors.ts';

/** Costs each member that says nothing of itself no memory of its own. */
const NOTHING = new Uint8Array();

/** Takes bytes apart, and never reads beyond their end. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new BadPacket('it ends too soon');
    this.#at += 1;
    return byte;
  }

  u32(): number {
    return this.u8() * 2 ** 24 + this.u8() * 2 ** 16 + this.u8() * 2 ** 8 + this.u8();
  }

  /** A whole number up to 2 ** 53 - 1. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) throw new BadPacket('a number over 2 ** 53 - 1');
      if (byte < 0x80) return value;
      unit *= 128;
      if (unit > 2 ** 56) throw new BadPacket('a number that does not end');
    }
  }

  /** The next `length` bytes as a reader of their own. */
  part(length: number): Reader {
    return new Reader(this.#take(length));
  }

  /** Of names and addresses, which are printable ASCII without spaces. */
  text(bytesMax: number): string {
    const field = this.#field(bytesMax);
    for (const byte of field) {
      if (byte <= 0x20 || byte >= 0x7f) throw new BadPacket('a text that is not printable ASCII');
    }
    return String.fromCharCode(...field);
  }

  /** A copy, so that what is kept does not hold the whole packet. */
  blob(bytesMax: number): Uint8Array {
    const field = this.#field(bytesMax);
    return field.length === 0 ? NOTHING : new Uint8Array(field); // A Buffer's slice() is no copy.
  }

  #field(bytesMax: number): Uint8Array {
    const length = this.varint();
    if (length > bytesMax) throw new BadPacket(`a field of ${length} bytes, over ${bytesMax}`);
    return this.#take(length);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new BadPacket('it ends too soon');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
