/** Commands and pieces of snapshots that the main loop has not done with, in bytes. */
export const WINDOW_BYTES: number = 4 * 2 ** 20;

/**
 * How much may be on its way to the state machines, of all groups together: what is beyond stays
 * in the log until they are done with some of it.
 */
export class Window {
  readonly #bytesMax: number;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isOpen(): boolean {
    return this.#bytes < this.#bytesMax;
  }

  /** So many bytes are on their way. */
  take(bytes: number): void {
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isOpen) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when there is room again. */
  opened(): Promise<void> {
    if (this.isOpen) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
