import {
  type Change,
  changed,
  type Configuration,
  isElectable,
  isJoint,
  withoutOutgoing,
} from './configuration.ts';
import { addOwn } from './own-log.ts';
import { send } from './outbox.ts';
import { becomeFollower } from './role.ts';
import { isSettled } from './reads.ts';
import { latestConfiguration, leadingOf, type State } from './state.ts';

/** Why a change cannot begin now; `undefined` when it can. */
export function obstacleToChange(self: State): 'change-pending' | 'term-not-settled' | undefined {
  // Two leaders could otherwise each make a change that does not know of the other's, and end with
  // majorities that do not overlap (Ongaro, raft-dev, July 2015).
  if (!isSettled(self, leadingOf(self))) return 'term-not-settled';
  const { index, configuration } = latestConfiguration(self);
  return index > self.commit || isJoint(configuration) ? 'change-pending' : undefined;
}

/** @returns the index of the entry, or a sentence that says what is wrong with `changes` */
export function changeMembers(self: State, changes: readonly Change[]): number | string {
  const next = changed(latestConfiguration(self).configuration, changes);
  return typeof next === 'string' ? next : addConfiguration(self, next);
}

function addConfiguration(self: State, configuration: Configuration): number {
  const index = self.log.last + 1;
  addOwn(self, [{ kind: 'configuration', index, term: self.term, configuration }]);
  return index;
}

/**
 * What follows once the latest configuration is committed: a joint one is left, and a leader that
 * is no longer a voter goes. It has managed its own removal without counting itself (§6).
 */
export function onConfigurationCommitted(self: State): void {
  const { index, configuration } = latestConfiguration(self);
  if (index > self.commit || !isSettled(self, leadingOf(self))) return;
  if (isJoint(configuration)) addConfiguration(self, withoutOutgoing(configuration));
  else if (!isElectable(configuration, self.id)) resign(self, configuration);
}

/** Gives up the leadership, to the one who has most of the log: no timeout need pass. */
function resign(self: State, configuration: Configuration): void {
  const { progress } = leadingOf(self);
  const heirs = [...progress].filter(([id]) => isElectable(configuration, id));
  const [heir] = heirs.sort(([, a], [, b]) => b.match - a.match);
  if (heir !== undefined) {
    send(self, { type: 'timeout-now', to: heir[0], last: heir[1].match });
  }
  becomeFollower(self, self.term, undefined);
}

/** Makes a voter of a learner that keeps up; one at a time, as every change. */
export function promoteLearners(self: State): void {
  const { progress } = leadingOf(self);
  const { promotable } = latestConfiguration(self).configuration;
  for (const id of promotable) {
    const learner = progress.get(id);
    if (learner === undefined) continue;
    const { catchUp, match } = learner;
    if (catchUp === undefined || match >= catchUp.until) {
      const ticks = self.tick - (catchUp?.sinceTick ?? -Infinity);
      const caughtUp = match > 0 && ticks <= self.settings.electionTicks;
      if (caughtUp && obstacleToChange(self) === undefined) {
        changeMembers(self, [{ add: id, as: 'voter' }]);
        return;
      }
      learner.catchUp = { until: self.log.last, sinceTick: self.tick };
    }
  }
}
