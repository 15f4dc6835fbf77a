import fs from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '@troupe/actor';
import { isLock, lockDirectory } from './directory-lock.ts';
import { BadOption } from './errors.ts';
import { codeOf, type File, type Files, type OpenOptions } from './files.ts';
import { WriteInPlace } from './write-in-place.ts';

/** Some systems cannot sync a directory, and keep names without being asked. */
const UNSYNCABLE = new Set(['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP', 'EBADF']);

export interface NodeFilesOptions {
  /** False: the directory must be there, or nothing is opened. Default: it is made. */
  readonly create?: boolean;
  /**
   * Write what is to be durable at once on the thread that asks for it, as long as the disk mostly
   * takes less than a millisecond by this clock: for a thread of its own, which may stand still for
   * that long. Default: by threads of Node's, always.
   */
  readonly inPlace?: Env;
}

/**
 * The files of `directory`, which is this process's until the store in it is closed, or the process
 * ends.
 * @throws {DirectoryInUse} while another has them
 * @throws {BadOption} when it is missing, and not to be made
 */
export async function nodeFiles(
  directory: string,
  { create = true, inPlace }: NodeFilesOptions = {},
): Promise<Files> {
  if (create) await makeDirectory(directory);
  else await refuseMissing(directory);
  const release = await lockDirectory(directory);
  const writer = inPlace && new WriteInPlace(inPlace);
  return {
    close: release,
    open: (path, options) => open(join(directory, path), options, writer),
    async list() {
      const found = await readdir(directory, { withFileTypes: true });
      const files = found.filter((it) => it.isFile() && !isLock(it.name));
      return files.map((it) => it.name);
    },
    rename: (from, to) => rename(join(directory, from), join(directory, to)),
    remove: (path) => rm(join(directory, path), { force: true }),
    syncDirectory: () => syncDirectory(directory),
  };
}

async function makeDirectory(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made !== undefined) await syncDirectory(join(made, '..'));
}

async function refuseMissing(directory: string): Promise<void> {
  try {
    await readdir(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
    const advice = 'there is no such directory, name the one that the node kept its log in';
    throw new BadOption('directory', directory, advice, { cause: error });
  }
}

/** Elsewhere `O_DSYNC` is something else, or leaves the data in the cache of the drive. */
const WRITES_THROUGH = process.platform === 'linux';

async function open(
  path: string,
  { create = false, writeThrough = false }: OpenOptions = {},
  inPlace?: WriteInPlace,
): Promise<File> {
  const { O_RDWR, O_CREAT, O_DSYNC } = fs.constants;
  const writesThrough = writeThrough && WRITES_THROUGH;
  const flags = O_RDWR | (create ? O_CREAT : 0) | (writesThrough ? O_DSYNC : 0);
  const fd = await called<number>((done) => fs.open(path, flags, 0o600, done));
  const write = (offset: number, bytes: Uint8Array): Promise<void> => {
    if (writesThrough && inPlace?.isFor(bytes) === true) return inPlace.write(fd, offset, bytes);
    return writeAll(fd, offset, bytes);
  };
  return {
    writesThrough,
    size: async () => (await called<fs.Stats>((done) => fs.fstat(fd, done))).size,
    read: (offset, length) => readAll(fd, offset, length),
    write,
    truncate: (size) => called((done) => fs.ftruncate(fd, size, done)),
    sync: () => called((done) => fs.fdatasync(fd, done)),
    close: () => called((done) => fs.close(fd, done)),
  };
}

type Done<T> = (error: Error | null, result?: T) => void;

/** Calls back, which costs less than `node:fs/promises`, and once for each operation. */
function called<T = void>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null) resolve(result as T);
      else reject(error);
    });
  });
}

async function readAll(fd: number, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const at = done;
    const count = await called<number>((told) =>
      fs.read(fd, { buffer: bytes, offset: at, length: length - at, position: offset + at }, told),
    );
    if (count === 0) break;
    done += count;
  }
  return new Uint8Array(bytes.buffer, 0, done);
}

function writeAll(fd: number, offset: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeFrom = (from: number): void => {
      fs.write(fd, bytes, from, bytes.length - from, offset + from, (error, count) => {
        if (error !== null) reject(error);
        else if (from + count < bytes.length) writeFrom(from + count);
        else resolve();
      });
    };
    writeFrom(0);
  });
}

async function syncDirectory(path: string): Promise<void> {
  let fd: number;
  try {
    fd = await called<number>((done) => fs.open(path, fs.constants.O_RDONLY, done));
  } catch (error) {
    if (process.platform === 'win32') return;
    throw error;
  }
  try {
    await called((done) => fs.fsync(fd, done));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (process.platform !== 'win32' || !UNSYNCABLE.has(code)) throw error;
  } finally {
    await called((done) => fs.close(fd, done));
  }
}
