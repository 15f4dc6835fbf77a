import { checkInteger } from '@troupe/actor/internal';

/** What one other node may have going here. Beyond that it is refused, and told which bound. */
export interface PeerLimits {
  /** Calls that run or wait here; a cancelled one counts until it has ended. */
  readonly callsMax: number;
  /** Bytes of the arguments of those calls. */
  readonly callBytesMax: number;
  /** Actors that it may monitor. */
  readonly monitorsMax: number;
  /** Functions, and signals, that each side may have lent the other. */
  readonly loansMax: number;
  /** Streams that each side may read from the other. */
  readonly streamsMax: number;
  /**
   * Calls that it may make and cancel, a second; `callsMax` at once. Whoever cancels more than that
   * makes work for others at no cost to itself, and its session ends.
   */
  readonly cancelsPerSecondMax: number;
}

/** What a node grants each other one unless it is told otherwise. */
export const DEFAULT_PEER_LIMITS: PeerLimits = {
  callsMax: 65_536,
  callBytesMax: 256 * 1024 * 1024,
  monitorsMax: 65_536,
  loansMax: 65_536,
  streamsMax: 16_384,
  cancelsPerSecondMax: 10_000,
};

/** @throws {BadOption} when a limit is no whole number above 0 */
export function peerLimits(own: Partial<PeerLimits> = {}): PeerLimits {
  for (const [name, value] of Object.entries(own)) {
    checkInteger(`limits.${name}`, value, [1, Number.MAX_SAFE_INTEGER]);
  }
  return { ...DEFAULT_PEER_LIMITS, ...own };
}
