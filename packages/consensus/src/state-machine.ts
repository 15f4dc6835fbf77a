/**
 * What a group replicates: it is given the same commands in the same order on every node, so it
 * must come to the same state everywhere. No clock, no randomness, no iteration order that is not
 * defined, nothing from outside: what it needs of those must be in the command.
 *
 * The group alone calls these methods, one at a time. A machine that throws in `apply` stops the
 * group on this node: there is no state that it could go on with.
 */
export interface StateMachine<R = unknown> {
  /** What errors call it. Default: `the state machine`. */
  readonly name?: string;
  /** Of the form of its snapshots. A node reads those of its own version and of earlier ones. */
  readonly version: number;
  /**
   * Applies `batch`, in its order, and returns a result for each command. The bytes of a command
   * are shared with the log: read them, never change them.
   */
  apply(batch: readonly Command[]): readonly R[] | Promise<readonly R[]>;
  /**
   * Takes hold of the present state, cheaply: a copy of references, an open transaction. What it
   * holds is read later, while commands go on being applied.
   */
  snapshot(): SnapshotSource;
  /** Puts the state that `chunks` are in place of the whole present one. */
  restore(chunks: AsyncIterable<Uint8Array>, from: SnapshotOrigin): Promise<void>;
}

export interface Command {
  readonly index: number;
  readonly epoch: number;
  readonly data: Uint8Array;
}

export interface SnapshotSource {
  /** Read once, in pieces of any size. Two nodes in one state may give different bytes. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Called once, when the chunks are read or no longer wanted. */
  release?(): void;
}

export interface SnapshotOrigin {
  /** `version` of the machine that made it. */
  readonly version: number;
  readonly index: number;
}

/** @throws {TypeError} when a machine has not given one result for each command */
export function refuseOtherCount(results: readonly unknown[], commands: number): void {
  if (results.length === commands) return;
  throw new TypeError(
    `the state machine gave ${results.length} results for ${commands} commands: one each`,
  );
}
