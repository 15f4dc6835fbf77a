import { BadFrame } from './bad-frame.ts';
import { DEFAULT_CODEC_LIMITS } from './codec.ts';
import { PIECE_HEADER_BYTES, readU32, WHOLE_FRAME_BYTES_MAX } from './envelope.ts';
import type { FrameMemory } from './frame-memory.ts';
import { OUTBOX_BYTES_MAX } from './outbox.ts';

/** What an honest peer can have begun and not finished: a full outbox, and one frame beyond it. */
const UNFINISHED_BYTES_MAX = OUTBOX_BYTES_MAX + DEFAULT_CODEC_LIMITS.sequenceBytesMax;
/** The same in frames, as small ones need no pieces: each costs more than its bytes. */
const UNFINISHED_MAX = UNFINISHED_BYTES_MAX / WHOLE_FRAME_BYTES_MAX;

/** Puts frames together that came in pieces. */
export class Assembler {
  readonly #memory: Pick<FrameMemory, 'take'>;
  readonly #unfinished = new Map<number, { readonly frame: Uint8Array; filledBytes: number }>();
  #unfinishedBytes = 0;

  constructor(memory: Pick<FrameMemory, 'take'>) {
    this.#memory = memory;
  }

  /**
   * @returns the frame that `piece` has made whole
   * @throws {BadFrame} on what no honest peer sends
   */
  push(piece: Uint8Array): Uint8Array | undefined {
    if (piece.length <= PIECE_HEADER_BYTES) throw new BadFrame('an empty piece of a frame');
    const message = readU32(piece, 0);
    const bytes = piece.subarray(PIECE_HEADER_BYTES);
    const begun = this.#unfinished.get(message) ?? this.#begin(message, readU32(piece, 4));
    if (begun.filledBytes + bytes.length > begun.frame.length) {
      throw new BadFrame(`more than the ${begun.frame.length} bytes that a frame was said to have`);
    }
    begun.frame.set(bytes, begun.filledBytes);
    begun.filledBytes += bytes.length;
    if (begun.filledBytes < begun.frame.length) return undefined;
    this.#unfinished.delete(message);
    this.#unfinishedBytes -= begun.frame.length;
    return begun.frame;
  }

  #begin(message: number, frameBytes: number): { frame: Uint8Array; filledBytes: number } {
    const limit = DEFAULT_CODEC_LIMITS.sequenceBytesMax;
    if (frameBytes > limit) {
      throw new BadFrame(`a frame of ${frameBytes} bytes, where ${limit} are allowed`);
    }
    this.#unfinishedBytes += frameBytes;
    if (this.#unfinishedBytes > UNFINISHED_BYTES_MAX) {
      throw new BadFrame(`more than ${UNFINISHED_BYTES_MAX} bytes of unfinished frames`);
    }
    if (this.#unfinished.size >= UNFINISHED_MAX) {
      throw new BadFrame(`more than ${UNFINISHED_MAX} unfinished frames`);
    }
    const begun = { frame: this.#memory.take(frameBytes), filledBytes: 0 };
    this.#unfinished.set(message, begun);
    return begun;
  }
}
