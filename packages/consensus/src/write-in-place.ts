import fs from 'node:fs';
import type { Env } from '@troupe/actor';

/** More at a time takes long enough on any disk. */
const BYTES_MAX = 64 * 2 ** 10;
/** A disk that takes longer for one write is slow … */
const SLOW_MS = 2;
/** … and nobody stands still for it again before so much time has passed. */
const SPARED_MS = 1_000;

/**
 * Writes on the thread that asks for it, which saves two changes of threads for each write and
 * makes that thread stand still meanwhile. So it is for short writes on a disk that is fast now,
 * by a thread that has nothing better to do; for the others Node has threads.
 */
export class WriteInPlace {
  readonly #env: Env;
  #sparedUntilMs = -Infinity;

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
        const endedMs = env.now();
        if (endedMs - beganMs > SLOW_MS) this.#sparedUntilMs = endedMs + SPARED_MS;
      });
    });
  }
}
