import { advanceCommit } from './commit.ts';
import { bytesOf, type Entry, type NodeId } from './entry.ts';
import { lastWithTermAtMost, slice, termAt } from './log.ts';
import { assert } from './errors.ts';
import type { AppendRejected, AppendReply, HeartbeatReply } from './message.ts';
import { send } from './outbox.ts';
import { addInflight, probe, type Progress, releaseInflight, replicate } from './progress.ts';
import { confirmReads } from './reads.ts';
import { beginSnapshot, sendChunks } from './snapshot-sender.ts';
import { configurationOf, leadingOf, type State } from './state.ts';
import { tellHeir } from './transfer.ts';

/** Sends every member what it lacks and may have by now. Proposals of one turn go together. */
export function replicateAll(self: State): void {
  for (const [to, progress] of leadingOf(self).progress) replicateTo(self, to, progress);
}

function replicateTo(self: State, to: NodeId, progress: Progress): void {
  if (progress.state === 'snapshot') return sendChunks(self, to, progress);
  if (progress.next <= self.log.base.index) {
    // One who is gone would only make us keep the snapshot for him.
    const isAlive = self.tick - progress.heardTick < self.settings.electionTicks;
    return isAlive ? beginSnapshot(self, { to, progress, requested: false }) : undefined;
  }
  if (progress.state === 'probe') {
    if (!progress.asked) sendNext(self, to, progress);
    return;
  }
  const last = lastFor(self, to);
  while (progress.next <= last && !isFull(self, progress)) {
    if (!sendNext(self, to, progress)) break;
  }
  // Without entries: brings the commit index, and finds out whether those on the way are lost.
  if (progress.verify || progress.sentCommit < self.commit) sendEntries(self, { to, progress }, []);
  progress.verify = false;
}

/**
 * What a witness has, somebody must have who knows what it says, also when this node stops now:
 * it would vote for nobody else, and nobody else could be elected.
 */
function lastFor(self: State, to: NodeId): number {
  return configurationOf(self).witnesses.includes(to) ? self.log.durable : self.log.last;
}

function isFull({ settings }: State, { inflight, inflightBytes, window }: Progress): boolean {
  const { inflightMessagesMax, inflightBytesMax } = settings;
  const messagesMax = Math.min(inflightMessagesMax, window);
  return inflight.length >= messagesMax || inflightBytes >= inflightBytesMax;
}

/** @returns false when the entries have to be fetched first */
function sendNext(self: State, to: NodeId, progress: Progress): boolean {
  if (progress.fetching > 0) return false;
  const { messageBytesMax: bytesMax, messageEntriesMax: entriesMax } = self.settings;
  const from = progress.next;
  const entries = slice(self.log, from, { to: lastFor(self, to), bytesMax, entriesMax });
  if (entries !== undefined) {
    sendEntries(self, { to, progress }, entries);
    return true;
  }
  progress.fetching = from;
  const upTo = Math.min(from + entriesMax - 1, self.log.durable);
  if (!self.out.fetches.some((fetch) => fetch.from === from)) {
    self.out.fetches.push({ from, to: upTo, bytesMax });
  }
  return false;
}

interface Receiver {
  readonly to: NodeId;
  readonly progress: Progress;
}

function sendEntries(self: State, { to, progress }: Receiver, entries: readonly Entry[]): void {
  const index = progress.next - 1;
  const term = termAt(self.log, index);
  assert(term !== undefined, `${to} is sent what follows ${index}, which is not in the log`);
  const isWitness = configurationOf(self).witnesses.includes(to);
  send(self, {
    type: 'append',
    to,
    prev: { index, term },
    entries: isWitness ? entries.map(withheld) : entries,
    commit: self.commit,
  });
  progress.sentCommit = self.commit;
  if (progress.state === 'probe') progress.asked = true;
  else if (entries.length > 0) {
    progress.next += entries.length;
    const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
    addInflight(progress, { last: progress.next - 1, bytes });
  }
}

function withheld(entry: Entry): Entry {
  const { index, term } = entry;
  return entry.kind === 'command' ? { kind: 'withheld', index, term } : entry;
}

/** The driver has read entries from the disk: they go to those who waited for them. */
export function onFetched(self: State, from: number, entries: readonly Entry[]): void {
  if (self.leading === undefined) return;
  const isOurs = entries.every(
    (entry, at) => entry.index === from + at && termAt(self.log, entry.index) === entry.term,
  );
  for (const [to, progress] of self.leading.progress) {
    if (progress.fetching !== from) continue;
    progress.fetching = 0;
    const isNext = progress.next === from && from > self.log.base.index;
    if (isOurs && isNext && entries.length > 0) sendEntries(self, { to, progress }, entries);
  }
}

export function onAppendReply(self: State, { from, match }: AppendReply): void {
  const progress = leadingOf(self).progress.get(from);
  if (progress === undefined || match > self.log.last) return;
  progress.heardTick = self.tick;
  const isAnswer = progress.state === 'probe' && match >= progress.next - 1;
  if (match > progress.match) progress.window *= 2;
  progress.match = Math.max(progress.match, match);
  progress.next = Math.max(progress.next, progress.match + 1);
  releaseInflight(progress, match);
  const isInstalled =
    progress.transfer?.requested === false && progress.match >= self.log.base.index;
  if (isAnswer || isInstalled) replicate(progress);
  advanceCommit(self);
  if (self.role === 'leader') tellHeir(self);
}

export function onAppendRejected(self: State, { from, rejected, hint }: AppendRejected): void {
  const progress = leadingOf(self).progress.get(from);
  if (progress === undefined) return;
  progress.heardTick = self.tick;
  // Overtaken by what was accepted since, or the answer to a question that is not open any more.
  if (rejected <= progress.match || progress.state === 'snapshot') return;
  if (progress.state === 'probe' && rejected !== progress.next - 1) return;
  // One for each message that came out of order, each of which would have all sent once more.
  if (progress.state === 'replicate') progress.window = 1;
  const { index } =
    hint.index < self.log.base.index
      ? hint
      : lastWithTermAtMost(self.log, Math.min(hint.index, rejected - 1), hint.term);
  probe(progress, Math.min(index + 1, rejected));
}

export function onHeartbeatReply(self: State, { from, round }: HeartbeatReply): void {
  const leading = leadingOf(self);
  const progress = leading.progress.get(from);
  if (progress === undefined || round > leading.round) return;
  progress.heardTick = self.tick;
  progress.ackedRound = Math.max(progress.ackedRound, round);
  progress.asked = false; // The question, or its answer, may be lost.
  progress.verify = progress.state === 'replicate' && progress.match < self.log.last;
  confirmReads(self);
}

/** The link to `id` broke: what was on the way is gone. */
export function onUnreachable(self: State, id: NodeId): void {
  const progress = self.leading?.progress.get(id);
  if (progress?.state === 'replicate') probe(progress, progress.match + 1);
  if (progress?.transfer !== undefined) progress.transfer.accepted = false;
}
