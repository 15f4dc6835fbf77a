import type { Env } from '@troupe/actor';
import type { Member, MemberEvent, MemberMeta, MemberView, NodeId } from './member.ts';

/** What the traffic of the node itself shows about another one. */
export interface Evidence {
  readonly peer: NodeId;
  /** `reset`: the connection was lost. `refused`: none could be made. `ok`: it lives. */
  readonly event: 'reset' | 'refused' | 'ok';
}

/** How members of one implementation talk with each other, whatever lies beneath. */
export interface MembershipNet {
  /** Sends `payload`, plain data, to whoever listens at `address`; resolves with the answer. */
  exchange(address: string, payload: unknown, timeoutMs: number): Promise<unknown>;
  /** Answers the exchanges of others. The payload is a peer's word: trust nothing of it. */
  onExchange(answer: (payload: unknown) => unknown): void;
}

export interface MembershipDeps {
  readonly env: Env;
  readonly net: MembershipNet;
}

/**
 * Who is in the cluster. A plug-in: implementations differ in how they find out and in what they
 * may promise, which `guarantees` says.
 */
export interface Membership {
  readonly kind: string;
  readonly guarantees: {
    /** `probed`: members are watched. `declared`: somebody's word is taken. */
    readonly liveness: 'probed' | 'declared';
    /** Whether two nodes may hold different views at one time. */
    readonly view: 'eventual' | 'linearizable';
    /** Whether the two sides of a partition find together again by themselves. */
    readonly heals: boolean;
  };
  /**
   * Joins. Resolves when the first round of contacts is over, with or without an answer.
   * @throws what no retry can mend: a name that is taken, a wrong secret
   */
  start(self: Member, deps: MembershipDeps): Promise<void>;
  view(): MemberView;
  /**
   * Replays the present view as `up` events first, then follows it. A slow reader loses no
   * member's latest state; states in between may be joined into one.
   */
  watch(signal: AbortSignal): AsyncIterable<MemberEvent>;
  /** The data plane tells what it noticed, so that failures are found sooner than by probing. */
  report(evidence: Evidence): void;
  setMeta(meta: MemberMeta): void;
  /** Says goodbye to all members, waiting for them at most `deadlineMs`. */
  leave(options: { readonly deadlineMs: number }): Promise<void>;
  /** Lets go of all timers; the view stays readable. */
  stop(): Promise<void>;
}
