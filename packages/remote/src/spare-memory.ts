/** What is kept; beyond it, the collector has it. */
const SPARE_BYTES_MAX = 8 * 1024 * 1024;

/** Memory that nobody needs, to be used again: what came last is taken first. */
export class SpareMemory<T extends { readonly buffer: ArrayBufferLike }> {
  /** The oldest first. */
  readonly #spare: T[] = [];
  #bytes = 0;

  /** @returns one that fits, which is no longer here */
  take(fits: (spare: T) => boolean): T | undefined {
    const at = this.#spare.findLastIndex(fits);
    const [taken] = at === -1 ? [] : this.#spare.splice(at, 1);
    this.#bytes -= taken?.buffer.byteLength ?? 0;
    return taken;
  }

  /** What is too much goes, the oldest first. */
  add(spare: T): void {
    const { byteLength } = spare.buffer;
    if (byteLength > SPARE_BYTES_MAX) return;
    this.#spare.push(spare);
    this.#bytes += byteLength;
    while (this.#bytes > SPARE_BYTES_MAX) {
      this.#bytes -= this.#spare.shift()?.buffer.byteLength ?? 0;
    }
  }
}
