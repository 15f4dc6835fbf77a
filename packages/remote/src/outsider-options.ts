import { BadOption } from '@troupe/actor';
import { checkInteger, checkNames } from '@troupe/actor/internal';
import type { OutsiderOptions } from './outsiders.ts';

const NAMES = [
  'listen',
  'authenticate',
  'permits',
  'origins',
  'server',
  'max',
] as const satisfies (keyof OutsiderOptions)[];

/**
 * Looks at what a door is made of before there is one. Who gets in, and what they may do, has no
 * default: a door that lets in nobody looks like a wrong token, to each who stands before it.
 * @throws {BadOption} when one of them makes no sense, or is missing
 */
export function checkOutsiders(options: OutsiderOptions): void {
  checkNames('outsiders', options, NAMES);
  const { listen, authenticate, permits, origins = [], max } = options;
  if (typeof listen !== 'string') {
    throw new BadOption('outsiders.listen', listen, 'give ws://host:port/path');
  }
  if (typeof authenticate !== 'function') {
    const advice = 'give a function that says whose token it is, or nobody could get in';
    throw new BadOption('outsiders.authenticate', authenticate, advice);
  }
  if (typeof permits !== 'function') {
    const advice = 'give a function that says which calls are allowed, or none would be';
    throw new BadOption('outsiders.permits', permits, advice);
  }
  checkOrigins(origins);
  if (max !== undefined) checkInteger('outsiders.max', max, [1, Number.MAX_SAFE_INTEGER]);
}

function checkOrigins(origins: readonly string[]): void {
  const advice = 'give origins as browsers do, https://host or http://host:port';
  const isList: boolean = Array.isArray(origins);
  if (!isList) {
    throw new BadOption('outsiders.origins', origins, `${advice}, in a list`);
  }
  for (const [at, origin] of origins.entries()) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new BadOption(`outsiders.origins[${at}]`, origin, advice);
  }
}
