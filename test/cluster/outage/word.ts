/** What one process says to the one that watches it. */
export type Word =
  | { readonly kind: 'listens'; readonly address: string }
  /** It has learned this of another one, at this time of the machine's clock. */
  | {
      readonly kind: 'learned';
      readonly name: string;
      readonly incarnation: string;
      readonly state: 'alive' | 'suspect' | 'down' | 'left';
      readonly atMs: number;
    }
  /** Who leads the group of the voters, since which epoch. */
  | { readonly kind: 'leader'; readonly leader: string | undefined; readonly epoch: number }
  /** It has computed for as long as it was told to. */
  | { readonly kind: 'unblocked' };

/** How a process is started. */
export interface Begin {
  readonly name: string;
  readonly listen: string;
  readonly secret: string;
  readonly join: readonly string[];
  /** Its groups and its gossip are on threads. */
  readonly thread: boolean;
  /** Those who take part in a group, in memory: they are not started again. */
  readonly voters: readonly string[];
}

/** What a process is told: to compute, so that nothing else on its main loop has a turn. */
export interface Block {
  readonly forMs: number;
}
