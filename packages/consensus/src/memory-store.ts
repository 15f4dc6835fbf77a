import type { AppendRecord, ChunkStore, Entry, HardState, Position, Snapshot } from '@troupe/raft';
import type { EntryRange, GroupRecord, LogStore, Recovered } from './log-store.ts';

const READ_BYTES = 2 ** 20;

/** What one group has saved. */
interface Saved {
  hardState: HardState;
  base: Position;
  /** From `base.index + 1` on. */
  entries: Entry[];
  snapshot: Snapshot | undefined;
  incoming:
    | { readonly snapshot: Snapshot; readonly pieces: Uint8Array[]; bytes: number }
    | undefined;
  readonly snapshots: Map<string, Uint8Array>;
}

/**
 * Keeps what groups save in memory: for tests, and where losing all nodes at once may lose all. A
 * node that starts again with an empty one must come back under a new name.
 */
export class MemoryStore implements LogStore {
  readonly #groups = new Map<string, Saved>();

  watch(): void {} // It has all it needs.

  groups(): Promise<readonly string[]> {
    return Promise.resolve([...this.#groups.keys()]);
  }

  recover(group: string): Promise<Recovered | undefined> {
    const saved = this.#groups.get(group);
    if (saved === undefined) return Promise.resolve(undefined);
    const { hardState, base, entries, snapshot, incoming } = saved;
    return Promise.resolve({
      hardState,
      base,
      entries: [...entries],
      ...(snapshot && { snapshot }),
      ...(incoming && { incoming: { snapshot: incoming.snapshot, offset: incoming.bytes } }),
    });
  }

  append(records: readonly GroupRecord[], done: (error?: Error) => void): void {
    for (const { group, record } of records) save(this.#group(group), record);
    queueMicrotask(done);
  }

  read(group: string, { from, to, bytesMax = READ_BYTES }: EntryRange): Promise<readonly Entry[]> {
    const { base, entries } = this.#group(group);
    if (from <= base.index) return Promise.resolve([]);
    let bytes = 0;
    let end = from;
    for (; end <= to; end += 1) {
      const entry = entries[end - base.index - 1];
      if (entry === undefined) break;
      bytes += entry.kind === 'command' ? entry.data.length : 0;
      if (bytes > bytesMax && end > from) break;
    }
    return Promise.resolve(entries.slice(from - base.index - 1, end - base.index - 1));
  }

  compact(group: string, snapshot: Snapshot, first: number): Promise<void> {
    const saved = this.#group(group);
    const dropped = saved.entries.splice(0, first - saved.base.index - 1).at(-1);
    if (dropped !== undefined) saved.base = { index: dropped.index, term: dropped.term };
    saved.snapshot = snapshot;
    return Promise.resolve();
  }

  async writeSnapshot(
    group: string,
    id: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<number> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    const bytes = joined(pieces);
    this.#group(group).snapshots.set(id, bytes);
    return bytes.length;
  }

  readSnapshot(
    group: string,
    id: string,
    { offset, bytes }: { readonly offset: number; readonly bytes: number },
  ): Promise<Uint8Array | undefined> {
    const whole = this.#group(group).snapshots.get(id);
    return Promise.resolve(whole?.subarray(offset, offset + bytes));
  }

  storeChunk(group: string, { snapshot, offset, data }: ChunkStore): Promise<void> {
    const saved = this.#group(group);
    if (offset === 0) saved.incoming = { snapshot, pieces: [], bytes: 0 };
    saved.incoming?.pieces.push(data);
    if (saved.incoming !== undefined) saved.incoming.bytes += data.length;
    if (saved.incoming?.bytes === snapshot.bytes) {
      saved.snapshots.set(snapshot.id, joined(saved.incoming.pieces));
    }
    return Promise.resolve();
  }

  keepSnapshots(group: string, inUse: ReadonlySet<string>): Promise<void> {
    const saved = this.#group(group);
    const { snapshots, incoming } = saved;
    for (const id of snapshots.keys()) if (!inUse.has(id)) snapshots.delete(id);
    // One that is complete is found again as long as it is kept, and not longer.
    const isComplete = incoming?.bytes === incoming?.snapshot.bytes;
    if (isComplete && !inUse.has(incoming?.snapshot.id ?? '')) saved.incoming = undefined;
    return Promise.resolve();
  }

  healed(): Promise<void> {
    return Promise.resolve(); // Nothing is ever damaged here.
  }

  forget(group: string): Promise<void> {
    this.#groups.delete(group);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #group(group: string): Saved {
    let saved = this.#groups.get(group);
    if (saved === undefined) {
      saved = {
        hardState: { term: 0, votedFor: undefined, commit: 0 },
        base: { index: 0, term: 0 },
        entries: [],
        snapshot: undefined,
        incoming: undefined,
        snapshots: new Map(),
      };
      this.#groups.set(group, saved);
    }
    return saved;
  }
}

function save(saved: Saved, { hardState, snapshot, entries }: AppendRecord): void {
  if (hardState !== undefined) saved.hardState = hardState;
  if (snapshot !== undefined) {
    saved.snapshot = snapshot;
    saved.base = { index: snapshot.index, term: snapshot.term };
    saved.entries = [];
    if (saved.incoming?.snapshot.id === snapshot.id) saved.incoming = undefined;
  }
  const [first] = entries;
  if (first === undefined) return;
  saved.entries.length = Math.min(saved.entries.length, first.index - saved.base.index - 1);
  for (const entry of entries) saved.entries.push(entry);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
