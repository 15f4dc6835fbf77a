import { processEnv } from '@troupe/actor';
import type { ChunkStore, Entry, Snapshot } from '@troupe/raft';
import { BadOption } from './errors.ts';
import type { Files } from './files.ts';
import { type Damage, LogDamaged, type LogPlace } from './log-errors.ts';
import { type LogOptions, settingsOf } from './log-options.ts';
import { scanLog } from './log-scan.ts';
import { segmentNumber } from './log-segment.ts';
import type { EntryRange, GroupRecord, LogStore, Recovered, StoreWatcher } from './log-store.ts';
import { nodeFiles, type NodeFilesOptions } from './node-files.ts';
import { SegmentedLog } from './segmented-log.ts';
import { SnapshotFiles } from './snapshot-files.ts';

/** What was found when a store was opened. */
export type OpenedStore =
  /** All is as it was left. */
  | { readonly verdict: 'clean'; readonly store: DiskStore }
  /** A write was cut off that nobody was told of; it is as if it had not been begun. */
  | { readonly verdict: 'cut'; readonly store: DiskStore; readonly cut: LogPlace }
  /**
   * Entries of `groups` are lost with a damaged segment, but all that was promised is known. They
   * have no vote until their peers have made that good. What was damaged is kept under names that
   * begin with `damaged-`.
   */
  | {
      readonly verdict: 'salvaged';
      readonly store: DiskStore;
      readonly damage: Damage;
      readonly groups: readonly string[];
    }
  /**
   * Something that was acknowledged is damaged: votes and entries may be missing, so this node must
   * not take part as it is. `setAside` makes room for a new beginning under a new name.
   */
  | { readonly verdict: 'corrupt'; readonly damage: Damage };

export interface DirectoryOptions extends Omit<LogOptions, 'cluster' | 'env'>, NodeFilesOptions {
  /**
   * False: a log must be there, as it is where a node has run, and none is begun: for recovery,
   * where a mistyped path would look like a node that had no groups. Default: true.
   */
  readonly create?: boolean;
  /** Default: `troupe`, which does where names of nodes are unique. */
  readonly cluster?: string;
  readonly env?: LogOptions['env'];
}

/**
 * Opens the store that is kept in `files`, or begins one. It closes them in the end.
 * @throws {WrongLog} when it is that of another node, or of another program
 * @throws {BadOption} when an option makes no sense
 */
export async function openStore(files: Files, options: LogOptions): Promise<OpenedStore> {
  const watching: Watching = { watcher: undefined };
  const settings = settingsOf({
    ...options,
    onFull(isFull) {
      options.onFull?.(isFull);
      watching.watcher?.full(isFull);
    },
    onPinned(group) {
      options.onPinned?.(group);
      watching.watcher?.pinned(group);
    },
  });
  const names = await files.list();
  const scan = await scanLog(files, names, settings);
  if ('reason' in scan) return { verdict: 'corrupt', damage: scan };
  for (const name of scan.stale) await files.remove(name);
  const log = new SegmentedLog(files, settings, { scan, names });
  const snapshots = new SnapshotFiles(files, names, options.env.log);
  await snapshots.start();
  await log.start();
  const store = new DiskStore({ files, log, snapshots, watching });
  const { cut, salvage } = scan;
  if (salvage !== undefined) {
    const { damage, lost: groups, spoiled } = salvage;
    await log.lose(groups);
    for (const name of spoiled) await files.rename(name, `damaged-${name}`);
    await files.syncDirectory();
    return { verdict: 'salvaged', store, damage, groups };
  }
  return cut === undefined ? { verdict: 'clean', store } : { verdict: 'cut', store, cut };
}

/**
 * Opens what the node of that name keeps in `directory`, or begins it: `nodeFiles` and `openStore`
 * in one, for those who have no other use for a damaged log than to hear of it.
 * @throws {BadOption} when nothing is kept there, and nothing is to be begun (`create`)
 * @throws {DirectoryInUse} while another process has it open
 * @throws {LogDamaged}
 * @throws {WrongLog} when it is that of another node
 */
export async function openDirectory(
  directory: string,
  { cluster = 'troupe', node, env = processEnv(), inPlace, ...options }: DirectoryOptions,
): Promise<DiskStore> {
  const { create = true, ...log } = options;
  const files = await nodeFiles(directory, { create, ...(inPlace && { inPlace }) });
  try {
    if (!create) refuseEmpty(directory, await files.list());
    const opened = await openStore(files, { cluster, node, env, ...log });
    if (opened.verdict !== 'corrupt') return opened.store;
    throw new LogDamaged(node, opened.damage);
  } catch (error) {
    await files.close?.();
    throw error;
  }
}

function refuseEmpty(directory: string, names: readonly string[]): void {
  if (names.some((name) => segmentNumber(name) !== undefined)) return;
  const advice = 'there is no log in it, name the directory that the node kept its own in';
  throw new BadOption('directory', directory, advice);
}

/**
 * Puts a damaged log out of the way, under names that begin with `damaged-`, for people to look
 * at; snapshots are deleted. What is then opened is empty: the node must join its groups under a
 * new name, as a learner first, since it has forgotten its votes.
 */
export async function setAside(files: Files): Promise<void> {
  for (const name of await files.list()) {
    if (segmentNumber(name) !== undefined) await files.rename(name, `damaged-${name}`);
    else if (name.startsWith('snapshot-')) await files.remove(name);
  }
  await files.syncDirectory();
}

/** Who is told what the log needs, which may begin before there is anybody. */
interface Watching {
  watcher: StoreWatcher | undefined;
}

/** What `openStore` has put together. */
interface DiskParts {
  readonly files: Files;
  readonly log: SegmentedLog;
  readonly snapshots: SnapshotFiles;
  readonly watching: Watching;
}

/** A `LogStore` on a disk: see `DESIGN.md` for what is in its files. */
export class DiskStore implements LogStore {
  readonly #files: Files;
  readonly #log: SegmentedLog;
  readonly #snapshots: SnapshotFiles;

  readonly #watching: Watching;

  constructor({ files, log, snapshots, watching }: DiskParts) {
    this.#files = files;
    this.#log = log;
    this.#snapshots = snapshots;
    this.#watching = watching;
  }

  watch(watcher: StoreWatcher): void {
    this.#watching.watcher = watcher;
    if (this.isFull) watcher.full(true);
  }

  /** Whether the disk is full; see `onFull`. */
  get isFull(): boolean {
    return this.#log.isFull;
  }

  /** Bytes that were written to the log since it was opened, and files that it has now. */
  get size(): { readonly writtenBytes: number; readonly segments: number } {
    return { writtenBytes: this.#log.writtenBytes, segments: this.#log.segmentCount };
  }

  groups(): Promise<readonly string[]> {
    return this.#log.names();
  }

  async recover(group: string): Promise<Recovered | undefined> {
    const recovered = await this.#log.recover(group);
    if (recovered === undefined) return undefined;
    const incoming = await this.#snapshots.incoming(group, recovered.snapshot?.index ?? 0);
    return incoming === undefined ? recovered : { ...recovered, incoming };
  }

  append(records: readonly GroupRecord[], done: (error?: Error) => void): void {
    this.#log.append(records, done);
  }

  read(group: string, range: EntryRange): Promise<readonly Entry[]> {
    return this.#log.read(group, range);
  }

  compact(group: string, snapshot: Snapshot, first: number): Promise<void> {
    return this.#log.compact(group, snapshot, first);
  }

  writeSnapshot(
    group: string,
    id: string,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<number> {
    return this.#snapshots.write(group, id, chunks);
  }

  readSnapshot(
    group: string,
    id: string,
    piece: { readonly offset: number; readonly bytes: number },
  ): Promise<Uint8Array | undefined> {
    return this.#snapshots.read(group, id, piece);
  }

  healed(group: string): Promise<void> {
    return this.#log.heal(group);
  }

  storeChunk(group: string, chunk: ChunkStore): Promise<void> {
    return this.#snapshots.store(group, chunk);
  }

  keepSnapshots(group: string, inUse: ReadonlySet<string>): Promise<void> {
    return this.#snapshots.keep(group, inUse);
  }

  async forget(group: string): Promise<void> {
    await this.#log.forget(group);
    await this.#snapshots.forget(group);
  }

  async close(): Promise<void> {
    try {
      await this.#snapshots.close();
      await this.#log.close();
    } finally {
      await this.#files.close?.();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
