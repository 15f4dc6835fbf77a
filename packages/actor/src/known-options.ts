import { isSignal, SIGNAL_ADVICE } from './abort.ts';
import { BadOption } from './errors.ts';

/** What stands in the message for a value that nobody asked for: it may be a secret. */
const NO_OPTION = Symbol('no option');
/** A longer name is no slip of the pen. */
const SLIP_CHARS_MAX = 32;

/**
 * Looks at one option.
 * @param option where it is, for example `actors[1]`
 * @throws {BadOption} executed: no
 */
export type OptionCheck = (option: string, value: unknown) => void;

/** @param advice what to give, for who has given something else */
export function fitting(fits: (value: unknown) => boolean, advice: string): OptionCheck {
  return (option, value) => {
    if (!fits(value)) throw new BadOption(option, value, advice);
  };
}

export function listOf(each: OptionCheck, advice: string): OptionCheck {
  return (option, value) => {
    if (!Array.isArray(value)) throw new BadOption(option, value, advice);
    for (const [at, item] of value.entries()) each(`${option}[${at}]`, item);
  };
}

/** What is looked at elsewhere, before anything is begun. */
export const ELSEWHERE: OptionCheck = () => undefined;
export const A_FLAG: OptionCheck = fitting(
  (value) => typeof value === 'boolean',
  'give true or false',
);
export const A_FUNCTION: OptionCheck = fitting(isFunction, 'give a function');
export const A_SIGNAL: OptionCheck = fitting(isSignal, SIGNAL_ADVICE);

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Whether it has all these methods, as a plug-in of their interface does. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => isFunction(Reflect.get(value, name)));
}

/**
 * Looks at options that somebody has given: types say nothing to a program in JavaScript, and a
 * slip of the pen would be taken for the default.
 * @param within what they are part of, such as `consensus`; empty where they are all there is
 * @param checks of each option that there is; `undefined` passes all of them
 * @throws {BadOption} executed: no, for one that makes no sense, and for a name that there is not
 */
export function checkOptions(
  within: string,
  options: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const example = Object.keys(checks)[0];
    throw new BadOption(within || 'options', options, `give an object, such as { ${example}: … }`);
  }
  for (const [name, value] of Object.entries(options)) {
    const option = within === '' ? name : `${within}.${name}`;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw new BadOption(option, NO_OPTION, known(name, checks));
    if (value !== undefined) check(option, value);
  }
}

/** As `checkOptions`, of which only the names are looked at. */
export function checkNames(within: string, options: unknown, names: readonly string[]): void {
  checkOptions(within, options, Object.fromEntries(names.map((name) => [name, ELSEWHERE])));
}

function known(name: string, checks: Readonly<Record<string, OptionCheck>>): string {
  const names = Object.keys(checks);
  let nearest: string | undefined;
  // Half of a word may be wrong, and still one knows what was meant.
  let least = Math.min(2, Math.floor(name.length / 2)) + 1;
  for (const each of name.length > SLIP_CHARS_MAX ? [] : names) {
    const edits = editsBetween(name.toLowerCase(), each.toLowerCase());
    if (edits < least) [nearest, least] = [each, edits];
  }
  return nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`;
}

/**
 * Letters to put in, leave out or replace until one is the other.
 * @see Wagner & Fischer 1974, "The String-to-String Correction Problem"
 */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const letter of one) {
    let left = (row[0] ?? 0) + 1;
    const next = [left];
    for (let at = 0; at < other.length; at += 1) {
      const [above = 0, aside = 0] = [row[at + 1], row[at]];
      left = Math.min(left + 1, above + 1, aside + (letter === other[at] ? 0 : 1));
      next.push(left);
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
