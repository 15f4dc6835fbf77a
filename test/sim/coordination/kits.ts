import * as consensus from '@troupe/consensus';
import type { Kit } from '../consensus/nodes.ts';
import { importWith, type Mistake } from '../mistake.ts';

/** Ten thousand events would hardly ever be more than a watch can have missed. */
const shortHistory: Mistake = {
  name: 'a short history',
  file: 'coordination/bounds.js',
  find: 'HISTORY_EVENTS_MAX = 10_000',
  replace: 'HISTORY_EVENTS_MAX = 30',
};

/**
 * The package for the world of a seed: as it is, or with `mistake`; and in every other world with
 * so few events in its history that watches come too late.
 */
export async function kits(mistake?: Mistake): Promise<(seed: number) => Kit> {
  const mistakes = mistake === undefined ? [] : [mistake];
  const long = mistake === undefined ? consensus : await kitWith(mistakes);
  const short = await kitWith([...mistakes, shortHistory]);
  return (seed) => (seed % 2 === 0 ? long : short);
}

async function kitWith(mistakes: readonly Mistake[]): Promise<Kit> {
  return (await importWith('@troupe/consensus', ...mistakes)) as Kit;
}
