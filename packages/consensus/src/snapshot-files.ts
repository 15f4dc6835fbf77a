import type { Log } from '@troupe/actor';
import type { ChunkStore, Snapshot } from '@troupe/raft';
import {
  BLOCK_BYTES,
  BlockSums,
  encodeManifest,
  encodeSums,
  type Manifest,
  readManifest,
} from './block-sums.ts';
import { checksum } from './checksum.ts';
import { codeOf, type File, type Files, isForRoom } from './files.ts';
import { DiskFull, failureOf, StoreClosed } from './log-errors.ts';

const PREFIX = 'snapshot-';
const NAME_BYTES_MAX = 240;
/** Errors of a disk that cannot give back what was written to it. */
const LOST: ReadonlySet<string> = new Set(['EIO', 'ENOENT']);

/** A snapshot that is complete, and open to be read. */
interface Whole {
  readonly content: File;
  /** Where it came from another node. */
  readonly snapshot: Snapshot | undefined;
  readonly bytes: number;
  readonly sums: readonly number[];
  readers: number;
}

export interface IncomingPart {
  readonly snapshot: Snapshot;
  /** So many of its bytes are here. */
  readonly offset: number;
}

/** A snapshot that is on its way here. */
interface Incoming {
  readonly snapshot: Snapshot;
  readonly content: File;
  readonly manifest: File;
  readonly headBytes: number;
  readonly sums: BlockSums;
}

/**
 * Snapshots as plain files: `.part` while the content is being written, `.data` when all of it is
 * durable, `.sums` with the checksums beside it. Nothing is read but through its checksums.
 */
export class SnapshotFiles {
  readonly #files: Files;
  readonly #log: Log;
  readonly #names: Set<string>;
  readonly #open = new Map<string, Whole>();
  readonly #incoming = new Map<string, Incoming>();
  /** What is done about the snapshots of a group, one thing after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #isClosed = false;

  constructor(files: Files, names: readonly string[], log: Log) {
    this.#files = files;
    this.#log = log;
    this.#names = new Set(names.filter((name) => name.startsWith(PREFIX)));
  }

  /** Removes what was cut off, and cannot be gone on with. */
  async start(): Promise<void> {
    for (const name of this.#names) {
      const [key, kind] = partsOf(name);
      const isWhole = this.#names.has(`${key}.data`);
      const isBegun = this.#names.has(`${key}.part`) && this.#names.has(`${key}.sums`);
      if (kind === 'part' ? isBegun : isWhole || isBegun) continue;
      await this.#remove(name);
    }
  }

  write(
    group: string,
    id: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<number> {
    return this.#inTurn(group, () =>
      this.#fitting(group, id, async (key) => {
        const content = await this.#create(`${key}.part`);
        const sums = new BlockSums();
        try {
          for await (const chunk of chunks) {
            await content.write(sums.length, chunk);
            sums.add(chunk);
          }
          sums.end();
          const manifest = await this.#create(`${key}.sums`);
          try {
            const head = encodeManifest({ bytes: sums.length, snapshot: undefined });
            await manifest.write(0, Buffer.concat([head, encodeSums(sums.sums)]));
            await this.#complete(key, content, manifest);
          } finally {
            await manifest.close();
          }
        } finally {
          await content.close();
        }
        return sums.length;
      }),
    );
  }

  async read(
    group: string,
    id: string,
    { offset, bytes }: { readonly offset: number; readonly bytes: number },
  ): Promise<Uint8Array | undefined> {
    const key = keyOf(group, id);
    const whole = await this.#inTurn(group, () => this.#whole(key));
    if (whole === undefined) return undefined;
    whole.readers += 1;
    try {
      const length = Math.max(0, Math.min(bytes, whole.bytes - offset));
      return await readBlocks(whole, offset, length);
    } catch (error) {
      throw failureOf(error, `snapshot '${id}'`);
    } finally {
      whole.readers -= 1;
      if (whole.readers === 0 && this.#open.get(key) !== whole) await whole.content.close();
    }
  }

  store(group: string, { snapshot, offset, data }: ChunkStore): Promise<void> {
    return this.#inTurn(group, () =>
      this.#fitting(group, snapshot.id, async (key) => {
        let incoming = this.#incoming.get(group);
        if (offset === 0 || incoming === undefined || incoming.snapshot.id !== snapshot.id) {
          incoming = await this.#begin(group, key, snapshot);
        }
        const { sums, content, manifest, headBytes } = incoming;
        if (offset !== sums.length) {
          throw new RangeError(
            `bytes from ${offset} on of a snapshot that is here to ${sums.length}`,
          );
        }
        const known = sums.sums.length;
        await content.write(offset, data);
        sums.add(data);
        if (sums.length === snapshot.bytes) sums.end();
        await manifest.write(headBytes + 4 * known, encodeSums(sums.sums.slice(known)));
        if (sums.length < snapshot.bytes) return;
        await this.#complete(key, content, manifest);
        this.#incoming.delete(group);
        await closeIncoming(incoming);
      }),
    );
  }

  /**
   * What has arrived of a snapshot of `group`, as far as its checksums vouch for it; or one that is
   * complete, and after `index`.
   */
  incoming(group: string, index: number): Promise<IncomingPart | undefined> {
    return this.#inTurn(group, async () => {
      const incoming = this.#incoming.get(group) ?? (await this.#resume(group));
      if (incoming === undefined) return this.#received(group, index);
      const { snapshot, sums } = incoming;
      return { snapshot, offset: sums.length };
    });
  }

  keep(group: string, inUse: ReadonlySet<string>): Promise<void> {
    return this.#inTurn(group, async () => {
      const kept = new Set([...inUse].map((id) => keyOf(group, id)));
      const before = this.#names.size;
      for (const name of this.#names) {
        const [key, kind] = partsOf(name);
        if (kind !== 'data' || !isOf(group, key) || kept.has(key)) continue;
        if ((this.#open.get(key)?.readers ?? 0) > 0) continue; // Next time.
        await this.#letGo(key);
        await this.#remove(name);
        await this.#remove(`${key}.sums`);
      }
      if (this.#names.size < before) await this.#files.syncDirectory();
    });
  }

  async forget(group: string): Promise<void> {
    await this.#inTurn(group, () => this.#giveUp(group));
    await this.keep(group, new Set());
  }

  /** What goes on ends first, and nothing begins any more: it might close what is closed here. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#turns.values());
    for (const { content } of this.#open.values()) await content.close();
    for (const incoming of this.#incoming.values()) await closeIncoming(incoming);
  }

  async #whole(key: string): Promise<Whole | undefined> {
    const known = this.#open.get(key);
    if (known !== undefined || !this.#names.has(`${key}.data`)) return known;
    const whole = await unlessLost(this.#opened(key));
    if (whole !== undefined) this.#open.set(key, whole);
    return whole;
  }

  async #opened(key: string): Promise<Whole | undefined> {
    const manifest = await this.#files.open(`${key}.sums`);
    let said: Awaited<ReturnType<typeof readManifest>>;
    try {
      said = await readManifest(manifest);
    } finally {
      await manifest.close();
    }
    if (said === undefined) return undefined;
    const content = await this.#files.open(`${key}.data`);
    return { ...said, content, readers: 0 };
  }

  async #begin(group: string, key: string, snapshot: Snapshot): Promise<Incoming> {
    await this.#giveUp(group);
    const content = await this.#create(`${key}.part`);
    const manifest = await this.#create(`${key}.sums`);
    const head = encodeManifest({ bytes: snapshot.bytes, snapshot });
    // Of its full size from the start: a disk that is full then leaves it as it was.
    const room = Buffer.alloc(4 * Math.ceil(snapshot.bytes / BLOCK_BYTES));
    await manifest.write(0, Buffer.concat([head, room]));
    await this.#files.syncDirectory();
    const sums = new BlockSums();
    const incoming = { snapshot, content, manifest, headBytes: head.length, sums };
    this.#incoming.set(group, incoming);
    return incoming;
  }

  /** Finds what an earlier life of this node has received. What is all there becomes complete. */
  async #resume(group: string): Promise<Incoming | undefined> {
    const part = [...this.#names].find((name) => {
      const [key, kind] = partsOf(name);
      return kind === 'part' && isOf(group, key);
    });
    if (part === undefined) return undefined;
    const [key] = partsOf(part);
    const incoming = await this.#begun(group, key);
    if (incoming === undefined) {
      await this.#remove(part);
      await this.#remove(`${key}.sums`);
      return undefined;
    }
    const { snapshot, content, manifest, sums } = incoming;
    if (sums.length === snapshot.bytes) {
      await this.#complete(key, content, manifest);
      await closeIncoming(incoming);
      return undefined;
    }
    this.#incoming.set(group, incoming);
    return incoming;
  }

  /** @returns undefined for what cannot be gone on with, and so comes once more */
  async #begun(group: string, key: string): Promise<Incoming | undefined> {
    const manifest = await this.#files.open(`${key}.sums`);
    const content = await this.#files.open(`${key}.part`);
    try {
      const said = await readManifest(manifest);
      if (said?.snapshot !== undefined) {
        const sums = new BlockSums(await soundBlocks(content, said));
        const { snapshot } = said;
        return { snapshot, content, manifest, headBytes: encodeManifest(said).length, sums };
      }
    } catch (error) {
      if (!LOST.has(codeOf(error) ?? '')) throw error;
      const advice = 'it is given up, and comes once more; look after the disk';
      this.#log.error({ group, error }, `what has come of a snapshot cannot be read: ${advice}`);
    }
    await content.close();
    await manifest.close();
    return undefined;
  }

  /** It may have become complete just before the end of an earlier life, and not been installed. */
  async #received(group: string, index: number): Promise<IncomingPart | undefined> {
    for (const name of this.#names) {
      const [key, kind] = partsOf(name);
      if (kind !== 'data' || !isOf(group, key)) continue;
      const whole = await this.#whole(key);
      if (whole?.snapshot === undefined || whole.snapshot.index <= index) continue;
      return { snapshot: whole.snapshot, offset: whole.bytes };
    }
    return undefined;
  }

  async #giveUp(group: string): Promise<void> {
    const incoming = this.#incoming.get(group) ?? (await this.#resume(group));
    if (incoming === undefined) return;
    this.#incoming.delete(group);
    await closeIncoming(incoming);
    const key = keyOf(group, incoming.snapshot.id);
    await this.#remove(`${key}.part`);
    if (!this.#names.has(`${key}.data`)) await this.#remove(`${key}.sums`);
  }

  /** It is opened anew when it is read the next time; those who read it now do so to their end. */
  async #letGo(key: string): Promise<void> {
    const whole = this.#open.get(key);
    this.#open.delete(key);
    if (whole?.readers === 0) await whole.content.close();
  }

  async #complete(key: string, content: File, manifest: File): Promise<void> {
    await content.sync();
    await manifest.sync();
    // One that could not be read any more comes once more, under the same name.
    await this.#letGo(key);
    await this.#files.rename(`${key}.part`, `${key}.data`);
    await this.#files.syncDirectory();
    this.#names.delete(`${key}.part`);
    this.#names.add(`${key}.data`);
  }

  async #create(name: string): Promise<File> {
    const file = await this.#files.open(name, { create: true });
    this.#names.add(name);
    await file.truncate(0);
    return file;
  }

  async #remove(name: string): Promise<void> {
    await this.#files.remove(name);
    this.#names.delete(name);
  }

  /** Runs `write`; leaves nothing of it behind when the disk is full. */
  async #fitting<T>(group: string, id: string, write: (key: string) => Promise<T>): Promise<T> {
    const key = keyOf(group, id);
    try {
      return await write(key);
    } catch (error) {
      if (!isForRoom(error)) throw failureOf(error, `snapshot '${id}'`);
      if (this.#incoming.get(group)?.snapshot.id !== id) {
        for (const name of [`${key}.part`, `${key}.sums`]) await this.#remove(name);
      }
      throw new DiskFull(`a snapshot of group '${group}'`, { cause: error });
    }
  }

  #inTurn<T>(group: string, run: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreClosed());
    const turn = (this.#turns.get(group) ?? Promise.resolve()).then(run, run);
    this.#turns.set(group, turn);
    const end = (): void => {
      if (this.#turns.get(group) === turn) this.#turns.delete(group);
    };
    turn.then(end, end);
    return turn;
  }
}

async function closeIncoming({ content, manifest }: Incoming): Promise<void> {
  await content.close();
  await manifest.close();
}

/**
 * What the disk cannot read any more, or does not have, is as good as overwritten. That is no
 * reason to end: the log, which is in other files, may be as it was.
 */
async function unlessLost<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (LOST.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function readBlocks(
  { content, sums }: Whole,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  const from = offset - (offset % BLOCK_BYTES);
  const blocks = Math.ceil((offset + length - from) / BLOCK_BYTES);
  const bytes = await unlessLost(content.read(from, blocks * BLOCK_BYTES));
  if (bytes === undefined) return undefined;
  for (let i = 0; i < blocks; i += 1) {
    const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
    if (checksum(block) !== sums[from / BLOCK_BYTES + i]) return undefined;
  }
  return bytes.subarray(offset - from, offset - from + length);
}

/**
 * The checksums of the first blocks that are full and as they should be. Each is written again: if
 * a sync has failed, a later one would not write it otherwise.
 */
async function soundBlocks(
  content: File,
  { bytes, sums }: Manifest & { readonly sums: readonly number[] },
): Promise<readonly number[]> {
  for (const [i, sum] of sums.entries()) {
    const length = Math.min(BLOCK_BYTES, bytes - i * BLOCK_BYTES);
    const block = await content.read(i * BLOCK_BYTES, length);
    if (length < BLOCK_BYTES || block.length < length || checksum(block) !== sum) {
      return sums.slice(0, i);
    }
    await content.write(i * BLOCK_BYTES, block);
  }
  return sums;
}

/** Groups and ids may hold any characters; files may not. */
function keyOf(group: string, id: string): string {
  const key = `${PREFIX}${escaped(group)}.${escaped(id)}`;
  if (key.length <= NAME_BYTES_MAX) return key;
  throw new RangeError(`'${group}' and '${id}' are too long, together, to name a file`);
}

function isOf(group: string, key: string): boolean {
  return key.startsWith(`${PREFIX}${escaped(group)}.`);
}

function partsOf(name: string): readonly [key: string, kind: string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}

function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E');
}
