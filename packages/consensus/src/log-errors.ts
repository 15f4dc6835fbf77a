import { CallError, type Executed } from '@troupe/actor';
import { messageOf } from '@troupe/actor/internal';

/** Where in a log something was found. */
export interface LogPlace {
  readonly file: string;
  readonly offset: number;
}

/** Something is wrong with the log that a power cut cannot have done. */
export interface Damage extends LogPlace {
  /** A phrase that goes on from "the log is damaged: …". */
  readonly reason: string;
}

/**
 * A write or a sync has failed, or the disk gives back what was not written to it. It is not tried
 * again, since nobody knows what is on the disk: stop this node, and start it anew.
 */
export class StoreFailed extends Error {
  override readonly name = 'StoreFailed';
  readonly code = 'ERR_STORE_FAILED';
  readonly executed = 'unknown';
  constructor(problem: string, options?: ErrorOptions) {
    super(`storage has failed, stop this node: ${problem}`, options);
  }
}

/** The files are another node's or cluster's, or of a later version. Nothing was changed. */
export class WrongLog extends Error {
  override readonly name = 'WrongLog';
  readonly code = 'ERR_WRONG_LOG';
  readonly executed = 'no';
  constructor(
    readonly file: string,
    readonly problem: string,
  ) {
    super(`${file} cannot be this node's log: ${problem}`);
  }
}

/** The store has been closed. */
export class StoreClosed extends Error {
  override readonly name = 'StoreClosed';
  readonly code = 'ERR_STORE_CLOSED';
  readonly executed = 'no';
  constructor() {
    super('the store is closed');
  }
}

/** @returns `error` itself when it is one of ours, or what it is the cause of */
export function failureOf(error: unknown, what: string): Error {
  if (error instanceof StoreFailed || error instanceof StoreClosed) return error;
  return new StoreFailed(`${what}: ${messageOf(error)}`, { cause: error });
}

/** The disk has no room for a command, or a snapshot. Nothing was changed; try again later. */
export class DiskFull extends CallError {
  override readonly name = 'DiskFull';
  readonly code = 'ERR_DISK_FULL';
  readonly executed: Executed = 'no';
  constructor(what: string, options?: ErrorOptions) {
    super(`the disk has no room for ${what}: free some, or give it more`, options);
  }
}

/** Another process, or this one, has the directory open. Nothing was changed. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
  readonly code = 'ERR_DIRECTORY_IN_USE';
  readonly executed = 'no';
  constructor(
    readonly directory: string,
    readonly pid: number,
    lock: string,
  ) {
    super(
      `process ${pid} has ${directory} open: stop it, or give this node another directory ` +
        `(if that process is no node of yours, delete ${lock})`,
    );
  }
}

/** The log of a node is damaged where no power cut can have done it. Nothing was changed. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
  readonly code = 'ERR_LOG_DAMAGED';
  readonly executed = 'no';
  constructor(
    readonly node: string,
    readonly damage: Damage,
  ) {
    super(
      `the log of ${node} is damaged at ${damage.file}:${damage.offset}, and its votes may be ` +
        `lost: replace this node by one of another name (${damage.reason})`,
    );
  }
}
