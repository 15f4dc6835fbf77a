/** Blocks up to this are shared by the frames that follow one another. */
export const BLOCK_BYTES_MAX: number = 64 * 1024;
/** What is kept of memory that nobody needs; beyond it, the collector has it. */
const SPARE_BYTES_MAX = 8 * 1024 * 1024;
/** Larger blocks have one of so many sizes, or few would fit again. */
const STEP_BYTES = 16 * 1024;

/**
 * Memory for large frames, each of which has a block for itself. One whose frame has arrived is
 * written to again: fresh memory costs more than all that is written to it, and what lies outside
 * of its heap makes the collector look at everything far more often than the heap itself.
 */
export class BlockPool {
  /** The oldest first. */
  readonly #spare: { readonly block: Buffer; readonly reader: object }[] = [];
  #bytes = 0;

  /**
   * @param reader who is to read what is written there. It is only its word that it has, so what
   *   it claims to have read is used again for it alone: a lie would show it what others are sent.
   * @returns at least `bytes` of memory that nobody else has
   */
  take(bytes: number, reader: object): Buffer {
    if (bytes <= BLOCK_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    const size = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
    const at = this.#spare.findLastIndex(
      (spare) => spare.block.length === size && spare.reader === reader,
    );
    const [spare] = at === -1 ? [] : this.#spare.splice(at, 1);
    if (spare === undefined) return Buffer.allocUnsafeSlow(size);
    this.#bytes -= size;
    return spare.block;
  }

  /** `reader` has read `frame`, and nobody else does, if it has a block for itself. */
  giveBack({ buffer, byteOffset }: Uint8Array, reader: object): void {
    const size = buffer.byteLength;
    if (size <= BLOCK_BYTES_MAX || size > SPARE_BYTES_MAX || byteOffset !== 0) return;
    this.#spare.push({ block: Buffer.from(buffer), reader });
    this.#bytes += size;
    while (this.#bytes > SPARE_BYTES_MAX) this.#bytes -= this.#spare.shift()?.block.length ?? 0;
  }
}
