import type { Env } from '@troupe/actor';
import type { AppendRecord } from '@troupe/raft';
import type { Consensus, NodeId, RequestOptions } from './consensus.ts';
import type { LogStore } from './log-store.ts';
import type { Packet } from './packet.ts';
import type { Lane } from './wire.ts';

/** A group as the node that it is on sees it. */
export interface Hosted extends Consensus {
  /** Somebody has asked for something, and has no answer yet. */
  readonly isWaitedFor: boolean;
  /** Time has passed: `ticks` of it. */
  tick(ticks: number): void;
  /** A member said something; looked at in the next turn. */
  receive(packet: Packet): void;
  /** The line to `peer` broke: what was sent may be lost. */
  broke(peer: NodeId): void;
  /** What was sent to `peer` on `lane` since it last broke has never left. */
  unsent(peer: NodeId, lane: Lane): void;
  /**
   * One turn's work: what has been asked for goes into the core, what comes out is begun.
   * @param turn counts turns; in one of them there may be work more than once
   */
  work(turn: number): void;
  /** The record is on disk. */
  saved(record: AppendRecord): void;
  /** Nothing can be trusted any more on this node: the group takes no more part. */
  fail(cause: unknown): void;
  /** Room is short, and the log of this group takes some. */
  shorten(): void;
  /** The disk is full, or has room again. */
  full(isFull: boolean): void;
  /** `peer` is gone, as others say: nothing is to be expected of it. */
  unreachable(peer: NodeId): void;
  /** If this node leads, it hands the lead to whoever is most ready for it. */
  handOver(options: RequestOptions): Promise<void>;
}

/** What a group needs of the node that it is on. */
export interface GroupHost {
  readonly node: NodeId;
  readonly env: Env;
  readonly store: LogStore;
  readonly tickMs: number;
  /** There is something to do: `work` is called in this turn or the next. */
  wake(group: Hosted): void;
  /** There will be: `work` is called in the next turn. */
  wakeLater(group: Hosted): void;
  /** Saves `record` together with those of other groups; `saved` is called when it is on disk. */
  save(group: Hosted, record: AppendRecord): void;
  /** `packet` is none that a peer of ours would send. */
  complain(group: Hosted, packet: Packet, reason: string): void;
  /** Leaves at the end of this round, or of the next turn. */
  send(group: Hosted, packet: Packet): void;
  /** The group takes part no more. */
  ended(group: Hosted): void;
}
