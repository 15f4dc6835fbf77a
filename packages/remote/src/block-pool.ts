import { SpareMemory } from './spare-memory.ts';

/** Blocks up to this are shared by the frames that follow one another. */
export const BLOCK_BYTES_MAX: number = 64 * 1024;
/** Larger blocks have one of so many sizes, or few would fit again. */
const STEP_BYTES = 16 * 1024;

/** Memory of a block that `reader` has read. */
interface Spare {
  readonly buffer: ArrayBufferLike;
  readonly reader: object;
}

/**
 * Memory for large frames, each of which has a block for itself. One whose frame has arrived is
 * written to again: fresh memory costs more than all that is written to it, and what lies outside
 * of its heap makes the collector look at everything far more often than the heap itself.
 */
export class BlockPool {
  readonly #spare = new SpareMemory<Spare>();

  /**
   * @param reader who is to read what is written there. It is only its word that it has, so what
   *   it claims to have read is used again for it alone: a lie would show it what others are sent.
   * @returns at least `bytes` of memory that nobody else has
   */
  take(bytes: number, reader: object): Buffer {
    if (bytes <= BLOCK_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    const size = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
    const spare = this.#spare.take(
      ({ buffer, reader: its }) => buffer.byteLength === size && its === reader,
    );
    return spare === undefined ? Buffer.allocUnsafeSlow(size) : Buffer.from(spare.buffer);
  }

  /** `reader` has read `frame`, and nobody else does, if it has a block for itself. */
  giveBack({ buffer, byteOffset }: Uint8Array, reader: object): void {
    if (buffer.byteLength <= BLOCK_BYTES_MAX || byteOffset !== 0) return;
    this.#spare.add({ buffer, reader });
  }
}
