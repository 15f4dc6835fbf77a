import { CallError } from '@troupe/actor';

/** The group does not know the lease, or session, any more: its time ran out, or it was ended. */
export class LeaseExpired extends CallError {
  override readonly name = 'LeaseExpired';
  readonly code = 'ERR_LEASE_EXPIRED';
  readonly executed = 'no';
  constructor(
    readonly lease: number,
    options?: ErrorOptions,
  ) {
    super(`lease ${lease} has ended, and all that it held is given back: open another`, options);
  }
}

/** Why the `signal` of something held is aborted: others may hold it from now on. */
export class LockLost extends CallError {
  override readonly name = 'LockLost';
  readonly code = 'ERR_LOCK_LOST';
  readonly executed = 'unknown';
  constructor(
    /** For example `lock reindex`. */
    readonly held: string,
    readonly token: number,
    /** `jeopardy`: nobody can tell. `expired`: it is given back. `released`: by its holder. */
    readonly reason: 'jeopardy' | 'expired' | 'released',
    options?: ErrorOptions,
  ) {
    super(`${held}, token ${token}, ${explanations[reason]}`, options);
  }
}

const explanations = {
  jeopardy: 'may be lost: its session was not renewed in time; stop what it guards',
  expired: 'is lost: its session has ended; stop what it guards, and acquire it anew',
  released: 'was released by its holder',
};

/** Something is said of what is not held any more: it was released, or its session has ended. */
export class NotHeld extends CallError {
  override readonly name = 'NotHeld';
  readonly code = 'ERR_NOT_HELD';
  readonly executed = 'no';
  constructor(
    /** For example `election boss`. */
    readonly held: string,
    readonly token: number,
    options?: ErrorOptions,
  ) {
    super(`${held} is not held under token ${token} any more: campaign anew`, options);
  }
}

/** A watch asked for history that is not kept any more: read the keys, then watch from there. */
export class Compacted extends CallError {
  override readonly name = 'Compacted';
  readonly code = 'ERR_COMPACTED';
  readonly executed = 'no';
  constructor(
    /** The revision that was asked for. */
    readonly revision: number,
    /** The first from which all events are still there. */
    readonly first: number,
    options?: ErrorOptions,
  ) {
    super(
      `changes from revision ${revision} on are not all kept, those from ${first} on are: ` +
        'read the keys, then watch from the revision after that of the page',
      options,
    );
  }
}

/** A semaphore, or a barrier, is in use with another size. */
export class SizeMismatch extends CallError {
  override readonly name = 'SizeMismatch';
  readonly code = 'ERR_SIZE_MISMATCH';
  readonly executed = 'no';
  constructor(
    /** For example `semaphore pool`. */
    readonly of: string,
    readonly size: number,
    readonly asked: number,
    options?: ErrorOptions,
  ) {
    super(`${of} is in use with size ${size}, not ${asked}: use one size everywhere`, options);
  }
}
