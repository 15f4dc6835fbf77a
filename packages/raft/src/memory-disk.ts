import type { Entry, Position } from './entry.ts';
import type { Snapshot } from './message.ts';
import type { Durable } from './options.ts';
import type { AppendRecord, HardState } from './ready.ts';

/** A disk in memory, which tells what is written from what is synced, and can lose the rest. */
export class MemoryDisk {
  hardState: HardState = { term: 0, votedFor: undefined, commit: 0 };
  base: Position = { index: 0, term: 0 };
  /** Synced, from `base.index + 1` on. */
  entries: Entry[] = [];
  snapshot: Snapshot | undefined;
  incoming: { readonly snapshot: Snapshot; readonly bytes: Uint8Array } | undefined;
  /** Contents of complete snapshots. */
  readonly snapshots: Map<string, Uint8Array> = new Map();
  /** Whether a reader found what it could not read; until somebody says that it is made good. */
  damaged: boolean = false;
  /** Written and not synced, oldest first. */
  unsynced: AppendRecord[] = [];

  write(record: AppendRecord): void {
    this.unsynced.push(record);
  }

  /** Syncs every record up to `token`; they are on disk together or not at all, and in order. */
  sync(token: number = Infinity): void {
    const count = this.unsynced.filter((record) => record.token <= token).length;
    for (const record of this.unsynced.splice(0, count)) this.#save(record);
  }

  /** Power is lost. Of what was not synced, the first `kept` records happen to be there. */
  crash(kept: number = 0): void {
    for (const record of this.unsynced.splice(0, kept)) this.#save(record);
    this.unsynced = [];
  }

  /** @returns what of `from` … `to` is on disk */
  read(from: number, to: number): Entry[] {
    if (from <= this.base.index) return [];
    return this.entries.slice(from - this.base.index - 1, to - this.base.index);
  }

  /** Removes what is before `first`; `snapshot` stands for it. */
  compact(snapshot: Snapshot, first: number): void {
    const dropped = this.entries.splice(0, first - this.base.index - 1).at(-1);
    if (dropped !== undefined) this.base = { index: dropped.index, term: dropped.term };
    this.snapshot = snapshot;
  }

  storeChunk(snapshot: Snapshot, offset: number, data: Uint8Array): void {
    const before = offset === 0 ? new Uint8Array() : this.incoming?.bytes.subarray(0, offset);
    const bytes = new Uint8Array([...(before ?? []), ...data]);
    this.incoming = { snapshot, bytes };
    if (bytes.length === snapshot.bytes) this.snapshots.set(snapshot.id, bytes);
  }

  /** The synced entry at `index` cannot be read any more, and what is behind it is not trusted. */
  damage(index: number): void {
    this.entries.splice(Math.max(0, index - this.base.index - 1));
    const { snapshot } = this;
    if (snapshot !== undefined && index <= snapshot.index) {
      this.base = { index: snapshot.index, term: snapshot.term };
      this.entries = [];
    }
    this.damaged = true;
  }

  /** What a node that starts on this disk is given. */
  durable(applied: number): Durable {
    const { hardState, base, entries, snapshot, incoming, damaged, snapshots } = this;
    const isWhole = incoming?.bytes.length === incoming?.snapshot.bytes;
    const isDeleted = isWhole && !snapshots.has(incoming?.snapshot.id ?? '');
    const durable = { hardState, base, entries: [...entries], applied, damaged };
    return {
      ...durable,
      ...(snapshot && { snapshot }),
      ...(incoming !== undefined &&
        !isDeleted && {
          incoming: { snapshot: incoming.snapshot, offset: incoming.bytes.length },
        }),
    };
  }

  #save({ hardState, snapshot, entries }: AppendRecord): void {
    if (hardState !== undefined) this.hardState = hardState;
    if (snapshot !== undefined) {
      this.snapshot = snapshot;
      this.base = { index: snapshot.index, term: snapshot.term };
      this.entries = [];
      if (this.incoming?.snapshot.id === snapshot.id) this.incoming = undefined;
    }
    const [first] = entries;
    if (first === undefined) return;
    this.entries.splice(first.index - this.base.index - 1);
    this.entries.push(...entries);
  }
}
