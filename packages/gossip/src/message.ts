/** `alive`: part of the cluster. `suspect`: accused. `failed`: given up. `left`: gone. */
export type State = 'alive' | 'suspect' | 'failed' | 'left';

/** News of one member. Immutable, and passed on as it is. */
export type Update = Alive | Suspect | Failed | Left;

interface About {
  readonly name: string;
  /** Grows with each start of the process. */
  readonly generation: number;
  /** Grows within a generation, by the member itself alone, when it objects or changes. */
  readonly incarnation: number;
}

export interface Alive extends About {
  readonly kind: 'alive';
  readonly address: string;
  /** What the member says of itself; the same throughout an incarnation. */
  readonly meta: Uint8Array;
  /** Versions of this protocol that it speaks. */
  readonly versionMin: number;
  readonly versionMax: number;
}

export interface Suspect extends About {
  readonly kind: 'suspect';
  readonly by: string;
  /** How unwell the accuser thinks itself to be; 0 is well. */
  readonly health: number;
}

export interface Failed extends About {
  readonly kind: 'failed';
  readonly by: string;
  /** Several members saw its address refuse them: no mere silence. */
  readonly proof: boolean;
}

export interface Left extends About {
  readonly kind: 'left';
}

/** What a view says of one member, for comparing two views. */
export interface Row extends About {
  readonly state: State;
}

export type Message =
  | { readonly kind: 'gossip' }
  | Ping
  | { readonly kind: 'ack' | 'nack' | 'refused'; readonly sequence: number }
  | PingRequest
  | Sync
  | { readonly kind: 'rows'; readonly rows: readonly Row[] }
  | {
      readonly kind: 'states';
      /** Names of which the sender knows less. */
      readonly wanted: readonly string[];
    }
  | {
      /** The name of the one that asks to join belongs to a live member. */
      readonly kind: 'taken';
      readonly address: string;
    };

export interface Ping {
  readonly kind: 'ping';
  readonly sequence: number;
  readonly target: string;
  readonly generation: number;
  /** Of the sender's whole view. */
  readonly digest: number;
}

export interface PingRequest {
  readonly kind: 'ping-request';
  readonly sequence: number;
  readonly target: string;
  readonly address: string;
  readonly generation: number;
  /** Time left for an answer, a nack included, when it was sent. */
  readonly deadlineMs: number;
  /** Try whether its address refuses a stream, and say so. */
  readonly verify: boolean;
}

export interface Sync {
  readonly kind: 'sync';
  /** Of the sender's whole view; equal views have equal ones. */
  readonly digest: number;
  readonly members: number;
  /** The first word of one that is not a member yet. */
  readonly join: boolean;
}

/** What travels: one message, and what else there is to tell. */
export interface Packet {
  /** Packets of other clusters are not heard. */
  readonly cluster: number;
  readonly from: string;
  readonly generation: number;
  readonly message: Message;
  readonly updates: readonly Update[];
}

/** How a packet travels: a datagram of limited length, or a stream that also shows refusal. */
export type Way = 'datagram' | 'stream';
