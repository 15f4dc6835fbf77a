import { isElectable } from './configuration.ts';
import type { NodeId } from './entry.ts';
import { send } from './outbox.ts';
import { configurationOf, isReluctant, leadingOf, randomBelow, type State } from './state.ts';

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

/** One that others could replace looks for somebody who takes the lead, until one of them does. */
export function handOver(self: State): void {
  const { progress, transfer } = leadingOf(self);
  if (!isReluctant(self) || transfer !== undefined) return;
  const { electionTicks } = self.settings;
  const heirs = [...progress].filter(
    ([id, { heardTick }]) =>
      isElectable(configurationOf(self), id) && self.tick - heardTick < electionTicks,
  );
  const heir = heirs[randomBelow(self, heirs.length)];
  if (heir !== undefined) beginTransfer(self, heir[0]);
}

export function expireTransfer(self: State): void {
  const leading = leadingOf(self);
  const began = leading.transfer?.tick ?? self.tick;
  if (self.tick - began >= self.settings.electionTicks) leading.transfer = undefined;
}
