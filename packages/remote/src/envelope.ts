import { BadFrame } from './bad-frame.ts';

/** `u32be length | u8 flags | body`; the length counts flags and body. */
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/** What one envelope may hold: a batch of frames, or one frame of the largest kind. */
export const ENVELOPE_BYTES_MAX: number = 17 * 1024 * 1024;
/** A batch is closed when it has grown to this. */
export const BATCH_BYTES_MAX: number = 1024 * 1024;

/** Joins frames into one envelope: one length, one write, however many there are. */
export function packEnvelope(frames: readonly Uint8Array[], frameBytes: number): Uint8Array {
  const envelope = Buffer.allocUnsafe(HEADER_BYTES + frameBytes);
  envelope.writeUInt32BE(frameBytes + 1, 0);
  envelope[LENGTH_BYTES] = 0;
  let offset = HEADER_BYTES;
  for (const frame of frames) {
    envelope.set(frame, offset);
    offset += frame.length;
  }
  return envelope;
}

/** Cuts a stream of chunks into envelopes. Bytes are copied only when one spans several chunks. */
export class EnvelopeReader {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Bytes of the envelope that has begun, header included; known once its length is there. */
  #wanted = LENGTH_BYTES;
  #lengthIsKnown = false;

  /** Bytes that wait for the rest of their envelope. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /**
   * @returns the bodies of all envelopes that are now whole; they may share memory with `chunk`
   * @throws {BadFrame} for a length or flags that the protocol does not allow
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const bodies: Uint8Array[] = [];
    while (this.#bytes >= this.#wanted) {
      if (this.#lengthIsKnown) bodies.push(this.#takeBody());
      else this.#readLength();
    }
    return bodies;
  }

  #readLength(): void {
    const length = Buffer.from(this.#join().buffer, this.#first.byteOffset).readUInt32BE(0);
    if (length < 1 || length > ENVELOPE_BYTES_MAX) {
      throw new BadFrame(
        `an envelope of ${length} bytes, where 1 … ${ENVELOPE_BYTES_MAX} are allowed`,
      );
    }
    this.#lengthIsKnown = true;
    this.#wanted = LENGTH_BYTES + length;
  }

  #takeBody(): Uint8Array {
    const bytes = this.#join();
    const flags = bytes[LENGTH_BYTES] ?? 0;
    if (flags !== 0) throw new BadFrame(`envelope flags ${flags}, where none are known`);
    const body = bytes.subarray(HEADER_BYTES, this.#wanted);
    const rest = bytes.subarray(this.#wanted);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    this.#wanted = LENGTH_BYTES;
    this.#lengthIsKnown = false;
    return body;
  }

  get #first(): Uint8Array {
    return this.#chunks[0] ?? new Uint8Array();
  }

  #join(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)];
    return this.#first;
  }
}
