/** What came from a peer cannot be a message of this protocol. No state has changed. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
  readonly code = 'ERR_RAFT_BAD_MESSAGE';
  readonly executed = 'no';
  constructor(readonly problem: string) {
    super(`not a raft message: ${problem}`);
  }
}

/**
 * This node must take no more part under its name, or it could undo what others have agreed on.
 * Start it with an empty disk and a name that the group has never had, and let that take its place.
 */
export class Disqualified extends Error {
  override readonly name = 'Disqualified';
  readonly code = 'ERR_DISQUALIFIED';
  readonly executed = 'unknown';
  constructor(
    /**
     * `forgot`: it has acknowledged what its disk does not have, which is that of another life.
     * `left-behind`: a survivor has begun the group anew without it, by `recoveryRecord`.
     */
    readonly reason: 'forgot' | 'left-behind',
    readonly problem: string,
  ) {
    super(`${problem}: replace this node by one of another name, with a disk of its own`);
  }
}

/** The impossible has happened: stop this node, keep its disk, and report what it says. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
  readonly code = 'ERR_RAFT_BROKEN_INVARIANT';
  readonly executed = 'unknown';
  constructor(claim: string) {
    super(`BUG: ${claim}`);
  }
}

/** @throws {BrokenInvariant} when `claim` does not hold */
export function assert(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new BrokenInvariant(claim);
}
