import type { Heard } from './tally.ts';

/** Who the program is, and which room they are in. */
export interface Seating {
  readonly nick: string;
  readonly room: string;
}

/** How many lines each person of a room has said: room → nick → lines. */
export type Spoken = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What a node process is told, one after the other; each is answered once, by its `Answers`. */
export type Order =
  /** First of all: start, and wait until the cluster has so many members. */
  | { readonly kind: 'start'; readonly name: string; readonly join: readonly string[] }
  | { readonly kind: 'gather'; readonly members: number }
  | { readonly kind: 'enter'; readonly people: readonly Seating[] }
  /** From now on everybody says a burst of lines every so often. */
  | { readonly kind: 'talk'; readonly everyMs: number }
  | { readonly kind: 'count' }
  /** Bytes in use on the heap, after what can be collected is. */
  | { readonly kind: 'heap' }
  | { readonly kind: 'hush' }
  /** Waits for the lines that are on their way, as long as lines come. */
  | { readonly kind: 'tally'; readonly spoken: Spoken }
  | { readonly kind: 'stop' };

export interface Answers {
  start: string;
  gather: undefined;
  enter: undefined;
  talk: undefined;
  count: Counts;
  heap: number;
  hush: Hushed;
  tally: Heard;
  stop: undefined;
}

/** So far, on one node. */
export interface Counts {
  readonly said: number;
  readonly heard: number;
}

export interface Hushed {
  readonly spoken: Spoken;
  /** Lines that were refused or whose call failed, and the first reason. */
  readonly failed: number;
  readonly why: string | undefined;
}

/** What the process sends back. */
export type Reply =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly why: string };
