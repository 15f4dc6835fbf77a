import { isElectable } from './configuration.ts';
import type { NodeId } from './entry.ts';
import { send } from './outbox.ts';
import { configurationOf, leadingOf, type State } from './state.ts';

/**
 * Begins to hand the leadership to `to` (thesis §3.10): no more proposals, until it has the whole
 * log and is told to stand, or `electionTicks` have passed.
 * @returns false when it cannot lead
 */
export function beginTransfer(self: State, to: NodeId): boolean {
  if (to === self.id || !isElectable(configurationOf(self), to)) return false;
  leadingOf(self).transfer = { to, tick: self.tick, isTold: false };
  tellHeir(self);
  return true;
}

/** Tells the heir to stand once it has everything. */
export function tellHeir(self: State): void {
  const leading = leadingOf(self);
  const { transfer } = leading;
  if (transfer === undefined || transfer.isTold) return;
  const { to } = transfer;
  if (!isElectable(configurationOf(self), to)) {
    leading.transfer = undefined;
  } else if (leading.progress.get(to)?.match === self.log.last) {
    transfer.isTold = true;
    leading.leaseVoid = true;
    send(self, { type: 'timeout-now', to, last: self.log.last });
  }
}

export function expireTransfer(self: State): void {
  const leading = leadingOf(self);
  const began = leading.transfer?.tick ?? self.tick;
  if (self.tick - began >= self.settings.electionTicks) leading.transfer = undefined;
}
