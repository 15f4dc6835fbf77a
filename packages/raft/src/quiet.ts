import { isJoint } from './configuration.ts';
import { restartTimer } from './role.ts';
import { latestConfiguration, type Leading, leadingOf, type State } from './state.ts';

/**
 * A group in which nothing happens costs nothing: its leader tells everybody to be quiet, and when
 * all have answered, nobody's clock runs. Whoever has reason to, by a proposal, a read, a message
 * or a broken link, wakes up, and wakes the others.
 */
export function quieten(self: State): void {
  const leading = leadingOf(self);
  if (self.settings.quietTicks === 0 || !isIdle(self, leading)) return stir(self);
  if (self.tick - leading.idleTick < self.settings.quietTicks) return;
  if (leading.quietRound === 0) leading.quietRound = leading.round + 1;
  const { quietRound } = leading;
  self.quiet = [...leading.progress.values()].every(({ ackedRound }) => ackedRound >= quietRound);
}

function isIdle(self: State, leading: Leading): boolean {
  const { log, commit, applied } = self;
  const members = [...leading.progress.values()];
  return (
    commit === log.last &&
    applied === commit &&
    leading.reads.length === 0 &&
    leading.transfer === undefined &&
    !isJoint(latestConfiguration(self).configuration) &&
    latestConfiguration(self).configuration.promotable.length === 0 &&
    members.every(({ match }) => match === log.last)
  );
}

/** Something happens. Everybody, the leader too, has the usual time to say that he is there. */
export function stir(self: State): void {
  if (self.quiet) {
    self.heardTick = self.tick;
    restartTimer(self);
  }
  if (self.leading !== undefined) {
    if (self.quiet) {
      for (const progress of self.leading.progress.values()) progress.heardTick = self.tick;
    }
    self.leading.idleTick = self.tick;
    self.leading.quietRound = 0;
  }
  self.quiet = false;
}
