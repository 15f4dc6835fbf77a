const VARINT_BYTES_MAX = 8;

/** Bytes that do not say what they should, though their checksum is right. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
  constructor(problem: string) {
    super(`not a record: ${problem}`);
  }
}

/** A buffer that is written from front to back, and grows. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity: number = 4_096) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** What has been written; valid until more is. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew behind `offset` bytes, which somebody else will fill. */
  reset(offset: number): void {
    this.#length = 0;
    this.#room(offset);
    this.#length = offset;
  }

  uint8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  uint32(value: number): void {
    this.#room(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  /** Seven bits a byte, the lowest first, as far as 2 ** 53. */
  varint(value: number): void {
    this.#room(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.#room(length);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** Zeros, up to the next multiple of `alignment`. */
  align(alignment: number): void {
    const missing = -this.#length & (alignment - 1);
    this.#room(missing);
    this.#bytes.fill(0, this.#length, this.#length + missing);
    this.#length += missing;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#length + bytes));
    grown.set(this.written);
    this.#bytes = grown;
  }
}

/** Reads what a `ByteWriter` wrote, and nothing beyond its end. */
export class ByteReader {
  at: number;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, at: number = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.uint8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Malformed('a number without an end');
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  text(): string {
    return this.bytes(this.varint()).toString('utf8');
  }

  #take(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.#end) throw new Malformed(`${bytes} bytes at ${at}, and it ends before`);
    this.at = at + bytes;
    return at;
  }
}
