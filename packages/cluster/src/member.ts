/** What names of nodes are made of. */
export const NODE_NAME: RegExp = /^[\w.-]{1,64}$/;

/** One start of one node. The name is its own in the cluster; a restart is another incarnation. */
export interface NodeId {
  readonly name: string;
  /** Later starts of a node sort after earlier ones. */
  readonly incarnation: string;
  /** Where others connect to it, `host:port`; empty when it does not listen. */
  readonly address: string;
}

/**
 * `alive`: heard from. `suspect`: silent or refusing, and not yet given up. `down`: given up.
 * `left`: said goodbye.
 */
export type MemberState = 'alive' | 'suspect' | 'down' | 'left';

/** What a member says of itself. */
export interface MemberMeta {
  /** The kinds of entities that may be placed on it. */
  readonly kinds: readonly string[];
  /** What it is for, as it was started with; for placement and for people. */
  readonly roles?: readonly string[];
  /** It lives, and its event loop has not run for a while: calls to it wait. */
  readonly isStalled?: boolean;
  /** Where it takes lines of consensus, when that is not its address. */
  readonly consensusAddress?: string;
}

export interface Member extends NodeId {
  readonly state: MemberState;
  readonly meta: MemberMeta;
}

/** What one node holds true of the cluster at one moment; never changed, only replaced. */
export interface MemberView {
  /** Grows by one with every change; of this node's view only, not comparable between nodes. */
  readonly version: number;
  readonly self: Member;
  /** Self included, by name. */
  readonly members: readonly Member[];
}

export interface MemberEvent {
  readonly kind: 'up' | 'suspect' | 'down' | 'left' | 'changed';
  readonly member: Member;
  /** The view's version that this event led to; strictly increasing for one watcher. */
  readonly version: number;
}

export function isSameNode(a: NodeId, b: NodeId): boolean {
  return a.name === b.name && a.incarnation === b.incarnation;
}
