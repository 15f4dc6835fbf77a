import type { Configuration } from './configuration.ts';

export type NodeId = string;

/** A place in the log. Two logs that agree on a position agree on everything before it (§5.3). */
export interface Position {
  /** Counted from 1; 0 is before the first entry. */
  readonly index: number;
  readonly term: number;
}

/** One entry of the log. Entries are never changed, so they are shared and not copied. */
export type Entry = CommandEntry | NoopEntry | ConfigurationEntry | WithheldEntry;

export interface CommandEntry extends Position {
  readonly kind: 'command';
  /** Opaque to the core, which keeps the very bytes that it was given. */
  readonly data: Uint8Array;
}

/** What a new leader begins its term with, so that it can commit what it found (§8). */
export interface NoopEntry extends Position {
  readonly kind: 'noop';
}

export interface ConfigurationEntry extends Position {
  readonly kind: 'configuration';
  readonly configuration: Configuration;
}

/** What a witness keeps of a command: that there is one. */
export interface WithheldEntry extends Position {
  readonly kind: 'withheld';
}

/** Index, term, kind, length and checksum take about this much wherever an entry is kept. */
const HEADER_BYTES = 24;
const MEMBER_BYTES = 32;

/** What `entry` counts for against limits in bytes. */
export function bytesOf(entry: Entry): number {
  if (entry.kind === 'command') return HEADER_BYTES + entry.data.length;
  if (entry.kind !== 'configuration') return HEADER_BYTES;
  const { voters, outgoing, learners } = entry.configuration;
  return HEADER_BYTES + MEMBER_BYTES * (voters.length + outgoing.length + learners.length);
}

/** §5.4.1: the later last term wins; on equal terms, the longer log. A tie is up to date. */
export function isUpToDate(theirs: Position, ours: Position): boolean {
  return theirs.term === ours.term ? theirs.index >= ours.index : theirs.term > ours.term;
}
