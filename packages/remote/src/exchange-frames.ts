import { errorOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { CborCodec } from './cbor-codec.ts';
import type { CodecLimits, ValuePort } from './codec.ts';

/** `[ASK, id, payload]`, `[ANSWER, id, payload]`, `[FAIL, id, name, message]`. */
export const ASK = 1;
export const ANSWER = 2;
export const FAIL = 3;

/** Questions under way over one connection, and bytes of them: of the answers that wait as well. */
export const EXCHANGES_MAX = 64;
export const EXCHANGE_BYTES_MAX: number = 4 * 1024 * 1024;
/** Of an error that was thrown instead of an answer. */
const NAME_CHARS_MAX = 128;
const MESSAGE_CHARS_MAX = 1_024;

/** `u32be length | one frame of that length`. */
const HEADER_BYTES = 4;
const LIMITS: CodecLimits = {
  depthMax: 32,
  itemsMax: 65_536,
  bigintBytesMax: 64,
  sequenceBytesMax: EXCHANGE_BYTES_MAX,
};

/** What is exchanged is plain data. */
const PLAIN: ValuePort = {
  dehydrate: () => undefined,
  hydrate: (tag) => {
    throw new BadFrame(`tag ${tag} in an exchange, which is plain data`);
  },
};

export type ExchangeFrame =
  | readonly [type: typeof ASK | typeof ANSWER, id: number, payload: unknown]
  | readonly [type: typeof FAIL, id: number, name: string, message: string];

/** Turns frames of exchanges into bytes, and back. */
export class ExchangeFrames {
  readonly #codec = new CborCodec(LIMITS);
  #length = 0;
  #headerBytes = 0;
  #frame: Uint8Array | undefined;
  #filledBytes = 0;

  /** @throws {NotSerializable} when it is no plain data, or beyond what one frame may be */
  pack(frame: ExchangeFrame): Uint8Array {
    const encoded = this.#codec.encode(frame, PLAIN, ['type', 'id', 'payload']);
    const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + encoded.length);
    bytes.writeUInt32BE(encoded.length);
    bytes.set(encoded, HEADER_BYTES);
    this.#codec.release(encoded, PLAIN);
    return bytes;
  }

  packFailure(id: number, error: unknown): Uint8Array {
    const { name, message } = errorOf(error);
    const text = (value: unknown, charsMax: number): string => String(value).slice(0, charsMax);
    return this.pack([FAIL, id, text(name, NAME_CHARS_MAX), text(message, MESSAGE_CHARS_MAX)]);
  }

  /**
   * @returns the frames that have become whole with what was read
   * @throws {BadFrame | BadBytes} on what no honest peer sends
   */
  push(chunk: Uint8Array): ExchangeFrame[] {
    const frames: ExchangeFrame[] = [];
    for (let at = 0; at < chunk.length;) {
      if (this.#frame === undefined) this.#header(chunk[at++] ?? 0);
      else {
        const part = chunk.subarray(at, at + this.#frame.length - this.#filledBytes);
        this.#frame.set(part, this.#filledBytes);
        this.#filledBytes += part.length;
        at += part.length;
        if (this.#filledBytes < this.#frame.length) break;
        frames.push(this.#decode(this.#frame));
        this.#frame = undefined;
      }
    }
    return frames;
  }

  #header(byte: number): void {
    this.#length = this.#length * 256 + byte;
    this.#headerBytes += 1;
    if (this.#headerBytes < HEADER_BYTES) return;
    const length = this.#length;
    this.#length = 0;
    this.#headerBytes = 0;
    if (length === 0 || length > EXCHANGE_BYTES_MAX) {
      throw new BadFrame(`an exchange of ${length} bytes: 1 … ${EXCHANGE_BYTES_MAX} are allowed`);
    }
    this.#frame = Buffer.allocUnsafeSlow(length);
    this.#filledBytes = 0;
  }

  #decode(bytes: Uint8Array): ExchangeFrame {
    const [frame, ...others] = this.#codec.decodeSequence(bytes, PLAIN);
    if (frame === undefined || others.length > 0) throw new BadFrame('not one frame of exchanges');
    const [type, id, third, fourth] = frame;
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1) {
      throw new BadFrame('an exchange without a number of its own');
    }
    if ((type === ASK || type === ANSWER) && frame.length === 3) return [type, id, third];
    const isFailure = type === FAIL && typeof third === 'string' && typeof fourth === 'string';
    if (isFailure) return [type, id, third, fourth];
    throw new BadFrame(
      `no exchange has a frame of type ${String(type)} and ${frame.length} fields`,
    );
  }
}
