import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = join(import.meta.dirname, '../../..');
/** A program that says nothing for so long has failed the test. */
const PATIENCE_MS = 30_000;

/** A program of the examples, run as its README says; killed when the test is over. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #closed: Promise<unknown>;
  /** All it has printed so far, on either stream. */
  output = '';

  constructor(script: string, args: readonly string[]) {
    this.process = spawn(process.execPath, [resolve(root, script), ...args], {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process.stdout?.on('data', (chunk) => (this.output += String(chunk)));
    this.process.stderr?.on('data', (chunk) => (this.output += String(chunk)));
    this.#closed = once(this.process, 'close');
  }

  /** Resolves with the match as soon as the output has one. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      const { stdout, stderr } = this.process;
      if (stdout === null || stderr === null) throw new TypeError('BUG: no pipes');
      const ended = this.#closed.then(() => {
        throw new Error(`it ended without printing ${String(pattern)}:\n${this.output}`);
      });
      const stop = new AbortController();
      const either = { signal: AbortSignal.any([signal, stop.signal]) };
      try {
        await Promise.race([once(stdout, 'data', either), once(stderr, 'data', either), ended]);
      } catch (error) {
        if (!signal.aborted) throw error;
        throw new Error(`it never printed ${String(pattern)}:\n${this.output}`, { cause: error });
      } finally {
        stop.abort();
      }
    }
  }

  types(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /** @returns its exit code; null when a signal ended it */
  async ends(): Promise<number | null> {
    await this.#closed;
    return this.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGTERM');
    await this.#closed;
  }
}

/** Whether a process of that id is there, and not just its record that nobody has collected. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/stat`;
  return !existsSync(status) || !/\) Z /.test(readFileSync(status, 'utf8'));
}
