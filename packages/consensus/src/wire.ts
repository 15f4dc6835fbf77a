import type { NodeId } from './consensus.ts';

/**
 * `control` is for what must not wait: signs of life, votes, answers. `bulk` is for entries and
 * snapshots, and for what must stay in order with them.
 */
export type Lane = 'control' | 'bulk';

/**
 * Carries frames between the nodes of consensus groups. A frame arrives whole or not at all, and
 * frames of one lane in their order. What cannot be sent now is lost, which is not for the wire to
 * repair.
 */
export interface Wire {
  /** Takes part: from now on `handler` is told. */
  open(node: NodeId, handler: WireHandler): Promise<void>;
  /** Owns `frame` from now on. What the peer or the lane cannot take is dropped. */
  send(to: NodeId, lane: Lane, frame: Uint8Array): void;
  close(): Promise<void>;
  /** Frames of this node that were dropped so far. */
  readonly dropped: number;
}

export interface WireHandler {
  /**
   * `from` has proved to be a node of ours, and nothing else is known of `frame`.
   * @throws whatever shows that it is none: the line ends
   */
  received(from: NodeId, frame: Uint8Array): void;
  /** Frames from or to `peer` may be lost, nobody knows which. */
  broke(peer: NodeId): void;
  /** All that was sent to `peer` on `lane` since it last broke was dropped, and never left. */
  unsent(peer: NodeId, lane: Lane): void;
}
