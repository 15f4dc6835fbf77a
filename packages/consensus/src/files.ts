/**
 * Files of one directory as storage uses them: the same on a real disk (`nodeFiles`) and on one of
 * `@troupe/sim`. Nothing is durable before it was synced, names included; a power cut leaves each
 * sector of 512 bytes that was not synced old or new, and never half. Errors carry the `code` of
 * the operating system: `ENOSPC` or `EDQUOT` when there is no room, `ENOENT` for no such file.
 */
export interface Files {
  /** @throws ENOENT unless `create` is set */
  open(path: string, options?: OpenOptions): Promise<File>;
  list(): Promise<readonly string[]>;
  /** Replaces `to` if there is one. */
  rename(from: string, to: string): Promise<void>;
  /** Does nothing when there is no such file. */
  remove(path: string): Promise<void>;
  /** Makes what `open`, `rename` and `remove` did to names durable. */
  syncDirectory(): Promise<void>;
  /** They are not used any more, and somebody else may. */
  close?(): Promise<void>;
}

export interface OpenOptions {
  readonly create?: boolean;
  /** Most writes will be synced at once: see `File.writesThrough`. */
  readonly writeThrough?: boolean;
}

export interface File {
  /** Whether what is written is durable when `write` resolves. Default: once it is synced. */
  readonly writesThrough?: boolean;
  size(): Promise<number>;
  /** @returns fewer bytes at the end of the file */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes all of `bytes`, which must not change meanwhile; the file grows as needed. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What went wrong, by the operating system's name for it. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether it went wrong for want of room: of the disk, or of what this user may have of it. */
export function isForRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
