import type { Timer } from '@troupe/actor';
import type { Entry, Snapshot } from '@troupe/raft';
import type { Files } from './files.ts';
import type { GroupTable } from './group-table.ts';
import { Batch, compaction, withCheckpoint } from './log-batch.ts';
import { failureOf, StoreClosed, StoreFailed } from './log-errors.ts';
import { CHECKPOINT, finishFrame, FRAME_HEADER_BYTES, type Link, SEAL } from './log-frame.ts';
import type { LogSettings } from './log-options.ts';
import { readEntries, readLog } from './log-reader.ts';
import type { Update } from './log-record.ts';
import type { Scan } from './log-scan.ts';
import { placeOf, type Segment, SEGMENT_HEADER_BYTES } from './log-segment.ts';
import type { EntryRange, GroupRecord, Recovered } from './log-store.ts';
import { pinnedBy } from './pinned.ts';
import { SegmentPool } from './segment-pool.ts';

const BATCH_BYTES = 64 * 2 ** 10;
const SEAL_BYTES = 24;
const COMPACTION_BYTES = 4_096;
/** Segments in use, from which on it is looked for what keeps the oldest. */
const SEGMENTS_UNPINNED = 4;
/** Written anew at a time, at most, and not more than a part of a segment. */
const PINNED_BYTES_MAX = 2 ** 20;

/** What a log begins with. */
export interface LogStart {
  readonly scan: Scan;
  /** All files there are. */
  readonly names: readonly string[];
}

/**
 * The log of all groups of a node, in files of fixed size. There is one write at a time, each made
 * durable before the next begins; what comes meanwhile is written together.
 */
export class SegmentedLog {
  readonly #settings: LogSettings;
  readonly #groups: GroupTable;
  readonly #segments: Segment[];
  readonly #pool: SegmentPool;
  #current: Segment | undefined;
  #link: Link;
  /** Numbers of groups whose names are written, or about to be. */
  readonly #numbers = new Map<string, number>();
  /** Compactions that came while the disk was full. */
  #first: Batch | undefined;
  #overtaken: () => void = () => {};
  /** What waits, oldest first; the last is open for more. */
  #waiting: Batch[] = [new Batch(BATCH_BYTES)];
  #idle: Batch[] = [];
  #flying: Batch | undefined;
  #running: Promise<void> | undefined;
  #sealing: Promise<void> | undefined;
  #sealTimer: Timer | undefined;
  /** The segment in which it was last looked for what keeps the oldest. */
  #unpinnedIn = 0;
  #written = 0;
  #failure: Error | undefined;

  constructor(files: Files, settings: LogSettings, { scan, names }: LogStart) {
    this.#settings = settings;
    this.#groups = scan.groups;
    this.#link = scan.next;
    for (const { name, number } of scan.groups) this.#numbers.set(name, number);
    // Those behind the last frame are prepared for later ones.
    const used = scan.segments.findLastIndex(({ end }) => end > SEGMENT_HEADER_BYTES) + 1;
    this.#segments = scan.segments.slice(0, used);
    this.#current = this.#segments.at(-1);
    this.#pool = new SegmentPool(files, settings, {
      names,
      next: (this.#current?.number ?? 0) + 1,
      ready: scan.segments.slice(used),
    });
  }

  async start(): Promise<void> {
    await this.#pool.start();
  }

  get isFull(): boolean {
    return this.#pool.isFull;
  }

  /** Bytes of all frames that this process has written. */
  get writtenBytes(): number {
    return this.#written;
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  append(records: readonly GroupRecord[], done: (error?: Error) => void): void {
    const failure = this.#failure;
    if (failure !== undefined) return queueMicrotask(() => done(failure));
    const batch = this.#openBatch();
    for (const it of records) batch.add(it, this.#numberOf(it.group, batch));
    if (records.some(({ record }) => record.mustSync)) batch.isUrgent = true;
    // What need not be synced is done when all before it is.
    const before = batch.isUrgent ? batch : (this.#waiting.at(-2) ?? this.#flying);
    if (before === undefined) queueMicrotask(done);
    else before.wait(done);
    this.#run();
  }

  async compact(name: string, snapshot: Snapshot, first: number): Promise<void> {
    const update = compaction(this.#groups, { group: name, snapshot, first });
    if (this.#pool.isFull) await this.#overtake(update);
    else await this.#write((batch) => batch.update(update));
    await this.#release();
  }

  async forget(name: string): Promise<void> {
    const group = this.#numbers.get(name);
    if (group === undefined) return;
    this.#numbers.delete(name);
    await this.#write((batch) => batch.update({ kind: 'forget', group }));
    await this.#release();
  }

  /** The entries of these groups are gone; so it was scanned, and so it stays. */
  async lose(names: readonly string[]): Promise<void> {
    const groups = names.map((name) => this.#numbers.get(name)).filter((it) => it !== undefined);
    await this.#write((batch) => {
      for (const group of groups) batch.update({ kind: 'lose', group });
    });
  }

  async heal(name: string): Promise<void> {
    const group = this.#numbers.get(name);
    if (group !== undefined) await this.#write((batch) => batch.update({ kind: 'heal', group }));
  }

  /** Of all groups that have something here; what was appended before is taken into account. */
  async names(): Promise<readonly string[]> {
    await this.#write(() => {});
    return [...this.#groups].map(({ name }) => name);
  }

  /** Whatever was appended before is taken into account. */
  async recover(name: string): Promise<Recovered | undefined> {
    await this.#write(() => {});
    return this.#reading(async () => {
      const group = this.#groups.get(name);
      return group === undefined ? undefined : readLog(group, this.#segments);
    });
  }

  read(name: string, range: EntryRange): Promise<readonly Entry[]> {
    return this.#reading(async () => {
      const group = this.#groups.get(name);
      return group === undefined ? [] : readEntries(group, this.#segments, range);
    });
  }

  async close(): Promise<void> {
    this.#pool.stopWaiting();
    try {
      await this.#write(() => {});
      // What is told is written, but something may be written anew: the seal comes behind that.
      while (this.#running !== undefined) await this.#running;
      this.#sealTimer?.cancel();
      await this.#sealing;
      await this.#seal();
      await this.#current?.file.sync();
    } finally {
      this.#sealTimer?.cancel();
      this.#failure ??= new StoreClosed();
      await this.#pool.close();
      for (const { file } of this.#segments) await file.close();
    }
  }

  /** Durable when it resolves, with all that was appended before. */
  #write(add: (batch: Batch) => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const batch = this.#openBatch();
    add(batch);
    if (batch.isEmpty && this.#flying === undefined) return Promise.resolve();
    batch.isUrgent = true;
    return new Promise((resolve, reject) => {
      batch.wait((error) => (error === undefined ? resolve() : reject(error)));
      this.#run();
    });
  }

  /**
   * While the disk is full, what waits may wait for the very room that a compaction makes. It
   * touches only what is durable, so it may go first.
   */
  #overtake(update: Update & { readonly kind: 'compact' }): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const batch = (this.#first ??= new Batch(BATCH_BYTES));
    batch.update(update);
    return new Promise((resolve, reject) => {
      batch.wait((error) => (error === undefined ? resolve() : reject(error)));
      this.#overtaken();
      this.#run();
    });
  }

  #openBatch(): Batch {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.bytes < this.#settings.batchBytesMax) return last;
    if (last !== undefined) last.isUrgent = true;
    const batch = this.#idle.pop() ?? new Batch(BATCH_BYTES);
    this.#waiting.push(batch);
    return batch;
  }

  #numberOf(name: string, batch: Batch): number {
    let group = this.#numbers.get(name);
    if (group === undefined) {
      group = this.#groups.newNumber();
      this.#numbers.set(name, group);
      batch.update({ kind: 'name', group, name });
    }
    return group;
  }

  #run(): void {
    if (this.#running !== undefined || this.#next() === undefined) return;
    this.#running = this.#writeAll()
      .catch((error: unknown) => void this.#fail(failureOf(error, 'the log')))
      .finally(() => {
        this.#running = undefined;
        this.#run(); // Something may have come between the last look and now.
      });
  }

  /** What is to be written now, if anything is. */
  #next(): Batch | undefined {
    const [oldest] = this.#waiting;
    return this.#first ?? (oldest?.isUrgent === true ? oldest : undefined);
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      const fits = batch.isEmpty || this.#fits(batch);
      if (!fits && (await this.#isOvertaken())) continue;
      if (batch === this.#first) this.#first = undefined;
      else this.#waiting.shift();
      this.#flying = batch;
      if (!batch.isEmpty) await this.#writeBatch(batch, fits);
      this.#flying = undefined;
      batch.tell();
      batch.clear();
      if (batch.capacity <= this.#settings.batchBytesMax) this.#idle.push(batch);
      await this.#unpin();
    }
    this.#sealSoon();
  }

  /**
   * Writes anew what idle groups have in the oldest segment, once for each new one, so that it can
   * be used again. Between two batches, when what is durable is all that there is of them.
   */
  async #unpin(): Promise<void> {
    const number = this.#current?.number ?? 0;
    if (this.#segments.length <= SEGMENTS_UNPINNED || number === this.#unpinnedIn) return;
    this.#unpinnedIn = number;
    const bytesMax = Math.min(PINNED_BYTES_MAX, this.#settings.segmentBytes / 8);
    const { records, long } = await pinnedBy(this.#groups, this.#segments, bytesMax);
    for (const group of long) this.#settings.onPinned(group);
    const batch = new Batch(BATCH_BYTES);
    for (const record of records) batch.add(record, this.#numberOf(record.group, batch));
    if (batch.isEmpty || !this.#fits(batch)) return; // Waiting for room is not for this.
    await this.#writeBatch(batch, true);
    this.#release().catch(() => {}); // Its failure is the log's, which tells everybody.
  }

  /** In the present segment, at the end of which there is room for compactions and nothing else. */
  #fits(batch: Batch): boolean {
    const kept = batch === this.#first ? 0 : Math.min(COMPACTION_BYTES, this.#roomBytes / 8);
    const end = (this.#current?.end ?? Infinity) + batch.frameBytes;
    return end <= this.#roomBytes - kept;
  }

  /** Of the present segment: what is there, since a disk that is full has no more. */
  get #roomBytes(): number {
    return Math.min(this.#settings.segmentBytes, this.#current?.bytes ?? 0);
  }

  /** Waits for the next segment. @returns whether something has come that is to be written first */
  async #isOvertaken(): Promise<boolean> {
    const { length } = this.#first?.updates ?? [];
    const overtaken = new Promise<void>((resolve) => (this.#overtaken = resolve));
    await Promise.race([this.#pool.ready(), overtaken]);
    return (this.#first?.updates.length ?? 0) > length;
  }

  async #writeBatch(batch: Batch, fits: boolean): Promise<void> {
    await this.#sealing;
    let frame = batch.frame();
    let [flags, shift] = [0, 0];
    let segment = this.#current;
    if (segment === undefined || !fits) {
      segment = await this.#pool.take();
      this.#segments.push(segment);
      this.#current = segment;
      flags = CHECKPOINT;
      ({ frame, shift } = withCheckpoint(frame, this.#groups));
    }
    const { sequence } = this.#link;
    const sum = finishFrame(frame, this.#link, { salt: segment.salt, flags });
    await segment.file.write(segment.end, frame);
    if (segment.file.writesThrough !== true) await segment.file.sync();
    const origin = placeOf(segment.number, segment.end + shift);
    for (const update of batch.updates) {
      const gap = this.#groups.apply(update, origin);
      if (gap !== undefined) throw new StoreFailed(`BUG: ${gap}`);
    }
    segment.end += frame.length;
    this.#written += frame.length;
    this.#link = { sequence: sequence + 1, previous: sum };
  }

  /** One timer, that is not set again for each write: it looks whether there has been one. */
  #sealSoon(): void {
    if (this.#sealTimer !== undefined || this.#failure !== undefined) return;
    const { sequence } = this.#link;
    this.#sealTimer = this.#settings.env.setTimer(this.#settings.sealAfterMs, () => {
      this.#sealTimer = undefined;
      if (this.#link.sequence !== sequence) this.#sealSoon();
      else if (this.#running === undefined) {
        this.#sealing = this.#seal()
          .catch((error: unknown) => void this.#fail(failureOf(error, 'the log')))
          .finally(() => (this.#sealing = undefined));
      }
    });
  }

  /** Says that the last frame is durable. Not synced, since it promises nothing. */
  async #seal(): Promise<void> {
    const segment = this.#current;
    if (segment === undefined || this.#failure !== undefined) return;
    if (segment.end + SEAL_BYTES > this.#roomBytes) return;
    const frame = Buffer.alloc(SEAL_BYTES);
    finishFrame(frame, this.#link, { salt: segment.salt, flags: SEAL });
    await segment.file.write(segment.end, frame);
  }

  async #release(): Promise<void> {
    const current = this.#current?.number ?? 0;
    const oldest = this.#groups.oldestSegment(current);
    const kept = this.#segments.findIndex(({ number, readers }) => number >= oldest || readers > 0);
    const released = this.#segments.splice(0, kept);
    if (released.length === 0) return;
    try {
      await this.#pool.giveBack(released);
    } catch (error) {
      throw this.#fail(failureOf(error, 'segments that are not needed any more'));
    }
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await read();
    } catch (error) {
      throw this.#fail(failureOf(error, 'the log'));
    }
  }

  /** Nothing is written any more, and everybody is told why. */
  #fail(error: Error): Error {
    const failure = (this.#failure ??= error);
    const batches = [this.#flying, this.#first, ...this.#waiting];
    this.#flying = undefined;
    this.#first = undefined;
    this.#waiting = [new Batch(FRAME_HEADER_BYTES)];
    for (const batch of batches) batch?.tell(failure);
    return failure;
  }
}
