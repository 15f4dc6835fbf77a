import { Disqualified } from './errors.ts';
import { isFromLeader, type Message } from './message.ts';
import { sendStaleTerm } from './outbox.ts';
import type { State } from './state.ts';

/** Terms of one era. No group lives for so many. */
const ERA_TERMS = 10 ** 12;

function eraOf(term: number): number {
  return Math.floor(term / ERA_TERMS);
}

/**
 * Where whoever begins a group anew begins to count. Those that it leaves behind live in an earlier
 * era and may go on to elect leaders there, whose terms will never be as late as this one.
 */
export function nextEra(term: number): number {
  return (eraOf(term) + 1) * ERA_TERMS;
}

/**
 * Whether `message` concerns this node. Between eras nothing is said but that one of them is over:
 * what was agreed on in the one may contradict the other. Who knows nothing yet lives in none.
 * @throws {Disqualified} when the group has been begun anew without this node
 */
export function isOfEra(self: State, message: Message): boolean {
  const { type, from, term } = message;
  const later = eraOf(term) - eraOf(self.term);
  if (later === 0 || self.term === 0) return true;
  if (later < 0) {
    if (type === 'vote' || type === 'pre-vote') sendStaleTerm(self, from);
    return false;
  }
  // One who began anew by mistake, beside a majority that works, is heard by who asks to lead only.
  const isAsking = self.role === 'pre-candidate' || self.role === 'candidate';
  if (!isFromLeader(message) && !(isAsking && type === 'stale-term')) return false;
  throw new Disqualified('left-behind', `${from} has begun the group anew without ${self.id}`);
}
