import type { Message, NodeId } from '@troupe/raft';

/** What nodes say to each other of a group: one message of it, and to whom. */
export type Packet = Message | Forward | Forwarded | Absent;

/** "Propose these for me": from a node that does not lead to the one that does. */
export interface Forward {
  readonly type: 'forward';
  readonly from: NodeId;
  readonly to: NodeId;
  /** That of the asking node, which gives each number once. */
  readonly request: number;
  readonly commands: readonly Uint8Array[];
}

/** Where they stand; whether they stay there is for the log to say. */
export interface Forwarded {
  readonly type: 'forwarded';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly request: number;
  /** Of the first command, the others follow. 0: none of them was taken, and none will be. */
  readonly index: number;
  readonly term: number;
}

/** "I take no part in that group": the answer of a node that was taken for a member which does. */
export interface Absent {
  readonly type: 'absent';
  readonly from: NodeId;
  readonly to: NodeId;
}
