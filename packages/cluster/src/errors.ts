import { messageOf } from '@troupe/actor/internal';
/** Another node has this name already, so this one cannot join. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
  readonly code = 'ERR_NAME_TAKEN';
  /** @param waitedMs how long the other had to be given up; 0: it has said itself that it lives */
  constructor(
    readonly nodeName: string,
    readonly holder: string,
    readonly waitedMs: number = 0,
  ) {
    const waited =
      `; it did not answer, and in ${waitedMs} ms the others have not given it up: ` +
      'start this one again when they have, ';
    super(
      `a node named '${nodeName}' is in the cluster already, at ${holder}` +
        `${waitedMs === 0 ? ': ' : waited}give this one another name, or stop the other first`,
    );
  }
}

/** A worker thread of a node has not come to run a node of its own. */
export class WorkerFailed extends Error {
  override readonly name = 'WorkerFailed';
  readonly code = 'ERR_WORKER_FAILED';
  constructor(
    readonly worker: string,
    cause: unknown,
  ) {
    const reason = messageOf(cause);
    super(`worker ${worker} did not start: ${reason}`, { cause });
  }
}

/** What a member says of itself is more than gossip carries. */
export class MetadataTooLarge extends RangeError {
  override readonly name = 'MetadataTooLarge';
  readonly code = 'ERR_METADATA_TOO_LARGE';
  constructor(
    readonly size: number,
    readonly limit: number,
    what: string,
  ) {
    super(
      `kinds and roles of a node take ${size} bytes or entries, and ${limit} is the limit: ` +
        `give it fewer or shorter ones (${what.length > 80 ? `${what.slice(0, 80)}…` : what})`,
    );
  }
}
