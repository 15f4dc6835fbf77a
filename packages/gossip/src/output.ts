import type { Packet, Way } from './message.ts';
import type { MemberStatus } from './member.ts';

/** What happens to a member, in the order in which it happens. */
export type Input =
  /** The time that `nextDeadlineMs` named has come; how late it is, the core sees itself. */
  | { readonly kind: 'tick' }
  /** A packet that was authenticated, and where it came from. */
  | { readonly kind: 'packet'; readonly via: Way; readonly from: string; readonly packet: Packet }
  | Evidence
  /** Addresses where members may be. They replace those given before. */
  | { readonly kind: 'join'; readonly seeds: readonly string[] }
  | { readonly kind: 'meta'; readonly meta: Uint8Array }
  /** This process was held up, as its driver noticed in another way than by a late tick. */
  | { readonly kind: 'stalled'; readonly forMs: number }
  | { readonly kind: 'leave' };

/** What connections to a member show of it. */
export interface Evidence {
  readonly kind: 'evidence';
  readonly name: string;
  /** The generation that the connection was to; 0 when nobody knows. */
  readonly generation: number;
  /** `reset`: a connection broke. `refused`: its address takes none. `heard`: it sent something. */
  readonly event: 'reset' | 'refused' | 'heard';
}

export type Output =
  | { readonly kind: 'send'; readonly via: Way; readonly to: string; readonly packet: Packet }
  /** Keep a stream open to these members and to no others; report what becomes of it. */
  | { readonly kind: 'watch'; readonly members: readonly MemberStatus[] }
  | { readonly kind: 'event'; readonly event: GossipEvent };

export type GossipEvent =
  | {
      /** `refuted`: a suspect, or one that had failed, has objected and is alive again. */
      readonly kind: 'joined' | 'suspected' | 'refuted' | 'failed' | 'left' | 'changed';
      readonly member: MemberStatus;
    }
  /** A member with a name that another one has; the later generation has it now. */
  | { readonly kind: 'conflict'; readonly member: MemberStatus; readonly address: string }
  /**
   * Another process has the name of this one, which should end. `isSure`: that process is there, as
   * it says itself or as both are heard at one address; else others think so, and it may have ended
   * a moment ago.
   */
  | { readonly kind: 'taken'; readonly address: string; readonly isSure: boolean }
  /** This process was late, or missed what it was sent; `health` is 0 again when it is well. */
  | { readonly kind: 'degraded'; readonly health: number }
  /** Nothing has changed for a while. */
  | { readonly kind: 'stable'; readonly members: number }
  /** A member was not admitted. */
  | {
      readonly kind: 'excluded';
      readonly name: string;
      readonly why: 'too many members' | 'no common version';
    };
