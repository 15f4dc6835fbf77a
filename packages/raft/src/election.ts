import { advanceCommit } from './commit.ts';
import { membersOf } from './configuration.ts';
import { assert } from './errors.ts';
import { bytesOf, isUpToDate, type NodeId } from './entry.ts';
import { lastPosition, recentFrom } from './log.ts';
import type { PreVote, PreVoteReply, TimeoutNow, Vote, VoteReply } from './message.ts';
import { promise, send } from './outbox.ts';
import { addOwn, followMembers } from './own-log.ts';
import { outcomeOf } from './quorum.ts';
import { becomeFollower, isLed, restartTimer } from './role.ts';
import { configurationOf, isDamaged, isReluctant, mayStand, type State } from './state.ts';

/** Time is up without a leader: asks whether an election could be won, or stands for it. */
export function campaign(self: State): void {
  if (!mayStand(self) || isDiskStuck(self)) return restartTimer(self);
  if (self.settings.preVote) askForPreVotes(self);
  else standForElection(self, { transfer: false });
}

/**
 * Refused in a later term, perhaps for nothing else. Only asks, also where pre-vote is off: two who
 * stood at each refusal could outbid each other for ever.
 */
export function askAgain(self: State): void {
  if (mayStand(self) && !isDiskStuck(self)) askForPreVotes(self);
}

/** A node whose disk does not answer can neither vote for itself nor lead. */
export function isDiskStuck({ disk, tick, settings }: State): boolean {
  const [oldest] = disk.pending;
  return oldest !== undefined && tick - oldest.tick >= settings.electionTicks;
}

/** Changes nothing that others could see: no term, no vote, and nobody's timers (§9.6). */
function askForPreVotes(self: State): void {
  becomeFollower(self, self.term, undefined);
  self.role = 'pre-candidate';
  restartTimer(self);
  self.votes.set(self.id, true);
  const last = lastPosition(self.log);
  for (const to of votersBut(self)) {
    send(self, { type: 'pre-vote', to, term: self.term + 1, last });
  }
  countVotes(self);
}

/** §5.2. Its own vote counts, and the others hear of it, once the disk has both term and vote. */
function standForElection(self: State, { transfer }: { transfer: boolean }): void {
  becomeFollower(self, self.term + 1, undefined);
  self.role = 'candidate';
  restartTimer(self);
  self.votedFor = self.id;
  const last = lastPosition(self.log);
  for (const to of votersBut(self)) promise(self, { type: 'vote', to, last, transfer });
}

function votersBut(self: State): NodeId[] {
  const { voters, outgoing } = configurationOf(self);
  return [...new Set([...voters, ...outgoing])].filter((id) => id !== self.id);
}

/** Its own candidacy is on disk: now its own vote counts. */
export function onCandidacySaved(self: State): void {
  if (self.role !== 'candidate') return;
  self.votes.set(self.id, true);
  countVotes(self);
}

function countVotes(self: State): void {
  const outcome = outcomeOf(configurationOf(self), self.votes);
  if (outcome === 'lost') return becomeFollower(self, self.term, undefined);
  if (outcome === 'open') return;
  if (self.role === 'pre-candidate') standForElection(self, { transfer: false });
  else becomeLeader(self);
}

function becomeLeader(self: State): void {
  assert(self.role === 'candidate', `a ${self.role} is elected`);
  self.role = 'leader';
  self.leader = self.id;
  const uncommitted = self.log.recent.slice(Math.max(0, self.commit + 1 - recentFrom(self.log)));
  self.leading = {
    progress: new Map(),
    termStart: self.log.last + 1,
    uncommittedBytes: uncommitted.reduce((sum, entry) => sum + bytesOf(entry), 0),
    heartbeatTick: self.tick,
    round: 0,
    rounds: [],
    reads: [],
    transfer: undefined,
    leaseVoid: false,
    idleTick: self.tick,
    quietRound: 0,
  };
  followMembers(self);
  addOwn(self, [{ kind: 'noop', index: self.log.last + 1, term: self.term }]);
  advanceCommit(self);
}

/** Would this node vote so? It says; it promises nothing, and its own patience goes on. */
export function onPreVote(self: State, message: PreVote): void {
  const { from: to, term, last } = message;
  const free = term > self.term && !isLed(self) && !isDamaged(self);
  const granted = free && isUpToDate(last, lastPosition(self.log));
  if (granted) send(self, { type: 'pre-vote-reply', to, term, granted });
  else send(self, { type: 'pre-vote-reply', to, granted });
}

export function onPreVoteReply(self: State, { from, term, granted }: PreVoteReply): void {
  // An answer to an earlier question, or to one that is settled by now, is no answer.
  if (self.role !== 'pre-candidate') return;
  if (granted && term !== self.term + 1) return;
  record(self, from, granted);
}

/** Answers RequestVote (Figure 2). `step` has settled the term. */
export function onVote(self: State, { from: to, last }: Vote): void {
  const free = self.votedFor === undefined ? self.leader === undefined : self.votedFor === to;
  const granted = free && !isDamaged(self) && isUpToDate(last, lastPosition(self.log));
  if (granted) {
    self.votedFor = to;
    restartTimer(self);
  }
  promise(self, { type: 'vote-reply', to, granted });
}

export function onVoteReply(self: State, { from, granted }: VoteReply): void {
  if (self.role === 'candidate') record(self, from, granted);
}

/** The first word of each voter counts; a message that comes twice is one vote. */
function record(self: State, from: NodeId, granted: boolean): void {
  if (!membersOf(configurationOf(self)).has(from) || self.votes.has(from)) return;
  self.votes.set(from, granted);
  countVotes(self);
}

/** The leader wants this node to succeed it. Late, or meant for another log, it means nothing. */
export function onTimeoutNow(self: State, { from, last }: TimeoutNow): void {
  if (self.role !== 'follower' || self.leader !== from || self.log.last < last) return;
  // Of two who had rather not lead, each could else hand over to the other for ever.
  if (mayStand(self) && !isReluctant(self)) standForElection(self, { transfer: true });
}
