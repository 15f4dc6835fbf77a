/** What came from a peer cannot be a message of this protocol. No state has changed. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
  readonly code = 'ERR_RAFT_BAD_MESSAGE';
  readonly executed = 'no';
  constructor(readonly problem: string) {
    super(`not a raft message: ${problem}`);
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
