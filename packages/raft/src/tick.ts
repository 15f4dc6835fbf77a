import { campaign, isDiskStuck } from './election.ts';
import { promoteLearners } from './membership.ts';
import { isQuorum } from './quorum.ts';
import { quieten } from './quiet.ts';
import { beatHeart } from './reads.ts';
import { becomeFollower } from './role.ts';
import { reviveSnapshots } from './snapshot-sender.ts';
import { configurationOf, leadingOf, type State } from './state.ts';
import { expireTransfer, handOver } from './transfer.ts';

/** Time passes: leaders beat, others lose patience. */
export function tick(self: State, ticks: number): void {
  self.tick += ticks;
  if (self.quiet) return;
  if (self.role === 'leader') tickLeader(self);
  else if (self.tick - self.timerTick >= self.timeoutTicks) campaign(self);
}

function tickLeader(self: State): void {
  if (!hearsQuorum(self) || isDiskStuck(self)) return becomeFollower(self, self.term, undefined);
  expireTransfer(self);
  handOver(self);
  quieten(self);
  if (self.quiet) return;
  const { heartbeatTick } = leadingOf(self);
  if (self.tick - heartbeatTick >= self.settings.heartbeatTicks) beatHeart(self);
  reviveSnapshots(self);
  promoteLearners(self);
}

/** A leader that nobody answers may have been replaced, and only keeps its clients waiting. */
function hearsQuorum(self: State): boolean {
  const { progress } = leadingOf(self);
  return isQuorum(configurationOf(self), (id) => {
    const heardTick = id === self.id ? self.tick : (progress.get(id)?.heardTick ?? -Infinity);
    return self.tick - heardTick < self.settings.electionTicks;
  });
}
