import type { Status } from '@troupe/raft';
import type { NodeId } from './consensus.ts';
import type { Feed } from './feed.ts';

export interface LagLimits {
  /** Entries behind which a node is reported as lagging. Default: 10,000. */
  readonly lagEntries: number;
}

/** Tells of nodes that fall behind, once each, and of their having caught up. */
export class Lag {
  readonly #feed: Feed;
  readonly #entries: number;
  readonly #lagging = new Set<NodeId>();

  constructor(feed: Feed, entries: number) {
    this.#feed = feed;
    this.#entries = entries;
  }

  /** A leader sees how far each member's log is; every node, how far its own state machine is. */
  look({ id, commit, applied, members }: Status): void {
    this.#judge(id, commit - applied);
    const others = members.filter((member) => member.id !== id);
    for (const { id: node, match } of others) this.#judge(node, Math.max(0, commit - match));
    // Whoever is no member any more, or whom this node has ceased to lead, is not watched.
    for (const node of this.#lagging) {
      if (node !== id && !others.some((member) => member.id === node)) this.#lagging.delete(node);
    }
  }

  #judge(node: NodeId, behind: number): void {
    if (this.#lagging.has(node)) {
      if (behind > 0) return;
      this.#lagging.delete(node);
      this.#feed.tell({ kind: 'lag', node, behind: 0 });
    } else if (behind >= this.#entries) {
      this.#lagging.add(node);
      this.#feed.tell({ kind: 'lag', node, behind });
    }
  }
}
