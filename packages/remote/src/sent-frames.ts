import { WHOLE_FRAME_BYTES_MAX } from './envelope.ts';

/**
 * Frames of calls that may be made again, so that another attempt sends what the first one did.
 * Small ones are copied out of the block that they share with others. Large ones stay where they
 * are, in memory that is written to again once the other side has them: unless it is known here.
 */
export class SentFrames {
  /** The large ones, and whether the other side has them by now. */
  readonly #large = new Map<Uint8Array, boolean>();

  /** @returns `frame`, which stays as it is until `drop` */
  keep(frame: Uint8Array): Uint8Array {
    if (frame.length <= WHOLE_FRAME_BYTES_MAX) return frame.slice();
    this.#large.set(frame, false);
    return frame;
  }

  /** The other side has a large frame. @returns whether it is kept all the same */
  arrived(frame: Uint8Array): boolean {
    if (!this.#large.has(frame)) return false;
    this.#large.set(frame, true);
    return true;
  }

  /** No attempt will be made with it. @returns whether nobody needs its memory any more */
  drop(frame: Uint8Array): boolean {
    const hasArrived = this.#large.get(frame) === true;
    this.#large.delete(frame);
    return hasArrived;
  }
}
