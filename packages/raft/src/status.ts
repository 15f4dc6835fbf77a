import type { Configuration } from './configuration.ts';
import type { NodeId, Position } from './entry.ts';
import { lastPosition } from './log.ts';
import type { Progress } from './progress.ts';
import { configurationOf, isDamaged, type Role, type State } from './state.ts';

/** What a node can say of itself, for people and for drivers. */
export interface Status {
  readonly id: NodeId;
  readonly term: number;
  readonly votedFor: NodeId | undefined;
  readonly role: Role;
  readonly leader: NodeId | undefined;
  readonly base: Position;
  readonly last: Position;
  /** How far the log is on this node's disk. */
  readonly durable: number;
  readonly commit: number;
  readonly applied: number;
  readonly quiet: boolean;
  /** Some of its disk was unreadable, and is not made good yet: it has no vote. */
  readonly damaged: boolean;
  /** As `full` was told. */
  readonly full: boolean;
  /** Its state machine waits for the snapshot of another; see `requestSnapshot`. */
  readonly bereft: boolean;
  readonly configuration: Configuration;
  /** On a leader: how far each other member is. */
  readonly members: readonly MemberStatus[];
}

export interface MemberStatus {
  readonly id: NodeId;
  readonly state: Progress['state'];
  readonly match: number;
  readonly next: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Ticks since it was last heard. */
  readonly silentTicks: number;
}

export function statusOf(self: State): Status {
  const members = [...(self.leading?.progress ?? [])].map(([id, progress]) =>
    memberStatus(self, id, progress),
  );
  return {
    id: self.id,
    term: self.term,
    votedFor: self.votedFor,
    role: self.role,
    leader: self.leader,
    base: self.log.base,
    last: lastPosition(self.log),
    durable: self.log.durable,
    commit: self.commit,
    applied: self.applied,
    quiet: self.quiet,
    damaged: isDamaged(self),
    full: self.full,
    bereft: self.bereft,
    configuration: configurationOf(self),
    members,
  };
}

function memberStatus({ tick }: State, id: NodeId, progress: Progress): MemberStatus {
  return {
    id,
    state: progress.state,
    match: progress.match,
    next: progress.next,
    inflightMessages: progress.inflight.length,
    inflightBytes: progress.inflightBytes,
    silentTicks: tick - progress.heardTick,
  };
}
