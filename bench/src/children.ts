import { type ChildProcess, spawn } from 'node:child_process';
import type { Command } from './suite.ts';

/** What a program may print; more is a mistake of ours. */
const OUTPUT_CHARS_MAX = 65_536;

/** A program that did not do what it was started for. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';
}

/** Every process that the bench starts, so that none outlives it. */
export class Children {
  readonly #running = new Set<ChildProcess>();

  /**
   * Runs a command to its end. It leads a process group, so that what it starts ends with it.
   * @returns what it printed
   * @throws {ProgramFailed} when it fails or takes longer than `timeoutMs`
   */
  run(
    { file, args, env = {} }: Command,
    { cwd, timeoutMs }: { readonly cwd?: string | undefined; readonly timeoutMs: number },
  ): Promise<string> {
    const child = spawn(file, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#running.add(child);
    return new Promise((resolve, reject) => {
      let [printed, complained, late] = ['', '', false];
      const timer = setTimeout(() => {
        late = true;
        endGroup(child);
      }, timeoutMs);
      child.stdout.on(
        'data',
        (chunk) => (printed = (printed + String(chunk)).slice(0, OUTPUT_CHARS_MAX)),
      );
      child.stderr.on(
        'data',
        (chunk) => (complained = (complained + String(chunk)).slice(-OUTPUT_CHARS_MAX)),
      );
      child.on('error', reject);
      child.on('exit', () => endGroup(child)); // Whom it left behind would hold its output open.
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.#running.delete(child);
        if (code === 0) return resolve(printed);
        const end = late ? `took longer than ${timeoutMs} ms` : `ended with ${code ?? signal}`;
        reject(new ProgramFailed(`${file} ${end}: ${lastLines(complained || printed)}`));
      });
    });
  }

  /** Ends all that still runs, at once. */
  endAll(): void {
    for (const child of this.#running) endGroup(child);
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // The whole group has ended already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** What a program said last, and its error, which stands above its stack. */
function lastLines(text: string): string {
  const lines = text.trim().split('\n');
  const last = lines.slice(-3);
  const error = lines[lines.findIndex((line) => /^ +at /.test(line)) - 1];
  return [...(error === undefined || last.includes(error) ? [] : [error]), ...last].join(' | ');
}
