import type { Coordination, CoordinationMachine } from '@troupe/consensus';
import type { Place } from '@troupe/sim';
import { type Kit, openEngine } from '../consensus/nodes.ts';

export const TTL_MS = 2_000;

/** One node that coordinates, and what its copy of the machine says. */
export interface Host {
  readonly coordination: Coordination;
  readonly machine: CoordinationMachine;
}

/** Starts a node in its place, with the classes of `kit`. */
export async function start(kit: Kit, place: Place, voters: readonly string[]): Promise<Host> {
  const replicated = new kit.Replicated(kit.CoordinationMachine);
  const engine = await openEngine(place, kit);
  const limits = { snapshotEntries: 60, keepEntries: 10 };
  const group = await engine.open({ group: 'g', machine: replicated, voters, ...limits });
  const { env } = place;
  const coordination = new kit.Coordination(group, replicated, { env, ttlMs: TTL_MS });
  let present: CoordinationMachine | undefined;
  replicated['~troupe/instances']((machine) => void (present = machine));
  return {
    coordination,
    get machine() {
      if (present === undefined) throw new Error('there is no machine');
      return present;
    },
  };
}

/** The whole state, part by part: equal texts for equal parts. */
export function partsOf(machine: CoordinationMachine): ReadonlyMap<string, string> {
  const state = Object.entries(machine['~troupe/save']() as Record<string, unknown>);
  return new Map(
    state.map(([name, part]): [string, string] => {
      if (name !== 'claims') return [name, JSON.stringify(part)];
      const claims = (part as unknown[]).map((claim) => JSON.stringify(claim));
      return [name, claims.sort((a, b) => (a < b ? -1 : 1)).join()]; // Their order says nothing.
    }),
  );
}
