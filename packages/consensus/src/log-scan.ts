import { ByteReader, Malformed } from './byte-stream.ts';
import type { File, Files } from './files.ts';
import { GroupTable } from './group-table.ts';
import { type Damage, type LogPlace, WrongLog } from './log-errors.ts';
import {
  CHECKPOINT,
  type Frame,
  frameAt,
  FRAME_ALIGNMENT,
  headerAt,
  laterFrame,
  type Link,
  SEAL,
  SEARCH_BYTES_MAX,
} from './log-frame.ts';
import { decodeUpdates } from './log-record.ts';
import {
  decodeHeader,
  type LogOwner,
  placeOf,
  type Segment,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from './log-segment.ts';

/** What is in the files of a log. */
export interface Scan {
  readonly verdict: 'clean' | 'cut';
  readonly groups: GroupTable;
  /** Oldest first, without gaps. The last that holds a frame, if any does, is to be gone on in. */
  readonly segments: Segment[];
  /** Files of segments from before, whose removal was cut short. */
  readonly stale: readonly string[];
  /** Of the next frame. */
  readonly next: Link;
  /** Where a write was cut off. */
  readonly cut: LogPlace | undefined;
  /** What was damaged, where that is all before a segment that tells the rest. */
  readonly salvage: Salvage | undefined;
}

/** A log of which a part is lost that a power cut cannot have taken. */
export interface Salvage {
  readonly damage: Damage;
  /** Segments that are, or may be, damaged: what counts is in those behind them. */
  readonly spoiled: readonly string[];
  /** Groups that had entries there. What they have promised is known all the same. */
  readonly lost: readonly string[];
}

/** A segment as it was read; its bytes are dropped once a later one goes on where it ends. */
interface Loaded {
  readonly segment: Segment;
  readonly bytes: Buffer;
}

/** Why what follows the last whole frame is not taken for a write that was cut off. */
const wrongBefore = {
  there: 'something is wrong before what was written later',
  unknown:
    'something is wrong, and whether more was written behind it cannot be told: so much there ' +
    `looks like it that searching would read over ${SEARCH_BYTES_MAX} bytes`,
} as const;

class Damaged extends Error {
  constructor(readonly damage: Damage) {
    super(damage.reason);
  }
}

/**
 * Reads the whole log. A write that was cut off is one frame, the last: it was never acknowledged,
 * and is as if it had not been begun. Whatever else is wrong a power cut cannot have done; what is
 * behind it is enough all the same, if it begins with a checkpoint.
 * @throws {WrongLog} when the files are somebody else's
 */
export async function scanLog(
  files: Files,
  names: readonly string[],
  owner: LogOwner,
): Promise<Scan | Damage> {
  const numbers = names
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .toSorted((a, b) => a - b);
  const begin = numbers.findLastIndex((number, i) => i === 0 || numbers[i - 1] !== number - 1);
  const before = numbers.slice(0, Math.max(0, begin)).map(segmentName);
  const all = numbers.slice(Math.max(0, begin));
  const scan = await new Scanner(files, owner).scan(all, { mayLack: false });
  if (!('reason' in scan)) return { ...scan, stale: before };
  // Each segment begins with all that was promised before it: with whole ones, entries are lost.
  for (let from = 0; from < all.length; from += 1) {
    const rest = await new Scanner(files, owner).scan(all.slice(from), { mayLack: true });
    if ('reason' in rest) continue;
    const lost = rest.groups.incomplete;
    for (const name of lost) rest.groups.get(name)?.lose();
    const spoiled = [...before, ...all.slice(0, from).map(segmentName)];
    return { ...rest, salvage: { damage: scan, spoiled, lost } };
  }
  return scan;
}

class Scanner {
  readonly #files: Files;
  readonly #owner: LogOwner;
  readonly #groups = new GroupTable();
  readonly #segments: Segment[] = [];
  readonly #opened: File[] = [];
  #next: Link | undefined;
  #last: Frame | undefined;
  /** The segment in which the log ends, by what is known yet, and those behind it. */
  #unsettled: Loaded[] = [];

  constructor(files: Files, owner: LogOwner) {
    this.#files = files;
    this.#owner = owner;
  }

  /** @param mayLack entries that no segment has are no damage */
  async scan(
    numbers: readonly number[],
    { mayLack }: { readonly mayLack: boolean },
  ): Promise<Scan | Damage> {
    try {
      for (const number of numbers) await this.#read(number);
      return await this.#finish(mayLack);
    } catch (error) {
      for (const file of this.#opened) await file.close();
      if (error instanceof Damaged) return error.damage;
      throw error;
    }
  }

  async #read(number: number): Promise<void> {
    const name = segmentName(number);
    const file = await this.#files.open(name, { writeThrough: true });
    this.#opened.push(file);
    const read = await file.read(0, await file.size());
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    const header = decodeHeader(bytes, name);
    if (typeof header === 'string') throw damaged({ name }, 0, header);
    this.#checkOwner(name, number, header);
    const { salt } = header;
    const start = { bytes: bytes.length, end: SEGMENT_HEADER_BYTES, readers: 0 };
    const segment: Segment = { number, name, file, salt, ...start };
    this.#segments.push(segment);
    const loaded = { segment, bytes };
    if (this.#readFrames(loaded)) this.#unsettled = [];
    this.#unsettled.push(loaded);
  }

  /** @returns whether it holds frames that go on where the log ended before */
  #readFrames({ segment, bytes }: Loaded): boolean {
    const { salt } = segment;
    for (;;) {
      const { end } = segment;
      const frame = frameAt(bytes, end, salt);
      if (frame === undefined || !this.#isNext(frame, segment)) break;
      if (frame.flags & SEAL) break;
      this.#takeIn(segment, bytes, frame);
      segment.end = frame.end;
      this.#last = frame;
      this.#next = { sequence: frame.sequence + 1, previous: frame.checksum };
    }
    return segment.end > SEGMENT_HEADER_BYTES;
  }

  /** What comes first of all must say what was before it. */
  #isNext(frame: Frame, { number }: Segment): boolean {
    const next = this.#next;
    if (next !== undefined) {
      return frame.sequence === next.sequence && frame.previous === next.previous;
    }
    const isFirstOfAll = this.#segments.length === 1;
    return isFirstOfAll && (frame.flags & CHECKPOINT) !== 0 && (number > 1 || frame.sequence === 1);
  }

  #takeIn(segment: Segment, bytes: Buffer, { from, records, end }: Frame): void {
    const origin = placeOf(segment.number, 0);
    try {
      for (const update of decodeUpdates(new ByteReader(bytes, records, end))) {
        const gap = this.#groups.apply(update, origin);
        if (gap !== undefined) throw damaged(segment, from, gap);
      }
    } catch (error) {
      if (error instanceof Malformed) throw damaged(segment, from, error.message);
      throw error;
    }
  }

  async #finish(mayLack: boolean): Promise<Scan> {
    const next = this.#next ?? { sequence: 1, previous: 0 };
    const [first] = this.#segments;
    if (this.#next === undefined && first !== undefined && first.number > 1) {
      throw damaged(first, SEGMENT_HEADER_BYTES, 'the oldest segment does not begin as one');
    }
    let cut: LogPlace | undefined;
    for (const { segment, bytes } of this.#unsettled) {
      const { end, salt, name } = segment;
      const later = laterFrame(bytes, end, { sequence: next.sequence, salt });
      if (later !== 'none') throw damaged(segment, end, wrongBefore[later]);
      const torn = headerAt(bytes, end);
      const isBegun = torn?.sequence === next.sequence && torn.previous === next.previous;
      if (isBegun && frameAt(bytes, end, salt) === undefined) cut = { file: name, offset: end };
    }
    const { gap } = this.#groups;
    if (gap !== undefined && !mayLack) throw damaged(first, SEGMENT_HEADER_BYTES, gap);
    await this.#makeDurable();
    const verdict = cut === undefined ? 'clean' : 'cut';
    const [groups, segments] = [this.#groups, this.#segments];
    return { verdict, groups, segments, stale: [], next, cut, salvage: undefined };
  }

  /**
   * The last frame will be relied on, and may be in the memory of the operating system only; after
   * a sync that failed it is not even written by another, unless it is written again.
   */
  async #makeDurable(): Promise<void> {
    const [tail] = this.#unsettled;
    if (tail !== undefined && this.#last !== undefined) {
      const { from, end } = this.#last;
      await tail.segment.file.write(from, tail.bytes.subarray(from, end));
      await tail.segment.file.sync();
    }
    await this.#files.syncDirectory();
  }

  #checkOwner(name: string, number: number, header: SegmentHeader): void {
    const { cluster, node } = this.#owner;
    if (header.cluster !== cluster || header.node !== node) {
      const theirs = `node '${header.node}' of cluster '${header.cluster}'`;
      throw new WrongLog(name, `it is that of ${theirs}, not of '${node}' of '${cluster}'`);
    }
    if (header.number !== number) throw new WrongLog(name, `it is segment ${header.number}`);
  }
}

function damaged(
  segment: { readonly name: string } | undefined,
  offset: number,
  reason: string,
): Damaged {
  const file = segment?.name ?? segmentName(1);
  return new Damaged({ file, offset: offset - (offset % FRAME_ALIGNMENT), reason });
}
