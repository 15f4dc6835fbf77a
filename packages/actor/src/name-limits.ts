import { BadArguments } from './errors.ts';

/** Of the key of an entity, and so of the name of a channel. */
export const KEY_CHARS_MAX = 512;
export const KIND_CHARS_MAX = 64;
/** Of a name that is called; the other side takes a longer one for a broken peer's. */
export const METHOD_CHARS_MAX = 1_024;
const SHOWN_CHARS = 32;

/** A text that names something, and who was given it: `node.entity`, for example. */
export interface GivenName {
  readonly to: string;
  readonly method: string;
  /** What it is: `'key'`. */
  readonly what: string;
  readonly charsMax: number;
}

/**
 * Refuses a name before anything is sent: on the other side it would be no mistake of one call's,
 * but the end of the session and of all that is under way in it.
 * @throws {BadArguments} executed: no, when it is no text, or too long
 */
export function checkName(name: unknown, given: GivenName): void {
  const { to, method, what, charsMax } = given;
  if (typeof name !== 'string') {
    throw new BadArguments(to, method, `the ${what} must be a string, not ${kindOf(name)}`);
  }
  if (name.length > charsMax) throw new BadArguments(to, method, tooLong(name, what, charsMax));
}

/** @returns why the method cannot be called on another node, if that is its name's length */
export function methodTooLong(to: string, method: string): BadArguments | undefined {
  if (method.length <= METHOD_CHARS_MAX) return undefined;
  return new BadArguments(to, shortened(method), tooLong(method, 'method', METHOD_CHARS_MAX));
}

/** @returns why there can be no such entity, if that is its key's length */
export function keyTooLong(kind: string, key: string): BadArguments | undefined {
  if (key.length <= KEY_CHARS_MAX) return undefined;
  return new BadArguments(kind, 'entity', tooLong(key, 'key', KEY_CHARS_MAX));
}

function tooLong(name: string, what: string, charsMax: number): string {
  return (
    `the ${what} '${shortened(name)}' has ${name.length} characters, and ${charsMax} is the ` +
    'limit: use a shorter one, such as a hash of it'
  );
}

function shortened(name: string): string {
  return `${name.slice(0, SHOWN_CHARS)}…`;
}

function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
}
