import { executedOf } from '@troupe/actor';
import type { Coordination } from '@troupe/consensus';
import type { Random, Simulated } from '@troupe/sim';
import type { Host } from './host.ts';

/** What a run has come to, so that it can be seen that it was about something. */
export interface Tally {
  operations: number;
  answered: number;
  grants: number;
  losses: number;
  changes: number;
  compactions: number;
}

/** One run: the world, until when clients are busy, and what they have counted. */
export interface Run {
  readonly world: Simulated<Host>;
  readonly untilMs: number;
  readonly tally: Tally;
}

/** Does something by way of any node that runs; resolves to undefined when none does. */
export async function byAny<T>(
  { world, tally }: Run,
  random: Random,
  run: (coordination: Coordination, host: string) => Promise<T>,
): Promise<T | undefined> {
  const hosts = [...world.nodes.keys()];
  if (hosts.length === 0) return undefined;
  const host = random.pick(hosts);
  tally.operations += 1;
  const result = await world.on(host, ({ coordination }) => run(coordination, host));
  tally.answered += 1;
  return result;
}

/** What an error says of an operation; one that says that it was called wrongly is a mistake. */
export function executed(error: unknown): 'no' | 'yes' | 'unknown' {
  const isCallError = error instanceof Error && 'executed' in error && 'code' in error;
  if (!isCallError || error.code === 'ERR_BAD_ARGUMENTS') throw error;
  return error.executed === 'unknown' ? 'unknown' : executedOf(error);
}

export async function busy(
  { world, untilMs }: Run,
  random: Random,
  act: (round: number) => Promise<void>,
): Promise<void> {
  for (let round = 1; world.nowMs < untilMs; round += 1) {
    await world.sleep(random.between(20, 300));
    await act(round);
  }
}
