/** What a server is told as it starts. */
export interface Begin {
  readonly name: string;
  /** Of new groups; none where it is to be added. */
  readonly voters: readonly string[];
  /** Where the others are to be reached, each by a way of this server's own. */
  readonly peers: Readonly<Record<string, string>>;
  readonly directory: string;
  /** A kill is a power cut: what was not synced is lost. */
  readonly power: boolean;
  readonly mistake: Mistake | undefined;
}

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
  /** It cannot go on, and ends. */
  | { readonly kind: 'fatal'; readonly why: string };
