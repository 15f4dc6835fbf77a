import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './files.ts';
import { DirectoryInUse } from './log-errors.ts';

/** `lock-<process id>-<when that process began>-<random>`: all is in the name, so none is half. */
const LOCK = /^lock-(\d+)-(\d+)-/;

/**
 * Takes `directory` for this process alone: two that write one log would destroy it. What a dead
 * process has left is removed. Everybody writes first and looks afterwards, so of two at once at
 * least one sees the other. It says nothing about processes of other machines.
 * @returns gives it back
 * @throws {DirectoryInUse}
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const mine = `lock-${process.pid}-${(await beginOf(process.pid)) ?? 0}-${randomUUID()}`;
  await writeFile(join(directory, mine), '', { flag: 'wx', mode: 0o600 });
  const release = (): Promise<void> => rm(join(directory, mine), { force: true });
  try {
    for (const name of await readdir(directory)) {
      const [, pid, begin] = LOCK.exec(name) ?? [];
      if (name === mine || pid === undefined) continue;
      if (await isAlive(Number(pid), Number(begin))) {
        throw new DirectoryInUse(directory, Number(pid), name);
      }
      await rm(join(directory, name), { force: true });
    }
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

export function isLock(name: string): boolean {
  return LOCK.test(name);
}

/** Whether the process that began then is there; a later one may have its number. */
async function isAlive(pid: number, begin: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  const now = await beginOf(pid);
  return now === undefined || begin === 0 || now === begin;
}

/** Ticks from the start of the machine; undefined where it cannot be known. */
async function beginOf(pid: number): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses, of any characters; this is the 22nd.
    const begin = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    return Number.isSafeInteger(begin) ? begin : undefined;
  } catch {
    return undefined;
  }
}
