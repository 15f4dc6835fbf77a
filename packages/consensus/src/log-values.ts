import type { Configuration, HardState, Position, Snapshot } from '@troupe/raft';
import { type ByteReader, ByteWriter } from './byte-stream.ts';

/** How the log writes what Raft is made of. Numbers are varints, texts have their length before. */
export function encodePosition(to: ByteWriter, { index, term }: Position): void {
  to.varint(index);
  to.varint(term);
}

export function decodePosition(from: ByteReader): Position {
  return { index: from.varint(), term: from.varint() };
}

/** An empty name stands for no vote. */
export function encodeHardState(to: ByteWriter, { term, votedFor, commit }: HardState): void {
  to.varint(term);
  to.text(votedFor ?? '');
  to.varint(commit);
}

export function decodeHardState(from: ByteReader): HardState {
  const term = from.varint();
  const name = from.text();
  return { term, votedFor: name === '' ? undefined : name, commit: from.varint() };
}

export function encodeSnapshot(to: ByteWriter, snapshot: Snapshot): void {
  to.text(snapshot.id);
  encodePosition(to, snapshot);
  to.varint(snapshot.bytes);
  encodeConfiguration(to, snapshot.configuration);
}

export function decodeSnapshot(from: ByteReader): Snapshot {
  const id = from.text();
  const { index, term } = decodePosition(from);
  const bytes = from.varint();
  return { id, index, term, bytes, configuration: decodeConfiguration(from) };
}

export function encodeConfiguration(to: ByteWriter, configuration: Configuration): void {
  const { voters, outgoing, learners, promotable, witnesses } = configuration;
  for (const names of [voters, outgoing, learners, promotable, witnesses]) {
    to.varint(names.length);
    for (const name of names) to.text(name);
  }
}

export function configurationBytes(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter(256);
  encodeConfiguration(writer, configuration);
  return writer.written;
}

export function decodeConfiguration(from: ByteReader): Configuration {
  const names = (): string[] => Array.from({ length: from.varint() }, () => from.text());
  return {
    voters: names(),
    outgoing: names(),
    learners: names(),
    promotable: names(),
    witnesses: names(),
  };
}
