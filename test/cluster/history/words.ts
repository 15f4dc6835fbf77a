/** What a server is told as it starts. */
export interface Begin {
  readonly name: string;
  /** Of new groups; none where it is to be added. */
  readonly voters: readonly string[];
  /** Where the others are to be reached, each by a way of this server's own. */
  readonly peers: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Of one file of its log; on a thread, which opens its own, as by default. */
  readonly segmentBytes: number;
  /** Its last life on this disk ended in good order. */
  readonly hadLeft: boolean;
  /** Where its groups are run. */
  readonly driver: 'loop' | 'thread';
  /** Some servers are on a thread. */
  readonly hasThreads: boolean;
  /** A kill is a power cut: what was not synced is lost. A thread opens its disk itself. */
  readonly power: boolean;
  readonly mistake: Mistake | undefined;
}

/** Which servers run their groups on a thread; `mixed`: every second. */
export const threadings = ['none', 'mixed', 'all'] as const;
export type Threading = (typeof threadings)[number];

export const mistakes = ['stale-reads', 'no-sync', 'forgets-sessions', 'repeats'] as const;

/** One that a server makes on purpose, so that the checker can be seen to find it. */
export type Mistake = (typeof mistakes)[number];

/** What is to be done, and for whom. */
export interface Task {
  readonly client: string;
  readonly op: 'read' | 'write' | 'cas' | 'append' | 'add' | 'acquire' | 'release' | 'hold';
  readonly key: string;
  /** Given to a write, an append; from and to of a compare-and-set; ms for which to hold. */
  readonly value: number | readonly [number | null, number] | null;
  /** Of a read. */
  readonly consistency: 'linearizable' | 'lease';
}

/** A server takes part in both of them, and what becomes of one says nothing of the other. */
export const groupNames = ['objects', 'coordination'] as const;

/** Whom a group is to consist of. */
export interface Arrangement {
  readonly group: (typeof groupNames)[number];
  readonly wanted: readonly string[];
  /** A candidate becomes a voter by itself. */
  readonly as: 'voter' | 'candidate';
}

/** What came of it: only who leads a group can see to it. */
export interface Arranged {
  readonly leader: string | null;
  /** The group has agreed to consist of these, and of nobody else. */
  readonly isDone: boolean;
}

/** What a server is asked for. */
export type Order =
  | { readonly kind: 'task'; readonly id: number; readonly task: Task }
  | { readonly kind: 'state'; readonly id: number }
  | { readonly kind: 'transfer'; readonly id: number; readonly to: string }
  | { readonly kind: 'arrange'; readonly id: number; readonly arrangement: Arrangement }
  /** Compute, so that nothing else has a turn. */
  | { readonly kind: 'block'; readonly id: number; readonly forMs: number }
  /** Stop in good order; the process ends. */
  | { readonly kind: 'leave'; readonly id: number; readonly handsOver: boolean }
  /** Another server is to be reached there. */
  | {
      readonly kind: 'meet';
      readonly id: number;
      readonly name: string;
      readonly address: string;
    };

export type Answer =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly executed: 'no' | 'unknown';
      readonly code: string;
    };

/** What a server says. */
export type Word =
  | Answer
  | { readonly kind: 'listens'; readonly address: string }
  | { readonly kind: 'leader'; readonly leader: string | undefined; readonly epoch: number }
  /** It has logged an error, and goes on. */
  | { readonly kind: 'trouble'; readonly why: string }
  /** It cannot go on, and ends. */
  | { readonly kind: 'fatal'; readonly why: string };
