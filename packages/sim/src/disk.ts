import type { Agenda } from './agenda.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

/** A power cut leaves each of these whole: old or new, never half. */
const SECTOR_BYTES = 512;

/** How a disk behaves; all can change while it is in use. */
export interface DiskQuality {
  /** Of a write or a read, in milliseconds. */
  readonly latencyMs: number;
  /** Of a sync, in milliseconds. */
  readonly syncMs: number;
  /** Probability that a read, write or sync fails with EIO. */
  readonly errors: number;
  /** Bytes that fit; a write beyond fails with ENOSPC. */
  readonly capacityBytes: number;
}

const GOOD: DiskQuality = { latencyMs: 0.05, syncMs: 0.5, errors: 0, capacityBytes: Infinity };

/** Files as storage uses them. Nothing is durable before it was synced, names included. */
export interface Files {
  /** @throws ENOENT unless `create` is set */
  open(path: string, options?: { readonly create?: boolean }): Promise<File>;
  list(): Promise<readonly string[]>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes what `open`, `rename` and `remove` did to names durable. */
  syncDirectory(): Promise<void>;
}

export interface File {
  size(): Promise<number>;
  /** @returns fewer bytes at the end of the file */
  read(offset: number, length: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What one file holds: as programs read it, and as it would be after a power cut. */
class Content {
  bytes: Uint8Array = new Uint8Array();
  durable: Uint8Array = new Uint8Array();
  /** Sectors that differ in the two. */
  readonly dirty = new Set<number>();

  resize(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, size));
    const [from, to] = [Math.min(size, this.bytes.length), Math.max(size, this.bytes.length)];
    this.bytes = grown;
    this.touch(from, to);
  }

  touch(from: number, to: number): void {
    for (let at = Math.floor(from / SECTOR_BYTES); at * SECTOR_BYTES < to; at += 1) {
      this.dirty.add(at);
    }
  }

  sync(): void {
    this.durable = this.bytes.slice();
    this.dirty.clear();
  }

  /** Every sector that was not synced is old or new, in any combination; lengths likewise. */
  cutPower(random: Random): void {
    const keepsLength = random.chance(0.5);
    const size = keepsLength ? this.bytes.length : Math.min(this.durable.length, this.bytes.length);
    const after = new Uint8Array(size);
    after.set(this.durable.subarray(0, size));
    for (const sector of this.dirty) {
      if (random.chance(0.5)) continue;
      const from = sector * SECTOR_BYTES;
      const written = this.bytes.subarray(from, from + SECTOR_BYTES);
      if (from < size) after.set(written.subarray(0, size - from), from);
    }
    this.bytes = after;
    this.sync();
  }
}

/** A host's disk. It outlives processes; a power cut takes what was not synced, or parts of it. */
export class SimDisk {
  readonly #agenda: Agenda;
  readonly #random: Random;
  #quality: DiskQuality = GOOD;
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  #hung = false;
  #waiting: (() => void)[] = [];

  constructor(agenda: Agenda, random: Random) {
    this.#agenda = agenda;
    this.#random = random;
  }

  setQuality(quality: Partial<DiskQuality>): void {
    this.#quality = { ...this.#quality, ...quality };
  }

  /** Nothing is finished any more until `goOn`. */
  hang(): void {
    this.#hung = true;
  }

  goOn(): void {
    this.#hung = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  /** A bit turns over, on the disk itself. @returns false when the file has no such byte */
  flipBit(path: string, offset: number): boolean {
    const content = this.#names.get(path);
    if (content === undefined || offset >= content.bytes.length) return false;
    for (const bytes of [content.bytes, content.durable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    }
    return true;
  }

  cutPower(): void {
    this.#names = new Map(this.#random.chance(0.5) ? this.#names : this.#durableNames);
    for (const content of this.#names.values()) content.cutPower(this.#random);
    this.#durableNames = new Map(this.#names);
    this.#waiting = [];
    this.#hung = false;
  }

  /** The disk as one process uses it; what it asked for is not finished after its end. */
  files(process: SimProcess): Files {
    const act = <T>(delayMs: number, run: () => T): Promise<T> => this.#act(process, delayMs, run);
    const { latencyMs } = this.#quality;
    return {
      open: (path, options) =>
        act(latencyMs, () => {
          let content = this.#names.get(path);
          if (content === undefined) {
            if (options?.create !== true) throw failure('ENOENT', `${path}: no such file`);
            this.#names.set(path, (content = new Content()));
          }
          return this.#file(content, act);
        }),
      list: () => act(latencyMs, () => [...this.#names.keys()].sort()),
      rename: (from, to) =>
        act(latencyMs, () => {
          const content = this.#names.get(from);
          if (content === undefined) throw failure('ENOENT', `${from}: no such file`);
          this.#names.delete(from);
          this.#names.set(to, content);
        }),
      remove: (path) => act(latencyMs, () => void this.#names.delete(path)),
      syncDirectory: () =>
        act(this.#quality.syncMs, () => void (this.#durableNames = new Map(this.#names))),
    };
  }

  #file(content: Content, act: <T>(delayMs: number, run: () => T) => Promise<T>): File {
    const latencyMs = (): number => this.#quality.latencyMs;
    return {
      size: () => act(0, () => content.bytes.length),
      read: (offset, length) =>
        act(latencyMs(), () => content.bytes.slice(offset, offset + length)),
      write: (offset, given) => {
        const bytes = Uint8Array.from(given);
        return act(latencyMs(), () => {
          const end = offset + bytes.length;
          this.#requireSpace(Math.max(0, end - content.bytes.length));
          if (end > content.bytes.length) content.resize(end);
          content.bytes.set(bytes, offset);
          content.touch(offset, end);
        });
      },
      truncate: (size) => act(latencyMs(), () => content.resize(size)),
      sync: () => act(this.#quality.syncMs, () => content.sync()),
      close: () => act(0, () => undefined),
    };
  }

  #requireSpace(bytes: number): void {
    let used = bytes;
    for (const content of this.#names.values()) used += content.bytes.length;
    if (used > this.#quality.capacityBytes) throw failure('ENOSPC', 'no space left on the disk');
  }

  #act<T>(process: SimProcess, delayMs: number, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        if (process.hasEnded) return;
        if (this.#hung) return void this.#waiting.push(finish);
        let outcome: () => void;
        try {
          if (this.#random.chance(this.#quality.errors)) throw failure('EIO', 'the disk failed');
          const result = run();
          outcome = () => resolve(result);
        } catch (error) {
          outcome = () => reject(error);
        }
        process.happens('input', outcome);
      };
      if (!process.hasEnded) this.#agenda.after(delayMs, finish);
    });
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
