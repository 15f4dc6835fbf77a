import type { File, Files } from '@troupe/consensus';

interface Held {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface HeldFilesOptions {
  /** A disk that lies: a sync does nothing, and what there is is written so many ms later. */
  readonly lateMs?: number;
}

/**
 * The same files, but what is written is in the memory of this process until it is synced. So a
 * process that is killed loses what a power cut would take, and not only what it had not written.
 * Names are not held back.
 */
export function heldFiles(files: Files, { lateMs }: HeldFilesOptions = {}): Files {
  return {
    open: async (path, options) => new HeldFile(await files.open(path, options), lateMs),
    list: () => files.list(),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    syncDirectory: () => files.syncDirectory(),
    close: async () => files.close?.(),
  };
}

class HeldFile implements File {
  readonly #file: File;
  readonly #lateMs: number | undefined;
  /** In the order in which it was written. */
  #held: readonly Held[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: File, lateMs: number | undefined) {
    this.#file = file;
    this.#lateMs = lateMs;
  }

  size(): Promise<number> {
    return this.#inTurn(() => this.#size());
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const end = Math.min(offset + length, await this.#size());
      const bytes = new Uint8Array(Math.max(0, end - offset));
      bytes.set(await this.#file.read(offset, bytes.length));
      for (const piece of this.#held) {
        const from = Math.max(offset, piece.offset);
        const to = Math.min(end, piece.offset + piece.bytes.length);
        if (from >= to) continue;
        bytes.set(piece.bytes.subarray(from - piece.offset, to - piece.offset), from - offset);
      }
      return bytes;
    });
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#held = [...this.#held, { offset, bytes: Uint8Array.from(bytes) }];
    return Promise.resolve();
  }

  async truncate(size: number): Promise<void> {
    await this.#writeAll();
    await this.#file.truncate(size);
  }

  async sync(): Promise<void> {
    if (this.#lateMs === undefined) {
      await this.#writeAll();
      return this.#file.sync();
    }
    const written = new Promise((resolve) => setTimeout(resolve, this.#lateMs).unref());
    void written.then(() => this.#writeAll()).catch(() => {}); // The file may be closed by then.
  }

  async close(): Promise<void> {
    await this.#writeAll();
    await this.#file.close();
  }

  /** Held pieces stay readable until they are in the file. */
  #writeAll(): Promise<void> {
    return this.#inTurn(async () => {
      const pieces = this.#held;
      for (const { offset, bytes } of pieces) await this.#file.write(offset, bytes);
      this.#held = this.#held.slice(pieces.length);
    });
  }

  async #size(): Promise<number> {
    const size = await this.#file.size();
    return Math.max(size, ...this.#held.map(({ offset, bytes }) => offset + bytes.length));
  }

  /** One after the other, or a piece could be missed on its way into the file. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
