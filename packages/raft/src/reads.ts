import type { NodeId } from './entry.ts';
import type { Heartbeat, Read, ReadReply } from './message.ts';
import { send } from './outbox.ts';
import { isQuorum, quorumIndex } from './quorum.ts';
import { configurationOf, type Leading, leadingOf, type PendingRead, type State } from './state.ts';

/**
 * Linearizable reads without a log entry (thesis §6.4): note what is committed, make sure by one
 * round of heartbeats that nobody else could have committed more, answer. All reads that arrive
 * while a round is under way share the next one.
 */
export function addRead(
  self: State,
  { context, from, lease }: { context: number; from: NodeId; lease: boolean },
): 'taken' | 'overloaded' {
  const leading = leadingOf(self);
  // What a new leader knows to be committed may be less than what is (§8).
  const index = isSettled(self, leading) ? self.commit : undefined;
  const read: PendingRead = { context, from, index, round: undefined };
  const alone = isQuorum(configurationOf(self), (id) => id === self.id);
  if (index !== undefined && (alone || (lease && holdsLease(self, leading)))) {
    answer(self, read, index);
    return 'taken';
  }
  if (leading.reads.length >= self.settings.readsMax) return 'overloaded';
  leading.reads.push(read);
  return 'taken';
}

/** Whether an entry of this term is committed, and with it everything of earlier terms. */
export function isSettled(self: State, leading: Leading): boolean {
  return self.commit >= leading.termStart;
}

/** The term's first entry is committed: reads that waited for it can begin. */
export function beginWaitingReads(self: State, leading: Leading): void {
  for (const read of leading.reads) read.index ??= self.commit;
  if (isQuorum(configurationOf(self), (id) => id === self.id)) confirmReads(self);
}

/** Sends a round if reads wait for one and none is under way. */
export function startReadRound(self: State): void {
  const { reads } = leadingOf(self);
  const waits = reads.some((read) => read.index !== undefined && read.round === undefined);
  if (waits && reads.every((read) => read.round === undefined)) beatHeart(self);
}

/** One round of heartbeats to everybody; it also confirms every read that has come by now. */
export function beatHeart(self: State): void {
  const leading = leadingOf(self);
  const { electionTicks } = self.settings;
  leading.round += 1;
  leading.heartbeatTick = self.tick;
  leading.rounds = leading.rounds.filter(({ tick }) => self.tick - tick < electionTicks);
  leading.rounds.push({ round: leading.round, tick: self.tick });
  for (const read of leading.reads) {
    if (read.index !== undefined) read.round ??= leading.round;
  }
  for (const [to, { match }] of leading.progress) {
    const heartbeat: Omit<Heartbeat, 'from' | 'term'> = {
      type: 'heartbeat',
      to,
      round: leading.round,
      commit: Math.min(match, self.commit), // It may not have the rest, or have something else.
      quiet: leading.quietRound > 0,
    };
    send(self, heartbeat);
  }
}

/** Answers the reads whose round a quorum has confirmed. */
export function confirmReads(self: State): void {
  const leading = leadingOf(self);
  if (leading.reads.length === 0) return;
  const round = confirmedRound(self, leading);
  const alone = isQuorum(configurationOf(self), (id) => id === self.id);
  leading.reads = leading.reads.filter((read) => {
    if (read.index === undefined || !(alone || (read.round ?? Infinity) <= round)) return true;
    answer(self, read, read.index);
    return false;
  });
}

function confirmedRound(self: State, { progress, round }: Leading): number {
  return quorumIndex(configurationOf(self), (id) =>
    id === self.id ? round : (progress.get(id)?.ackedRound ?? 0),
  );
}

/**
 * Nobody is elected within `electionTicks` of a quorum's having heard this leader, and that is
 * counted from when it spoke.
 */
function holdsLease(self: State, leading: Leading): boolean {
  const { leaseReads, electionTicks, leaseMarginTicks } = self.settings;
  if (!leaseReads || leading.leaseVoid || leading.transfer !== undefined) return false;
  const confirmed = confirmedRound(self, leading);
  const spoke = leading.rounds.findLast(({ round }) => round <= confirmed)?.tick;
  return spoke !== undefined && self.tick < spoke + electionTicks - leaseMarginTicks;
}

function answer(self: State, { context, from }: PendingRead, index: number): void {
  if (from === self.id) self.out.reads.push({ context, outcome: 'at', index });
  else send(self, { type: 'read-reply', to: from, context, index });
}

/** A follower's read: the leader finds the index, the follower answers from its own state. */
export function onRead(self: State, message: Read): void {
  if (self.role !== 'leader') return; // The follower asks again, somebody else.
  addRead(self, { context: message.context, from: message.from, lease: false });
}

export function onReadReply(self: State, { context, index }: ReadReply): void {
  self.out.reads.push({ context, outcome: 'at', index });
}
