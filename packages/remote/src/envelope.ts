import { BadFrame } from './bad-frame.ts';
import { checksum, checksumAfter } from './checksum.ts';

/**
 * What travels on a connection after the handshake, however many frames it holds:
 *
 *     u32be bytes of the body | u32be sequence | u32be acknowledged | u32be CRC-32 of the body
 *     | u8 flags | u32be CRC-32 of the 17 bytes before | body
 *
 * The head has a sum of its own: a length that was garbled would make the reader wait for bytes
 * that never come.
 */
export const HEADER_BYTES = 21;
/** Where the flags are. */
export const FLAGS_AT = 16;
const HEAD_SUM_AT = 17;

/** About the connection and not the session: has no number, and is never sent again. */
export const LINK = 1;
/** The body is compressed, raw DEFLATE (RFC 1951). */
export const DEFLATED = 2;
/** The body is a piece of one frame. */
export const CHUNK = 4;
/** Before each piece: `u32be message | u32be bytes of the frame`. */
export const PIECE_HEADER_BYTES = 8;
/** To be acknowledged at once: somebody measures how long that takes. */
export const ACK_NOW = 8;
const FLAGS_KNOWN = LINK | DEFLATED | CHUNK | ACK_NOW;

/** A batch is closed when it has grown to this. */
export const BATCH_BYTES_MAX: number = 64 * 1024;
/** Frames above this are cut into pieces, so that others need not wait behind them. */
export const WHOLE_FRAME_BYTES_MAX: number = 32 * 1024;
/** The largest body: a batch that was nearly full when its last frame came. */
export const BODY_BYTES_MAX: number = BATCH_BYTES_MAX + WHOLE_FRAME_BYTES_MAX;

const NOTHING = new Uint8Array();

export interface Envelope {
  readonly flags: number;
  /** The lower 32 bits; those with `LINK` carry zero. */
  readonly sequence: number;
  /** The lower 32 bits of how many envelopes of the session the sender has received. */
  readonly acknowledged: number;
  readonly body: Uint8Array;
}

/** The bytes were changed on their way. Whatever they were can be sent again. */
export class Garbled extends Error {
  override readonly name = 'Garbled';
  readonly code = 'ERR_GARBLED';
}

export function packEnvelope(
  head: Omit<Envelope, 'body'>,
  parts: readonly Uint8Array[],
  bodyBytes: number,
): Uint8Array {
  const envelope = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  let offset = HEADER_BYTES;
  for (const part of parts) {
    envelope.set(part, offset);
    offset += part.length;
  }
  const sum = checksum(envelope, HEADER_BYTES, HEADER_BYTES + bodyBytes);
  writeHead(envelope, head, { bytes: bodyBytes, sum });
  return envelope;
}

/** The same, of a body whose last part is long: that stays where it is. @returns what to write */
export function packAround(
  head: Omit<Envelope, 'body'>,
  parts: readonly Uint8Array[],
  bodyBytes: number,
): readonly Uint8Array[] {
  const last = parts.at(-1) ?? NOTHING;
  const first = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes - last.length);
  let offset = HEADER_BYTES;
  for (const part of parts.slice(0, -1)) {
    first.set(part, offset);
    offset += part.length;
  }
  const sum = checksumAfter(checksum(first, HEADER_BYTES, first.length), last);
  writeHead(first, head, { bytes: bodyBytes, sum });
  return [first, last];
}

function writeHead(
  envelope: Uint8Array,
  { flags, sequence, acknowledged }: Omit<Envelope, 'body'>,
  body: { readonly bytes: number; readonly sum: number },
): void {
  writeU32(envelope, 0, body.bytes);
  writeU32(envelope, 4, sequence);
  writeU32(envelope, 8, acknowledged);
  writeU32(envelope, 12, body.sum);
  envelope[FLAGS_AT] = flags;
  writeU32(envelope, HEAD_SUM_AT, checksum(envelope, 0, HEAD_SUM_AT));
}

/** Cuts a stream of chunks into envelopes. Bytes are copied only when one spans several chunks. */
export class EnvelopeReader {
  readonly #head: Uint8Array = new Uint8Array(HEADER_BYTES);
  /** Two, since one envelope may end and another begin in one chunk. */
  #memory: Uint8Array = NOTHING;
  #otherMemory: Uint8Array = NOTHING;
  /** The envelope that spans chunks, or its head until that is whole; filled from the front. */
  #spanning: Uint8Array = this.#head;
  #filledBytes = 0;

  /** Bytes that wait for the rest of their envelope. */
  get pendingBytes(): number {
    return this.#filledBytes;
  }

  /**
   * @returns the envelopes that are now whole; their bodies may share memory with `chunk`, and
   *   stay as they are until the next one is pushed
   * @throws {Garbled} for a sum that does not match
   * @throws {BadFrame} for a length or flags that the protocol does not allow
   */
  push(chunk: Uint8Array): Envelope[] {
    const envelopes: Envelope[] = [];
    let offset = 0;
    while (this.#filledBytes > 0 && offset < chunk.length) {
      offset += this.#fill(chunk, offset);
      if (this.#filledBytes < this.#spanning.length) break;
      if (this.#spanning === this.#head) this.#makeRoom();
      // Without a body it was whole with its head.
      if (this.#filledBytes < this.#spanning.length) continue;
      envelopes.push(envelopeOf(this.#spanning, 0, this.#spanning.length));
      this.#spanning = this.#head;
      this.#filledBytes = 0;
    }
    while (chunk.length - offset >= HEADER_BYTES) {
      const end = offset + HEADER_BYTES + bodyBytesOf(chunk, offset);
      if (chunk.length < end) break;
      envelopes.push(envelopeOf(chunk, offset, end));
      offset = end;
    }
    while (offset < chunk.length) {
      offset += this.#fill(chunk, offset);
      if (this.#filledBytes === HEADER_BYTES) this.#makeRoom();
    }
    return envelopes;
  }

  /** @returns how many bytes of `chunk` belong to the envelope that has begun */
  #fill(chunk: Uint8Array, offset: number): number {
    const room = this.#spanning.length - this.#filledBytes;
    const bytes = chunk.subarray(offset, offset + room);
    this.#spanning.set(bytes, this.#filledBytes);
    this.#filledBytes += bytes.length;
    return bytes.length;
  }

  /** The head is whole and says how much will come. */
  #makeRoom(): void {
    const bytes = HEADER_BYTES + bodyBytesOf(this.#head, 0);
    const memory = this.#otherMemory.length < bytes ? new Uint8Array(bytes) : this.#otherMemory;
    this.#otherMemory = this.#memory;
    this.#memory = memory;
    this.#spanning = memory.subarray(0, bytes);
    this.#spanning.set(this.#head);
  }
}

/** The envelope that lies in `bytes` from `start` to `end`. */
function envelopeOf(bytes: Uint8Array, start: number, end: number): Envelope {
  const body = bytes.subarray(start + HEADER_BYTES, end);
  if (body.length > 0 && checksum(body, 0, body.length) !== readU32(bytes, start + 12)) {
    throw new Garbled(`a body of ${body.length} bytes was changed on its way`);
  }
  return {
    flags: bytes[start + FLAGS_AT] ?? 0,
    sequence: readU32(bytes, start + 4),
    acknowledged: readU32(bytes, start + 8),
    body,
  };
}

/** How long the body is of the envelope whose head begins at `start`. */
function bodyBytesOf(bytes: Uint8Array, start: number): number {
  const headSumAt = start + HEAD_SUM_AT;
  if (checksum(bytes, start, headSumAt) !== readU32(bytes, headSumAt)) {
    throw new Garbled('the head of an envelope was changed on its way');
  }
  const flags = bytes[start + FLAGS_AT] ?? 0;
  if ((flags & ~FLAGS_KNOWN) !== 0) throw new BadFrame(`envelope flags ${flags} are not known`);
  const length = readU32(bytes, start);
  if (length <= BODY_BYTES_MAX) return length;
  throw new BadFrame(`an envelope of ${length} bytes, where ${BODY_BYTES_MAX} are allowed`);
}

export function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return high * 0x1_0000 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
