import type { Connection, PeerIdentity, Proved } from '@troupe/remote';
import type { NodeId } from './consensus.ts';

/** What a line begins with, so that no other connection between our nodes is taken for one. */
export const PREAMBLE: Buffer = Buffer.from('TRPL');

/** Makes a line of a connection; throws when the peer is not the right one. */
export type MakeLine = (connection: Connection, peer: PeerIdentity) => Proved;

/**
 * How lines come to be: connections, both sides of which have proved who they are. The door of a
 * node itself (`EndpointWire`), or one of its own (`TransportWire`).
 */
export interface Door {
  /** Where it listens; empty when it does not. */
  readonly address: string;
  /** From now on lines that others dial are given to `accept`. */
  open(node: NodeId, accept: MakeLine): Promise<void>;
  /** Dials `to`, wherever it is by now. */
  dial(to: NodeId, make: MakeLine): Promise<void>;
  /** Takes no more lines; those that stand are left to whoever made them. */
  close(): Promise<void>;
}
