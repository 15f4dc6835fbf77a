import { Decoder } from 'cbor-x';
import { BlockPool } from './block-pool.ts';
import { Reviver } from './cbor-revive.ts';
import { PlainReader } from './cbor-plain.ts';
import { CborScanner, endOfItem, startOfItems } from './cbor-scan.ts';
import { CborWriter } from './cbor-writer.ts';
import {
  BadBytes,
  type Codec,
  type CodecLimits,
  type DecodeOptions,
  DEFAULT_CODEC_LIMITS,
  EncodedValue,
  type ValuePort,
} from './codec.ts';

/** CBOR (RFC 8949), with values beyond JSON's in tags of our own; see DESIGN.md, "What travels". */
export class CborCodec implements Codec {
  readonly #limits: CodecLimits;
  readonly #plain: PlainReader;
  readonly #scanner: CborScanner;
  readonly #decoder = new Decoder({ ...DECODER_OPTIONS, copyBuffers: true });
  /** Leaves byte strings where they are. */
  readonly #borrower = new Decoder(DECODER_OPTIONS);
  /** Writers that are not at work: more than one only when a port encodes while it is asked. */
  readonly #idle: CborWriter[] = [];
  readonly #pool = new BlockPool();

  constructor(limits: Partial<CodecLimits> = {}) {
    this.#limits = { ...DEFAULT_CODEC_LIMITS, ...limits };
    this.#plain = new PlainReader(this.#limits);
    this.#scanner = new CborScanner(this.#limits);
  }

  encode(
    frame: readonly unknown[],
    port: ValuePort,
    fields: readonly string[] = NO_FIELDS,
  ): Uint8Array {
    const writer = this.#idle.pop() ?? new CborWriter(this.#limits, this.#pool);
    try {
      return writer.write(frame, port, fields);
    } finally {
      this.#idle.push(writer);
    }
  }

  encodeValue(value: unknown, port: ValuePort, name: string): EncodedValue {
    const writer = this.#idle.pop() ?? new CborWriter(this.#limits, this.#pool);
    try {
      return writer.writeValue(value, port, name);
    } finally {
      this.#idle.push(writer);
    }
  }

  elementOf(frame: Uint8Array, index: number): EncodedValue {
    let start = startOfItems(frame);
    for (let i = 0; i < index; i += 1) start = endOfItem(frame, start);
    return new EncodedValue(frame, start, endOfItem(frame, start));
  }

  release(frame: Uint8Array, port: ValuePort): void {
    this.#pool.giveBack(frame, port);
  }

  decodeSequence(
    bytes: Uint8Array,
    port: ValuePort,
    { ends = [], keep }: DecodeOptions = {},
  ): unknown[][] {
    if (bytes.length === 0) return [];
    const plain = this.#plain.read(bytes, ends);
    if (plain !== undefined) return plain;
    const tagged = this.#scanner.scan(bytes, ends);
    // Within a tag, a byte string must have its whole buffer for itself.
    const borrows = tagged.length === 0 && this.#scanner.isMostlyOneByteString;
    if (borrows) keep?.();
    const decoder = borrows && keep !== undefined ? this.#borrower : this.#decoder;
    const frames = this.#decodeScanned(bytes, decoder);
    if (tagged.length > 0) {
      const reviver = new Reviver(this.#limits, port);
      for (const frame of tagged) reviver.revive(frames[frame]);
    }
    return frames;
  }

  #decodeScanned(bytes: Uint8Array, decoder: Decoder): unknown[][] {
    // The decoder notes things on what it is given, and gives out byte strings of its class.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    let frames: unknown;
    try {
      frames = decoder.decodeMultiple(plain);
    } catch (cause) {
      throw new BadBytes('the decoder refused what the scanner passed', undefined, { cause });
    }
    return frames as unknown[][];
  }
}

const DECODER_OPTIONS = { useRecords: false, mapsAsObjects: true };
const NO_FIELDS: readonly string[] = Object.freeze([]);
