import type { Engine, GroupOptions, LogOptions } from '@troupe/consensus';
import type { Place } from '@troupe/sim';
import type { ListHost } from './clients.ts';
import { Lists, openEngine } from './nodes.ts';

/** A whole node of a simulated world, with one group. */
export interface Host extends ListHost {
  readonly engine: Engine;
}

export interface Settings extends Partial<GroupOptions<null>> {
  readonly log?: Partial<LogOptions>;
}

/** Starts nodes whose log is on their simulated disk, their lines over the simulated network. */
export const starter =
  ({ log, ...options }: Settings = {}) =>
  async (place: Place): Promise<Host> => {
    const machine = new Lists();
    const engine = await openEngine(place, undefined, log);
    const group = await engine.open({ group: 'g', machine, ...options });
    return { engine, group, machine };
  };
