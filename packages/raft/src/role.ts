import { assert } from './errors.ts';
import type { NodeId } from './entry.ts';
import { randomBelow, type State } from './state.ts';

/** Follows `leader`, or nobody yet, in `term`. The vote of a term outlives every change of role. */
export function becomeFollower(self: State, term: number, leader: NodeId | undefined): void {
  assert(term >= self.term, `term ${self.term} does not go back to ${term}`);
  if (term > self.term) {
    self.term = term;
    self.votedFor = undefined;
  }
  for (const { context, from } of self.leading?.reads ?? []) {
    if (from === self.id) self.out.reads.push({ context, outcome: 'lost' });
  }
  self.leading = undefined;
  // A follower's patience goes on: candidates that cannot win must not keep off those that can.
  if (self.role !== 'follower') restartTimer(self);
  self.role = 'follower';
  self.leader = leader;
  self.votes.clear();
  self.quiet = false;
}

/** A leader was heard. Until `electionTicks` from now nobody else is wanted. */
export function heardLeader(self: State, leader: NodeId): void {
  if (self.role !== 'follower') becomeFollower(self, self.term, leader);
  self.leader = leader;
  self.heardTick = self.tick;
  self.quiet = false;
  restartTimer(self);
}

/** Draws a new patience, so that candidates seldom meet (§5.2). */
export function restartTimer(self: State): void {
  self.timerTick = self.tick;
  drawPatience(self);
}

export function drawPatience(self: State): void {
  const { electionTicks, priority } = self.settings;
  self.timeoutTicks = electionTicks * (1 + priority) + randomBelow(self, electionTicks);
}

/** Whether a leader is, or lately was, so alive that nobody may be elected without its consent. */
export function isLed(self: State): boolean {
  const { role, quiet, tick, heardTick, settings } = self;
  return role === 'leader' || quiet || tick - heardTick < settings.electionTicks;
}
