import { membersOf } from './configuration.ts';
import { bytesOf, type Entry } from './entry.ts';
import { extend, recentFrom, truncateFrom } from './log.ts';
import { newProgress } from './progress.ts';
import { configurationOf, type State } from './state.ts';

/** Writes entries behind the last. A configuration among them is in force at once (§6). */
export function addEntries(self: State, entries: readonly Entry[]): void {
  extend(self.log, entries);
  for (const entry of entries) {
    self.disk.unsavedBytes += bytesOf(entry);
    if (entry.kind !== 'configuration') continue;
    const { index, configuration } = entry;
    self.configurations.push({ index, configuration });
    followMembers(self);
  }
}

/** Takes back `index` and what follows, and with it the configurations that came with that. */
export function removeEntries(self: State, index: number): void {
  const { log, disk, configurations } = self;
  for (const entry of log.recent.slice(Math.max(index, disk.unsavedFrom) - recentFrom(log))) {
    disk.unsavedBytes -= bytesOf(entry);
  }
  truncateFrom(log, index);
  while ((configurations.at(-1)?.index ?? 0) >= index) configurations.pop();
  disk.unsavedFrom = Math.min(disk.unsavedFrom, index);
  // What the disk has yet to answer for no longer stands for entries that are gone, even when
  // others take their places.
  for (const pending of disk.pending) pending.last = Math.min(pending.last, log.last);
  // And what was about to be said of them is not said.
  disk.messages = disk.messages.filter(
    (message) => message.type !== 'append-reply' || message.match < index,
  );
}

/** A leader writes to its own log; nobody can overrule it there in its own term. */
export function addOwn(self: State, entries: readonly Entry[]): void {
  addEntries(self, entries);
  if (self.leading === undefined) return;
  for (const entry of entries) self.leading.uncommittedBytes += bytesOf(entry);
}

/** Keeps a record for each member but itself, and for nobody else. */
export function followMembers(self: State): void {
  if (self.leading === undefined) return;
  const { progress, transfer } = self.leading;
  const members = membersOf(configurationOf(self));
  for (const id of progress.keys()) if (!members.has(id)) progress.delete(id);
  for (const id of members) {
    if (id === self.id || progress.has(id)) continue;
    progress.set(id, newProgress(self.log.last + 1, self.tick));
  }
  if (transfer !== undefined && !members.has(transfer.to)) self.leading.transfer = undefined;
}
