import type { Snapshot } from '@troupe/raft';
import { ByteWriter } from './byte-stream.ts';
import type { GroupTable } from './group-table.ts';
import { FRAME_ALIGNMENT, FRAME_HEADER_BYTES } from './log-frame.ts';
import { encodeEntries, encodeUpdate, type Update } from './log-record.ts';
import type { GroupRecord } from './log-store.ts';

type Done = (error?: Error) => void;

/** What the next frame will hold, growing while the one before is being written. */
export class Batch {
  readonly #writer: ByteWriter;
  #updates: Update[] = [];
  #waiters: Done[] = [];
  /** Whether somebody waits for it, so that it has to be written without being asked again. */
  isUrgent = false;

  constructor(capacity: number) {
    this.#writer = new ByteWriter(capacity);
    this.#writer.reset(FRAME_HEADER_BYTES);
  }

  get bytes(): number {
    return this.#writer.length;
  }

  /** How much memory it holds on to, full or empty. */
  get capacity(): number {
    return this.#writer.capacity;
  }

  get isEmpty(): boolean {
    return this.#updates.length === 0;
  }

  get updates(): readonly Update[] {
    return this.#updates;
  }

  add({ record }: GroupRecord, group: number): void {
    const { hardState, snapshot, entries } = record;
    if (snapshot !== undefined) this.update({ kind: 'install', group, snapshot });
    if (hardState !== undefined) this.update({ kind: 'hard-state', group, hardState });
    if (entries.length === 0) return;
    this.#updates.push({
      kind: 'entries',
      group,
      entries: encodeEntries(this.#writer, group, entries),
    });
  }

  update(update: Exclude<Update, { kind: 'entries' }>): void {
    encodeUpdate(this.#writer, update);
    this.#updates.push(update);
  }

  /** @param done told when it is durable, or never will be */
  wait(done: Done): void {
    this.#waiters.push(done);
  }

  /** How long the frame would be. */
  get frameBytes(): number {
    return Math.ceil(this.bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
  }

  /** All of it, with room for a header before, and aligned: nothing can be added any more. */
  frame(): Buffer {
    this.#writer.align(FRAME_ALIGNMENT);
    return this.#writer.written;
  }

  tell(error?: Error): void {
    for (const done of this.#waiters) done(error);
  }

  clear(): void {
    this.#writer.reset(FRAME_HEADER_BYTES);
    this.#updates = [];
    this.#waiters = [];
    this.isUrgent = false;
  }
}

/** A frame with the records of all `groups` before those of `frame`: reading can begin with it. */
export function withCheckpoint(
  frame: Buffer,
  groups: GroupTable,
): { readonly frame: Buffer; readonly shift: number } {
  const writer = new ByteWriter(frame.length + 4_096);
  writer.reset(FRAME_HEADER_BYTES);
  for (const { number: group, name, state } of groups) {
    encodeUpdate(writer, { kind: 'name', group, name });
    encodeUpdate(writer, { kind: 'state', group, state });
  }
  const shift = writer.length - FRAME_HEADER_BYTES;
  writer.bytes(frame.subarray(FRAME_HEADER_BYTES));
  writer.align(FRAME_ALIGNMENT);
  return { frame: writer.written, shift };
}

/** What `compact` writes. */
export function compaction(
  groups: GroupTable,
  { group: name, snapshot, first }: { group: string; snapshot: Snapshot; first: number },
): Update & { kind: 'compact' } {
  const group = groups.get(name);
  const index = first - 1;
  const term = index === snapshot.index ? snapshot.term : group?.termOf(index);
  if (group === undefined || (term === undefined && index > group.base.index)) {
    const last = group?.last.index ?? 0;
    throw new RangeError(`compact '${name}' to ${first}: its log ends at ${last}`);
  }
  const base = term === undefined ? group.base : { index, term };
  return { kind: 'compact', group: group.number, snapshot, base };
}
