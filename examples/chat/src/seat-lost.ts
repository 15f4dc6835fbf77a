/** Why a room no longer sends somebody its lines, when they did not ask for that. */
export type SeatLostReason = 'room-moved' | 'too-slow' | 'replaced';

const WORDS: Record<SeatLostReason, string> = {
  'room-moved': 'the room moved to another node',
  'too-slow': 'it said more than your connection could take',
  replaced: 'you came in again from elsewhere',
};

/**
 * What a room closes its lines to somebody with. Nodes list the class in `startNode({ errors })`,
 * so it arrives as itself from any of them.
 */
export class SeatLost extends Error {
  override readonly name = 'SeatLost';
  readonly reason: SeatLostReason;
  constructor(reason: SeatLostReason) {
    super(WORDS[reason]);
    this.reason = reason;
  }
}
