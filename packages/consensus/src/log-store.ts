import type { AppendRecord, ChunkStore, Durable, Entry, Snapshot } from '@troupe/raft';

/** A record of one of the groups that share a store. */
export interface GroupRecord {
  readonly group: string;
  readonly record: AppendRecord;
}

/** What a group finds when it starts again; where its state machine stands, it knows itself. */
export type Recovered = Omit<Durable, 'applied'>;

/** What a store asks of those who use it. */
export interface StoreWatcher {
  /**
   * The disk is full: lead no more, take no commands, make snapshots. Or there is room again: what
   * was held in reserve is so again.
   */
  full(isFull: boolean): void;
  /** The log of `group` is so long, or so old, that it keeps room from others: make a snapshot. */
  pinned(group: string): void;
}

/**
 * What the groups of one node save: their logs and hard states, as one ordered stream, and their
 * snapshots. Whatever it has called durable it still has after a power cut.
 *
 * A store that has failed stays so: every call is answered with the same `StoreFailed`, and the
 * node must stop. What was not acknowledged may or may not be there when it starts again.
 */
export interface LogStore extends AsyncDisposable {
  /** From now on `watcher` is told what the store needs; at once, if it needs anything now. */
  watch(watcher: StoreWatcher): void;

  /** Names of the groups of which something is saved, in no order. */
  groups(): Promise<readonly string[]>;

  /** What is saved of `group`, for a group that starts; `undefined` when nothing is. */
  recover(group: string): Promise<Recovered | undefined>;

  /**
   * Saves the records of one turn, in order, those of many groups together. While one write is
   * under way, what comes goes into the next. Records that need not be synced are written with the
   * next that must be.
   * @param done called later, never during the call, and in the order of the calls: the records,
   *   and all before them, are durable, but for those that need not be
   */
  append(records: readonly GroupRecord[], done: (error?: Error) => void): void;

  /**
   * Entries `from` … `to` of `group`, as far as they are durable and there: at least one, and then
   * no more than `bytesMax` bytes of them.
   * @throws {StoreFailed} when what is on disk is not what was written
   */
  read(group: string, range: EntryRange): Promise<readonly Entry[]>;

  /** `snapshot` is complete and durable; what is before `first` is not needed any more. */
  compact(group: string, snapshot: Snapshot, first: number): Promise<void>;

  /**
   * Saves a snapshot of `group` that this node has made; durable once this resolves.
   * @returns how many bytes `chunks` are
   */
  writeSnapshot(
    group: string,
    id: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<number>;

  /**
   * @returns `undefined` when there is no such snapshot, or not any more, or it is not what was
   *   written: nothing is given out that its checksums do not vouch for
   */
  readSnapshot(
    group: string,
    id: string,
    piece: { readonly offset: number; readonly bytes: number },
  ): Promise<Uint8Array | undefined>;

  /**
   * Saves a piece of a snapshot from another node; the last one makes it complete and durable. An
   * unfinished one is found by `recover`, as far as it is whole, and is given up when another
   * begins.
   */
  storeChunk(group: string, chunk: ChunkStore): Promise<void>;

  /** Deletes the complete snapshots of `group` that are not in `inUse`. */
  keepSnapshots(group: string, inUse: ReadonlySet<string>): Promise<void>;

  /** What `recover` called damaged is made good: it may be believed again from now on. */
  healed(group: string): Promise<void>;

  /** Forgets all of a group that will not start here again. */
  forget(group: string): Promise<void>;

  /** Writes what is to be written, and ends. */
  close(): Promise<void>;
}

export interface EntryRange {
  readonly from: number;
  readonly to: number;
  /** Default: 1 MiB. */
  readonly bytesMax?: number;
}
