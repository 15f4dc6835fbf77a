/** Pieces of a snapshot that the other thread sends, read once and in order. */
export class PieceQueue implements AsyncIterable<Uint8Array> {
  readonly #read: (piece: Uint8Array) => void;
  readonly #pieces: Uint8Array[] = [];
  #hasEnded = false;
  #isDiscarded = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param read is told of each piece that was taken out: who sends waits for that */
  constructor(read: (piece: Uint8Array) => void) {
    this.#read = read;
  }

  push(piece: Uint8Array): void {
    if (this.#isDiscarded) return this.#read(piece);
    this.#pieces.push(piece);
    this.#wake?.();
  }

  /** @param error why there are no more; undefined when these are all */
  end(error?: Error): void {
    this.#hasEnded = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Nobody reads any more: what is there, and what still comes, counts as read. */
  discard(): void {
    this.#isDiscarded = true;
    for (const piece of this.#pieces.splice(0)) this.#read(piece);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#read(piece);
        yield piece;
      } else if (this.#error !== undefined) throw this.#error;
      else if (this.#hasEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
