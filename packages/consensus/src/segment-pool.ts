import type { Timer } from '@troupe/actor';
import { type File, type Files, isForRoom } from './files.ts';
import { StoreClosed } from './log-errors.ts';
import type { LogSettings } from './log-options.ts';
import {
  encodeHeader,
  type Segment,
  SEGMENT_HEADER_BYTES,
  segmentName,
  SEGMENTS_MAX,
} from './log-segment.ts';

const RESERVE = 'reserve';
const UNFINISHED = /^filling-/;
const SPARE = /^spare-\d+$/;
const FILL_BYTES = 2 ** 20;
/** The disk may get room from elsewhere, and nobody tells. */
const LOOK_AGAIN_MS = 1_000;
const RESTORE_AGAIN_MS = 30_000;

/** What a log finds when it begins. */
export interface PoolStart {
  /** All files there are. */
  readonly names: readonly string[];
  /** Segments without a frame, made ahead in an earlier life. */
  readonly ready: readonly Segment[];
  /** Number of the segment that will be needed first. */
  readonly next: number;
}

/**
 * Makes segments ahead of their use, out of those that are not needed any more or else of zeros:
 * to write where a file has its blocks already costs a sync less than half of what it costs to let
 * the file grow. Survives a full disk by giving up the reserve, and then by waiting.
 */
export class SegmentPool {
  readonly #files: Files;
  readonly #settings: LogSettings;
  readonly #spares: string[];
  #names: number;
  #next: number;
  #hasReserve: boolean;
  #isFull = false;
  #isClosing = false;
  #isClosed = false;
  #prepared: Promise<Segment> | undefined;
  #wake: (() => void)[] = [];
  readonly #left: readonly string[];
  readonly #ready: Segment[];
  #lookAgain: Timer | undefined;
  /** Giving back and filling the reserve, one after the other. */
  #chores: Promise<void> = Promise.resolve();

  constructor(files: Files, settings: LogSettings, { names, next, ready }: PoolStart) {
    this.#files = files;
    this.#settings = settings;
    this.#spares = names.filter((name) => SPARE.test(name));
    this.#names = Math.max(0, ...this.#spares.map((name) => Number(name.slice(6)))) + 1;
    this.#hasReserve = names.includes(RESERVE);
    this.#next = next;
    this.#ready = [...ready];
    this.#left = names.filter((name) => UNFINISHED.test(name));
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Removes what an earlier life left half made, and begins to make what is missing. */
  async start(): Promise<void> {
    for (const name of this.#left) await this.#files.remove(name);
    this.#prepareNext();
    if (!this.#hasReserve) void this.#chore(() => this.#restoreReserve());
  }

  /** Resolves when `take` need not wait. @throws what the disk does */
  async ready(): Promise<void> {
    this.#prepareNext();
    await this.#prepared;
  }

  /** The next segment, empty. Waits while the disk is full. @throws what the disk does */
  async take(): Promise<Segment> {
    this.#prepareNext();
    const segment = await this.#prepared;
    if (segment === undefined) throw new StoreClosed();
    this.#prepared = undefined;
    this.#next = segment.number + 1;
    this.#prepareNext();
    return segment;
  }

  /** From now on nobody waits for room any more. */
  stopWaiting(): void {
    this.#isClosing = true;
    this.#wakeAll();
  }

  /** Makes the next segment while there is time. */
  #prepareNext(): void {
    if (this.#isClosed || this.#prepared !== undefined) return;
    const ready = this.#ready.shift();
    const prepared = ready === undefined ? this.#prepare(this.#next) : Promise.resolve(ready);
    this.#prepared = prepared;
    prepared.catch(() => {}); // Whoever takes it is told.
  }

  /** Takes back segments that nobody needs any more, oldest first. @throws what the disk does */
  giveBack(segments: readonly Segment[]): Promise<void> {
    return this.#chore(async () => {
      for (const segment of segments) await this.#giveBack(segment);
      await this.#files.syncDirectory();
      this.#wakeAll();
      if (!this.#hasReserve) await this.#restoreReserve();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lookAgain?.cancel();
    this.stopWaiting();
    const prepared = await this.#prepared?.catch(() => undefined);
    for (const { file } of [prepared, ...this.#ready].filter((it) => it !== undefined)) {
      await file.close();
    }
    await this.#chores.catch(() => {});
  }

  #chore(run: () => Promise<void>): Promise<void> {
    const chore = this.#chores.then(run);
    this.#chores = chore;
    chore.catch(() => {}); // Those that come after it are told.
    return chore;
  }

  async #prepare(number: number): Promise<Segment> {
    if (number >= SEGMENTS_MAX) {
      throw new RangeError(`the log has had ${number} segments: replace this node by a new one`);
    }
    for (;;) {
      try {
        return await this.#make(number);
      } catch (error) {
        if (!isForRoom(error)) throw error;
      }
      await this.#makeRoom();
    }
  }

  async #make(number: number): Promise<Segment> {
    const { cluster, node, env } = this.#settings;
    const spare = this.#spares.at(-1) ?? (await this.#fill());
    const file = await this.#files.open(spare, { writeThrough: true });
    const salt = Math.floor(env.random() * 2 ** 32);
    await file.write(0, encodeHeader({ cluster, node, number, salt }));
    await file.sync();
    const name = segmentName(number);
    await this.#files.rename(spare, name);
    this.#spares.pop();
    await this.#files.syncDirectory();
    const bytes = await file.size();
    return { number, name, file, salt, bytes, end: SEGMENT_HEADER_BYTES, readers: 0 };
  }

  /** @returns the name of a new spare */
  async #fill(): Promise<string> {
    const name = `spare-${this.#names++}`;
    await this.#fillWithZeros(name, this.#settings.segmentBytes);
    this.#spares.push(name);
    return name;
  }

  async #fillWithZeros(name: string, bytes: number): Promise<void> {
    const unfinished = `filling-${name}`;
    const file = await this.#files.open(unfinished, { create: true });
    try {
      await writeZeros(file, bytes);
      await file.sync();
    } catch (error) {
      await this.#files.remove(unfinished); // Or it would keep what room there is.
      throw error;
    } finally {
      await file.close();
    }
    await this.#files.rename(unfinished, name);
  }

  async #makeRoom(): Promise<void> {
    const hadReserve = this.#hasReserve;
    if (hadReserve) {
      this.#hasReserve = false;
      await this.#files.remove(RESERVE);
      await this.#files.syncDirectory();
    }
    if (!this.#isFull) {
      this.#isFull = true;
      this.#lookForRoom();
      this.#settings.onFull(true); // Whoever shortens a log now has the room of the reserve.
    }
    if (hadReserve) return;
    if (this.#isClosing) throw new StoreClosed();
    await new Promise<void>((resolve) => {
      const timer = this.#settings.env.setTimer(LOOK_AGAIN_MS, resolve);
      this.#wake.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #lookForRoom(): void {
    this.#lookAgain = this.#settings.env.setTimer(RESTORE_AGAIN_MS, () => {
      if (!this.#isFull) return;
      this.#lookForRoom();
      const looking = this.#chore(() => this.#restoreReserve());
      looking.then(
        () => this.#isFull && this.#settings.onFull(true), // Some logs may have had no room yet.
        () => {},
      );
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #giveBack({ name, file }: Segment): Promise<void> {
    const size = await file.size();
    await file.close();
    const { sparesMax, segmentBytes } = this.#settings;
    const isWanted = size === segmentBytes && this.#spares.length < (this.#isFull ? 1 : sparesMax);
    if (!isWanted) return this.#files.remove(name);
    const spare = `spare-${this.#names++}`;
    await this.#files.rename(name, spare);
    this.#spares.unshift(spare);
  }

  async #restoreReserve(): Promise<void> {
    const { reserveBytes, onFull } = this.#settings;
    if (this.#isClosed) return;
    try {
      if (reserveBytes > 0) {
        await this.#fillWithZeros(RESERVE, reserveBytes);
        await this.#files.syncDirectory();
      }
    } catch (error) {
      if (!isForRoom(error)) throw error;
      return;
    }
    this.#hasReserve = reserveBytes > 0;
    if (!this.#isFull) return;
    this.#isFull = false;
    onFull(false);
  }
}

async function writeZeros(file: File, bytes: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(bytes, FILL_BYTES));
  await file.truncate(0);
  for (let at = 0; at < bytes; at += FILL_BYTES) {
    await file.write(at, zeros.subarray(0, Math.min(FILL_BYTES, bytes - at)));
  }
}
