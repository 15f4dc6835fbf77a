import { appendFileSync, closeSync, openSync } from 'node:fs';
import type { Line } from './line.ts';

/** Written at a time, so that a line costs no call of the operating system. */
const BUFFER_CHARACTERS = 2 ** 16;

/** Writes a history as it happens; nothing of it is kept in memory. */
export class Recorder implements Disposable {
  readonly #file: number;
  readonly #startedAtMs: number = performance.now();
  #buffer = '';
  lines = 0;

  /** @throws when the file cannot be written */
  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  /** Milliseconds since it began. */
  now(): number {
    return Math.round((performance.now() - this.#startedAtMs) * 1_000) / 1_000;
  }

  write(line: Line): void {
    this.#buffer += `${JSON.stringify(line)}\n`;
    this.lines += 1;
    if (this.#buffer.length >= BUFFER_CHARACTERS) this.#flush();
  }

  [Symbol.dispose](): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    appendFileSync(this.#file, this.#buffer);
    this.#buffer = '';
  }
}
