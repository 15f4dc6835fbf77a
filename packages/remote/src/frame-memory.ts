import type { Env } from '@troupe/actor';
import { SpareMemory } from './spare-memory.ts';

/** A frame may lie in memory that is longer by so much of its own length. */
const SLACK_PART = 1 / 8;

/**
 * Memory for large frames to arrive in, used again when nothing lies in it any more. That is known
 * at once of a frame whose values were copied out of it, and of one that a value has stayed in when
 * its user gives it back. No sender is shown anything: what is left of another frame is overwritten
 * or cleared before anybody has the memory.
 */
export class FrameMemory {
  readonly #env: Pick<Env, 'afterIo'>;
  readonly #spare = new SpareMemory<{ readonly buffer: ArrayBuffer }>();
  /** What values have stayed in that were handed out. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  /** What is taken back when this turn of the event loop is over. */
  #leaving: ArrayBuffer[] = [];

  constructor(env: Pick<Env, 'afterIo'>) {
    this.#env = env;
  }

  /** @returns `bytes` of memory that nobody else has, and beside which there are only zeros */
  take(bytes: number): Uint8Array {
    const most = bytes * (1 + SLACK_PART);
    const spare = this.#spare.take(
      ({ buffer }) => buffer.byteLength >= bytes && buffer.byteLength <= most,
    );
    if (spare === undefined) return Buffer.allocUnsafeSlow(bytes);
    new Uint8Array(spare.buffer, bytes).fill(0);
    return new Uint8Array(spare.buffer, 0, bytes);
  }

  /** No value lies in `frame`, as `take` gave it. */
  giveBack({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer) this.#spare.add({ buffer });
  }

  /** A value of `frame` has stayed there, and is handed out. */
  lend({ buffer }: Uint8Array): void {
    this.#lent.add(buffer);
  }

  /**
   * Takes a value back that was handed out, when this turn of the event loop is over: from then on
   * it, and all else that looks at its memory, is empty, so that nobody sees what comes there next.
   * @returns false when it is none of those, or was taken back before
   */
  recycle({ buffer }: Uint8Array): boolean {
    if (!(buffer instanceof ArrayBuffer) || !this.#lent.delete(buffer)) return false;
    if (this.#leaving.length === 0) this.#env.afterIo(() => this.#takeBack());
    this.#leaving.push(buffer);
    return true;
  }

  #takeBack(): void {
    const leaving = this.#leaving;
    this.#leaving = [];
    for (const buffer of leaving) {
      // Its user may have transferred it elsewhere meanwhile.
      if (buffer.byteLength === 0) continue;
      this.giveBack(new Uint8Array(structuredClone(buffer, { transfer: [buffer] })));
    }
  }
}
