import type { File, Files } from '@troupe/consensus';

/** Files that stop for good when so many operations that change something are done. */
export class CountedFiles {
  readonly files: Files;
  /** Resolves when they have stopped. */
  readonly stopped: Promise<void>;
  #done = 0;
  readonly #limit: number;
  #stop: () => void = () => {};

  constructor(files: Files, limit: number = Infinity) {
    this.#limit = limit;
    this.stopped = new Promise((resolve) => (this.#stop = resolve));
    const count = <T>(run: () => Promise<T>): Promise<T> => this.#count(run);
    this.files = {
      open: async (path, options) => {
        const file = await (options?.create === true
          ? count(() => files.open(path, options))
          : files.open(path));
        return this.#counted(file);
      },
      list: () => files.list(),
      rename: (from, to) => count(() => files.rename(from, to)),
      remove: (path) => count(() => files.remove(path)),
      syncDirectory: () => count(() => files.syncDirectory()),
    };
  }

  get done(): number {
    return this.#done;
  }

  #counted(file: File): File {
    return {
      ...file,
      write: (offset, bytes) => this.#count(() => file.write(offset, bytes)),
      truncate: (size) => this.#count(() => file.truncate(size)),
      sync: () => this.#count(() => file.sync()),
    };
  }

  async #count<T>(run: () => Promise<T>): Promise<T> {
    if (this.#done >= this.#limit) return new Promise(() => {});
    const result = await run();
    this.#done += 1;
    if (this.#done < this.#limit) return result;
    this.#stop();
    return new Promise(() => {});
  }
}
