import { Gossip, type Profile } from '@troupe/gossip';
import { startMany, World } from './world.ts';

/** Starts `members`, and waits until all know all and are quiet. */
export function settled(seed: number, profile: Profile, members: number): World {
  const world = new World({ seed, Gossip, profile });
  startMany(world, members);
  if (!untilWhole(world, members)) throw new Error('the members do not find together');
  world.run(15_000);
  return world;
}

export function untilWhole(world: World, members: number): boolean {
  const isWhole = (): boolean => world.running.every(({ gossip }) => gossip.size === members);
  return world.runUntil(isWhole, { limitMs: 300_000, everyMs: 100 });
}

/** Of all members since they started. */
export interface Totals {
  readonly packets: number;
  readonly bytes: number;
}

export function totals(world: World): Totals {
  let [packets, bytes] = [0, 0];
  for (const process of world.processes.values()) {
    packets += process.sent;
    bytes += process.sentBytes;
  }
  return { packets, bytes };
}
