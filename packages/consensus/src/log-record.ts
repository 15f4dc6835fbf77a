import type { Entry, HardState, Position, Snapshot } from '@troupe/raft';
import { ByteReader, type ByteWriter, Malformed } from './byte-stream.ts';
import { checksum } from './checksum.ts';
import type { EntryRun, GroupState, TermRun } from './log-index.ts';
import {
  configurationBytes,
  decodeConfiguration,
  decodeHardState,
  decodePosition,
  decodeSnapshot,
  encodeHardState,
  encodePosition,
  encodeSnapshot,
} from './log-values.ts';

/** What a record does, as it is read from a frame, or as it will be once its frame is durable. */
export type Update =
  /** From here on `group` stands for the name. */
  | { readonly kind: 'name'; readonly group: number; readonly name: string }
  | { readonly kind: 'hard-state'; readonly group: number; readonly hardState: HardState }
  | { readonly kind: 'install'; readonly group: number; readonly snapshot: Snapshot }
  | { readonly kind: 'entries'; readonly group: number; readonly entries: EntryRun }
  | {
      readonly kind: 'compact';
      readonly group: number;
      readonly snapshot: Snapshot;
      readonly base: Position;
    }
  | { readonly kind: 'forget'; readonly group: number }
  | { readonly kind: 'state'; readonly group: number; readonly state: GroupState }
  /** The entries of a damaged log are gone. */
  | { readonly kind: 'lose'; readonly group: number }
  /** Its peers have made that good. */
  | { readonly kind: 'heal'; readonly group: number };

/** What each record begins with; 0 ends a frame. The number of its group follows. */
const tags = {
  name: 1,
  'hard-state': 2,
  install: 3,
  entries: 4,
  compact: 5,
  forget: 6,
  state: 7,
  lose: 8,
  heal: 9,
} as const satisfies Record<Update['kind'], number>;

const kinds = new Map<number, Update['kind']>(
  Object.entries(tags).map(([kind, tag]) => [tag, kind as Update['kind']]),
);

/** Writes every record but `entries`, for which there is `encodeEntries`. */
export function encodeUpdate(to: ByteWriter, update: Exclude<Update, { kind: 'entries' }>): void {
  to.uint8(tags[update.kind]);
  to.varint(update.group);
  switch (update.kind) {
    case 'name':
      return to.text(update.name);
    case 'hard-state':
      return encodeHardState(to, update.hardState);
    case 'install':
      return encodeSnapshot(to, update.snapshot);
    case 'compact':
      encodeSnapshot(to, update.snapshot);
      return encodePosition(to, update.base);
    case 'forget':
    case 'lose':
    case 'heal':
      return;
    case 'state': {
      const { hardState, snapshot, base, last, isDamaged } = update.state;
      const has = (hardState === undefined ? 0 : 1) | (snapshot === undefined ? 0 : 2);
      to.uint8(has | (isDamaged ? 4 : 0));
      if (hardState !== undefined) encodeHardState(to, hardState);
      if (snapshot !== undefined) encodeSnapshot(to, snapshot);
      encodePosition(to, base);
      return encodePosition(to, last);
    }
  }
}

/** The records of a frame, in order. @throws {Malformed} */
export function* decodeUpdates(from: ByteReader): Generator<Update, void> {
  while (!from.isAtEnd) {
    const tag = from.uint8();
    if (tag === 0) return;
    const kind = kinds.get(tag);
    if (kind === undefined) throw new Malformed(`a record of type ${tag}`);
    yield decodeUpdate(from, kind, from.varint());
  }
}

function decodeUpdate(from: ByteReader, kind: Update['kind'], group: number): Update {
  switch (kind) {
    case 'name':
      return { kind, group, name: from.text() };
    case 'hard-state':
      return { kind, group, hardState: decodeHardState(from) };
    case 'install':
      return { kind, group, snapshot: decodeSnapshot(from) };
    case 'entries':
      return { kind, group, entries: skipEntries(from) };
    case 'compact':
      return { kind, group, snapshot: decodeSnapshot(from), base: decodePosition(from) };
    case 'forget':
    case 'lose':
    case 'heal':
      return { kind, group };
    case 'state': {
      const has = from.uint8();
      const hardState = has & 1 ? decodeHardState(from) : undefined;
      const snapshot = has & 2 ? decodeSnapshot(from) : undefined;
      const base = decodePosition(from);
      const last = decodePosition(from);
      const isDamaged = (has & 4) !== 0;
      return { kind, group, state: { hardState, snapshot, base, last, isDamaged } };
    }
  }
}

const entryKinds = ['command', 'noop', 'configuration', 'withheld'] as const;
const KIND_BITS = 3;
/** The term of this entry is not that of the one before: it follows. */
const TERM_FOLLOWS = 4;

/** `entries` are at least one, and follow each other. @returns where each of them begins */
export function encodeEntries(to: ByteWriter, group: number, entries: readonly Entry[]): EntryRun {
  const first = entries[0]?.index ?? 0;
  to.uint8(tags.entries);
  to.varint(group);
  to.varint(first);
  to.varint(entries.length);
  const offsets: number[] = [];
  const runs: TermRun[] = [];
  let before = -1;
  for (const entry of entries) {
    offsets.push(to.length);
    const { index, term } = entry;
    if (term !== before) runs.push({ from: index, term });
    encodeEntry(to, entry, term !== before);
    before = term;
  }
  return { first, offsets, runs };
}

/**
 *     u8 kind and whether a term follows | [term] | length | u32 checksum | content
 *
 * The checksum, seeded with index and term, is for reading one entry without the rest of its frame.
 */
function encodeEntry(to: ByteWriter, entry: Entry, termFollows: boolean): void {
  to.uint8(entryKinds.indexOf(entry.kind) | (termFollows ? TERM_FOLLOWS : 0));
  if (termFollows) to.varint(entry.term);
  if (entry.kind === 'command') {
    to.varint(entry.data.length);
    to.uint32(entryChecksum(entry.data, entry));
    to.bytes(entry.data);
  } else {
    const content = entry.kind === 'configuration' ? configurationBytes(entry.configuration) : none;
    to.varint(content.length);
    to.uint32(entryChecksum(content, entry));
    to.bytes(content);
  }
}

const none = new Uint8Array();

function entryChecksum(content: Uint8Array, { index, term }: Position): number {
  return checksum(content, ((index % 2 ** 32) ^ Math.imul(term % 2 ** 32, 0x9e3779b1)) >>> 0);
}

function skipEntries(from: ByteReader): EntryRun {
  const first = from.varint();
  const count = from.varint();
  const offsets: number[] = [];
  const runs: TermRun[] = [];
  for (let i = 0; i < count; i += 1) {
    offsets.push(from.at);
    if (from.uint8() & TERM_FOLLOWS) runs.push({ from: first + i, term: from.varint() });
    const length = from.varint();
    from.skip(4 + length);
  }
  return { first, offsets, runs };
}

/** Where the entry ends that begins at `from`; `undefined` when `bytes` do not even tell. */
export function entryEnd(bytes: Buffer, from: number): number | undefined {
  const reader = new ByteReader(bytes, from);
  try {
    if (reader.uint8() & TERM_FOLLOWS) reader.varint();
    const length = reader.varint();
    return reader.at + 4 + length;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/**
 * The entry that is at `position`, from where it begins.
 * @throws {Malformed} when its checksum is another
 */
export function decodeEntry(from: ByteReader, position: Position): Entry {
  const { index, term } = position;
  const tag = from.uint8();
  if (tag & TERM_FOLLOWS) from.varint();
  const length = from.varint();
  const sum = from.uint32();
  const content = from.bytes(length);
  if (sum !== entryChecksum(content, position)) throw new Malformed(`entry ${index} is damaged`);
  const kind = entryKinds[tag & KIND_BITS] ?? 'noop';
  if (kind === 'configuration') {
    return { kind, index, term, configuration: decodeConfiguration(new ByteReader(content)) };
  }
  if (kind !== 'command') return { kind, index, term };
  const { buffer, byteOffset } = content;
  return { kind, index, term, data: new Uint8Array(buffer, byteOffset, length) };
}
