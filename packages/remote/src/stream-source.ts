import { BadFrame } from './bad-frame.ts';

/** Items of one stream that may be under way or wait at the consumer. */
export const STREAM_WINDOW_MAX = 64;
/** Bytes of one stream that may be; a single larger item goes alone. */
const STREAM_BYTES_MAX = 1024 * 1024;

/** How a stream reaches its consumer, on another node. */
export interface SourceWire {
  /** @returns how many bytes it takes. @throws {NotSerializable} */
  item(value: unknown): number;
  /** The stream has come to its end, with what its generator returned. */
  done(value: unknown): void;
  failed(error: unknown): void;
  /** Whether the way to the consumer's node is free of what piles up. */
  hasRoom(): boolean;
  /** Calls `run` once it is. */
  whenRoom(run: () => void): void;
}

/**
 * Where a stream that was lent to another node comes from: takes items out of the iterator only
 * while the consumer has room for them, counted in items and in bytes. Nothing is taken before the
 * consumer first asks, and nothing after it has ended the stream.
 */
export class StreamSource {
  readonly #open: () => AsyncIterator<unknown>;
  readonly #wire: SourceWire;
  #iterator: AsyncIterator<unknown> | undefined;
  /** Sizes of the items that the consumer has not taken, oldest first. */
  readonly #underWay: number[] = [];
  #bytesUnderWay = 0;
  #window = 0;
  #isPumping = false;
  #isOver = false;

  constructor(open: () => AsyncIterator<unknown>, wire: SourceWire) {
    this.#open = open;
    this.#wire = wire;
  }

  /** The consumer has taken `taken` more items, and wants up to `window` to be under way. */
  pull(taken: number, window: number): void {
    if (taken > this.#underWay.length) throw new BadFrame('more items taken than were sent');
    for (const bytes of this.#underWay.splice(0, taken)) this.#bytesUnderWay -= bytes;
    this.#window = Math.min(window, STREAM_WINDOW_MAX);
    this.#goOn();
  }

  /** The consumer wants no more. It is told when the `finally` blocks of the source are done. */
  async halt(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      const result: IteratorResult<unknown> | undefined = await this.#iterator?.return?.();
      this.#wire.done(result?.value);
    } catch (error) {
      this.#wire.failed(error);
    }
  }

  /**
   * Nobody is there any more to take anything.
   * @returns when the source has ended; rejects with what its `finally` blocks threw
   */
  async abandon(): Promise<void> {
    this.#isOver = true;
    await this.#iterator?.return?.();
  }

  readonly #goOn = (): void => {
    if (!this.#isPumping && !this.#isOver) void this.#pump();
  };

  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      this.#iterator ??= this.#open();
      while (this.#mayTake()) {
        if (!this.#wire.hasRoom()) return this.#wire.whenRoom(this.#goOn);
        const result: IteratorResult<unknown> = await this.#iterator.next();
        if (this.#isOver) return;
        if (result.done === true) return this.#end(() => this.#wire.done(result.value));
        this.#send(result.value);
      }
    } catch (error) {
      if (!this.#isOver) this.#end(() => this.#wire.failed(error));
    } finally {
      this.#isPumping = false;
    }
  }

  #mayTake(): boolean {
    if (this.#isOver || this.#underWay.length >= this.#window) return false;
    return this.#underWay.length === 0 || this.#bytesUnderWay < STREAM_BYTES_MAX;
  }

  /** An item that cannot travel ends the stream, on both sides. */
  #send(value: unknown): void {
    let bytes: number;
    try {
      bytes = this.#wire.item(value);
    } catch (error) {
      this.#isOver = true;
      this.#iterator?.return?.().catch(() => undefined); // What it throws has nowhere to go.
      this.#wire.failed(error);
      return;
    }
    this.#underWay.push(bytes);
    this.#bytesUnderWay += bytes;
  }

  #end(tell: () => void): void {
    this.#isOver = true;
    tell();
  }
}
