import fs from 'node:fs';
import type { Env } from '@troupe/actor';

/** More at a time takes long enough on any disk. */
const BYTES_MAX = 64 * 2 ** 10;
/** A disk that takes longer, by and large, is slow … */
const SLOW_MS = 1;
/** … and nobody stands still for it again before so much time has passed. */
const SPARED_MS = 1_000;
/** The part of a single write: one that had to wait for a core says nothing of the disk. */
const WEIGHT = 1 / 8;

/**
 * Writes on the thread that asks for it, which saves two changes of threads for each write and
 * makes that thread stand still meanwhile. So it is for short writes on a disk that is fast now,
 * by a thread that has nothing better to do; for the others Node has threads.
 */
export class WriteInPlace {
  readonly #env: Env;
  #sparedUntilMs = -Infinity;
  /** What writes have taken lately. */
  #usualMs = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  isFor(bytes: Uint8Array): boolean {
    return bytes.length <= BYTES_MAX && this.#env.now() >= this.#sparedUntilMs;
  }

  /** Writes when this turn is over, so that what it has said to others is on its way before. */
  write(fd: number, offset: number, bytes: Uint8Array): Promise<void> {
    const env = this.#env;
    return new Promise((resolve, reject) => {
      env.afterIo(() => {
        const beganMs = env.now();
        try {
          let done = 0;
          while (done < bytes.length) {
            done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
          }
          resolve();
        } catch (error) {
          reject(error);
        }
        this.#took(env.now() - beganMs);
      });
    });
  }

  #took(ms: number): void {
    this.#usualMs += (ms - this.#usualMs) * WEIGHT;
    if (this.#usualMs < SLOW_MS) return;
    this.#usualMs = 0;
    this.#sparedUntilMs = this.#env.now() + SPARED_MS;
  }
}
