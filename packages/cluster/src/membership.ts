import type { Env } from '@troupe/actor';
import type { DatagramReceiver, DatagramSocket, Secret } from '@troupe/remote';
import type { ClusterObserver } from './cluster-event.ts';
import type { Member, MemberEvent, MemberMeta, MemberView, NodeId } from './member.ts';
import type { SeedProvider } from './seeds.ts';

/** What the traffic of the node itself shows about another one. */
export interface Evidence {
  readonly peer: NodeId;
  /** `reset`: the connection was lost. `refused`: none could be made. `ok`: it lives. */
  readonly event: 'reset' | 'refused' | 'ok';
}

/** How members of one implementation talk with each other, whatever lies beneath. */
export interface MembershipNet {
  /**
   * Sends `payload`, plain data, and resolves with the answer.
   * @param to an address that somebody listens at, or a node that listens nowhere, which is reached
   *   by the connection that it has made
   * @throws with the code `ECONNREFUSED` on the last of its causes when nobody is there
   */
  exchange(to: string | NodeId, payload: unknown, timeoutMs: number): Promise<unknown>;
  /** Answers the exchanges of others. The payload is a peer's word: trust nothing of it. */
  onExchange(answer: (payload: unknown) => unknown): void;
  /** Makes a connection to `address` if there is none; `report` is told when it is lost. */
  connect(address: string): Promise<void>;
  /**
   * Opens the node's socket for datagrams, at the address that it listens at. Undefined where there
   * are none.
   * @throws {ListenFailed} when the port is taken
   */
  datagrams(receive: DatagramReceiver): Promise<DatagramSocket | undefined>;
  /** Where that socket is bound, `host:port`; empty for a node that listens nowhere. */
  readonly socketAddress: string;
}

export interface MembershipDeps {
  readonly env: Env;
  readonly net: MembershipNet;
  /**
   * What members know and nobody else: the secret of the cluster. On a network that no stranger
   * reaches, a text that everybody knows; undefined where only certificates keep strangers out.
   * Of several the first is for what is said, and all are for what is heard.
   */
  readonly secret?: Secret | undefined;
  /** Where `join` says that others may be, for a membership that was told of no seeds itself. */
  readonly seeds?: readonly string[] | SeedProvider;
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
  /** Calls `observer` with each event from now on. @returns stops that */
  observe(observer: ClusterObserver): () => void;
  /** The data plane tells what it noticed, so that failures are found sooner than by probing. */
  report(evidence: Evidence): void;
  setMeta(meta: MemberMeta): void;
  /** Says goodbye to all members, waiting for them at most `timeoutMs`. */
  leave(options: { readonly timeoutMs: number }): Promise<void>;
  /** Lets go of all timers; the view stays readable. */
  stop(): Promise<void>;
}
