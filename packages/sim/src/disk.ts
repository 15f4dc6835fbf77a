import type { Agenda } from './agenda.ts';
import { Content } from './content.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

/** How a disk behaves; all can change while it is in use. */
export interface DiskQuality {
  /** Of a write or a read, in milliseconds. */
  readonly latencyMs: number;
  /** Of a sync, in milliseconds. */
  readonly syncMs: number;
  /**
   * Probability that an operation fails with EIO. After a sync that failed nobody knows what of it
   * is on the disk, and trying it again does not help: only writing again does.
   */
  readonly errors: number;
  /** Bytes that fit; a write beyond fails with ENOSPC. */
  readonly capacityBytes: number;
}

const GOOD: DiskQuality = { latencyMs: 0.05, syncMs: 0.5, errors: 0, capacityBytes: Infinity };

/** `hang`: nothing is finished. `slow`, `failing`, `full`: as the qualities below say. */
export type DiskTrouble = 'hang' | 'slow' | 'failing' | 'full';

const TROUBLES: Readonly<Record<DiskTrouble, Partial<DiskQuality>>> = {
  hang: {},
  slow: { latencyMs: 20, syncMs: 500 },
  failing: { errors: 0.2 },
  full: { capacityBytes: 0 },
};

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

type Names = Map<string, Content>;

/** What a process asks of its disk. */
interface Action<T> {
  readonly run: () => T;
  /** What comes of it when the disk fails instead. */
  readonly fail?: () => void;
  readonly isSync?: boolean;
  /** Whether no disk is needed for it. */
  readonly isFree?: boolean;
}

/** A host's disk. It outlives processes; a power cut takes what was not synced, or parts of it. */
export class SimDisk {
  readonly #agenda: Agenda;
  readonly #random: Random;
  #good: DiskQuality = GOOD;
  #trouble: DiskTrouble | undefined;
  #names: Names = new Map();
  readonly #durableNames: Names = new Map();
  /** What was done to names since their last sync, in order. */
  #unsynced: ((names: Names) => void)[] = [];
  #waiting: (() => void)[] = [];

  constructor(agenda: Agenda, random: Random) {
    this.#agenda = agenda;
    this.#random = random;
  }

  setQuality(quality: Partial<DiskQuality>): void {
    this.#good = { ...this.#good, ...quality };
  }

  get #quality(): DiskQuality {
    return { ...this.#good, ...(this.#trouble === undefined ? {} : TROUBLES[this.#trouble]) };
  }

  /** Until `goOn`, in place of other trouble. */
  suffer(trouble: DiskTrouble): void {
    this.goOn();
    this.#trouble = trouble;
  }

  /** Nothing is finished any more until `goOn`. */
  hang(): void {
    this.suffer('hang');
  }

  goOn(): void {
    this.#trouble = undefined;
    for (const run of this.#waiting.splice(0)) run();
  }

  /** Of all files, as whoever uses the disk finds them. */
  get names(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** A bit turns over, on the disk itself. @returns false when the file has no such byte */
  flipBit(path: string, offset: number): boolean {
    return this.#names.get(path)?.flipBit(offset) ?? false;
  }

  /**
   * Of what was done to names, the first part is kept: all, some or none, as a journal would.
   * @param random decides what is left. Default: the world's own chances.
   */
  cutPower(random: Random = this.#random): void {
    const kept = random.integer(0, this.#unsynced.length);
    for (const change of this.#unsynced.slice(0, kept)) change(this.#durableNames);
    this.#names = new Map(this.#durableNames);
    this.#unsynced = [];
    for (const content of this.#names.values()) content.cutPower(random);
    this.#waiting = [];
    this.#trouble = undefined;
  }

  /** The disk as one process uses it; what it asked for is not finished after its end. */
  files(process: SimProcess): Files {
    const act = <T>(action: Action<T>): Promise<T> => this.#act(process, action);
    return {
      open: (path, options) =>
        act({
          run: () => {
            let content = this.#names.get(path);
            if (content === undefined) {
              if (options?.create !== true) throw failure('ENOENT', `${path}: no such file`);
              const created = (content = new Content());
              this.#change((names) => void names.set(path, created));
            }
            return this.#file(content, act);
          },
        }),
      list: () => act({ run: () => [...this.#names.keys()].sort() }),
      rename: (from, to) =>
        act({
          run: () => {
            const content = this.#names.get(from);
            if (content === undefined) throw failure('ENOENT', `${from}: no such file`);
            this.#change((names) => {
              names.delete(from);
              names.set(to, content);
            });
          },
        }),
      remove: (path) => act({ run: () => this.#change((names) => void names.delete(path)) }),
      syncDirectory: () => act({ isSync: true, run: () => this.#syncNames() }),
    };
  }

  #file(content: Content, act: <T>(action: Action<T>) => Promise<T>): File {
    return {
      size: () => act({ isFree: true, run: () => content.size }),
      read: (offset, length) => act({ run: () => content.read(offset, length) }),
      write: (offset, given) => {
        const bytes = new Uint8Array(given); // The caller may use its own again at once.
        return act({
          run: () => {
            this.#requireSpace(Math.max(0, offset + bytes.length - content.size));
            content.write(offset, bytes);
          },
        });
      },
      truncate: (size) =>
        act({
          run: () => {
            this.#requireSpace(Math.max(0, size - content.size));
            content.resize(size);
          },
        }),
      sync: () =>
        act({
          isSync: true,
          run: () => content.sync(),
          fail: () => content.failSync(this.#random),
        }),
      close: () => act({ isFree: true, run: () => undefined }),
    };
  }

  #change(change: (names: Names) => void): void {
    change(this.#names);
    this.#unsynced.push(change);
  }

  #syncNames(): void {
    for (const change of this.#unsynced.splice(0)) change(this.#durableNames);
  }

  #requireSpace(bytes: number): void {
    if (bytes === 0) return;
    let used = bytes;
    for (const content of this.#names.values()) used += content.size;
    if (used > this.#quality.capacityBytes) throw failure('ENOSPC', 'no space left on the disk');
  }

  #act<T>(process: SimProcess, { run, fail, isSync, isFree }: Action<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        if (process.hasEnded) return;
        if (this.#trouble === 'hang') return void this.#waiting.push(finish);
        let outcome: () => void;
        try {
          if (isFree !== true && this.#random.chance(this.#quality.errors)) {
            fail?.();
            throw failure('EIO', 'the disk failed');
          }
          const result = run();
          outcome = () => resolve(result);
        } catch (error) {
          outcome = () => reject(error);
        }
        process.happens('input', outcome);
      };
      if (process.hasEnded) return;
      const { latencyMs, syncMs } = this.#quality;
      this.#agenda.after(isFree === true ? 0 : isSync === true ? syncMs : latencyMs, finish);
    });
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
