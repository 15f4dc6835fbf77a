import type { Entry } from '@troupe/raft';
import { ByteReader, Malformed } from './byte-stream.ts';
import { StoreFailed } from './log-errors.ts';
import type { GroupIndex } from './log-index.ts';
import { decodeEntry, entryEnd } from './log-record.ts';
import { offsetOf, placeOf, type Segment, segmentOf } from './log-segment.ts';
import type { EntryRange, Recovered } from './log-store.ts';

const BYTES_MAX = 2 ** 20;
/** Of one read, which may find that there is room for more. */
const ENTRIES_MAX = 65_536;

/** Entries that are in one segment, in order. Where they are is a copy: the index goes on. */
interface Span {
  readonly segment: Segment;
  readonly first: number;
  readonly places: Float64Array;
  readonly terms: readonly number[];
}

/** Bytes of the log, from one place on. */
interface Piece {
  readonly from: number;
  readonly bytes: Buffer;
}

export async function readEntries(
  group: GroupIndex,
  segments: readonly Segment[],
  { from, to, bytesMax = BYTES_MAX }: EntryRange,
): Promise<readonly Entry[]> {
  const last = Math.min(to, group.last.index, from + ENTRIES_MAX - 1);
  if (from <= group.base.index || from > last) return [];
  const spans = spansOf(group, segments, { from, to: last });
  return holding(spans, async () => {
    const entries: Entry[] = [];
    let left = bytesMax;
    for (const span of spans) {
      const piece = await readPiece(span, Math.max(0, left));
      for (const [i, place] of span.places.entries()) {
        const end = entryEnd(piece.bytes, place - piece.from);
        if (end === undefined || end > piece.bytes.length) return entries;
        const entry = entryIn(piece, place, { index: span.first + i, term: span.terms[i] ?? 0 });
        left -= entry.kind === 'command' ? entry.data.length : 0;
        if (left < 0 && entries.length > 0) return entries;
        entries.push(entry);
      }
    }
    return entries;
  });
}

/** What `bytesMax` reaches of a span, and in any case its first entry. */
async function readPiece({ segment, places }: Span, bytesMax: number): Promise<Piece> {
  const [from = 0] = places;
  const last = places.at(-1) ?? from;
  const rest = segment.end - offsetOf(from);
  const wanted = Math.min(
    rest,
    Math.max(HEADER_BYTES, Math.min(bytesMax, last - from + BYTES_MAX)),
  );
  const piece = await readAt(segment, from, wanted);
  const end = entryEnd(piece.bytes, 0) ?? rest;
  return end <= wanted ? piece : readAt(segment, from, Math.min(end, rest));
}

/** No header of an entry is longer. */
const HEADER_BYTES = 32;

/** All that is durable of a group. Its entries are decoded as they are asked for. */
export async function readLog(group: GroupIndex, segments: readonly Segment[]): Promise<Recovered> {
  const { hardState, snapshot, base, last, isDamaged } = group;
  const spans = spansOf(group, segments, { from: base.index + 1, to: last.index });
  const pieces = await holding(spans, () =>
    Promise.all(
      spans.map(({ segment, places }) => {
        const [from = 0] = places;
        return readAt(segment, from, segment.end - offsetOf(from));
      }),
    ),
  );
  return {
    hardState: hardState ?? { term: 0, votedFor: undefined, commit: 0 },
    ...(snapshot && { snapshot }),
    ...(isDamaged && { damaged: true }),
    base,
    entries: { [Symbol.iterator]: () => entriesOf(spans, pieces) },
  };
}

function* entriesOf(spans: readonly Span[], pieces: readonly Piece[]): Generator<Entry, undefined> {
  for (const [i, { first, places, terms }] of spans.entries()) {
    const piece = pieces[i];
    if (piece === undefined) return;
    for (const [j, place] of places.entries()) {
      yield entryIn(piece, place, { index: first + j, term: terms[j] ?? 0 });
    }
  }
}

function entryIn(piece: Piece, place: number, position: { index: number; term: number }): Entry {
  try {
    return decodeEntry(new ByteReader(piece.bytes, place - piece.from), position);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new StoreFailed(`segment ${segmentOf(place)} at ${offsetOf(place)}: ${error.message}`, {
      cause: error,
    });
  }
}

function spansOf(
  group: GroupIndex,
  segments: readonly Segment[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly Span[] {
  const places = from > to ? new Float64Array() : group.places(from, to);
  const oldest = segments[0]?.number ?? 0;
  const spans: Span[] = [];
  for (let at = 0; at < places.length;) {
    const number = segmentOf(places[at] ?? 0);
    const segment = segments[number - oldest];
    if (segment === undefined) throw new StoreFailed(`BUG: segment ${number} is gone`);
    const limit = placeOf(number + 1, 0);
    let end = at + 1;
    while (end < places.length && (places[end] ?? limit) < limit) end += 1;
    const first = from + at;
    const terms = group.terms(first, from + end - 1);
    spans.push({ segment, first, places: places.subarray(at, end), terms });
    at = end;
  }
  return spans;
}

async function readAt({ file }: Segment, from: number, length: number): Promise<Piece> {
  const read = await file.read(offsetOf(from), length);
  return { from, bytes: Buffer.from(read.buffer, read.byteOffset, read.length) };
}

/** Segments in which somebody reads are not given back. */
async function holding<T>(spans: readonly Span[], read: () => Promise<T>): Promise<T> {
  for (const { segment } of spans) segment.readers += 1;
  try {
    return await read();
  } finally {
    for (const { segment } of spans) segment.readers -= 1;
  }
}
