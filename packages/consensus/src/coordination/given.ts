import { BadArguments } from '@troupe/actor';
import type { ReadOptions } from '../consensus.ts';
import { NAME_CHARS_MAX, VALUE_BYTES_MAX } from './bounds.ts';
import type { WaitLimits } from './patience.ts';

/** As long as a timer can wait: 24.8 days. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1;
const SHOWN_CHARS = 40;
const CONSISTENCIES: readonly unknown[] = ['linearizable', 'lease', 'stale'];

/**
 * What one call was given, looked at before anything is asked of the group: types say nothing to a
 * program in JavaScript, and what is passed over without a word is found out when it is too late.
 * The machine looks as well, since commands come from other nodes.
 */
export class Given {
  readonly #to: string;
  readonly #method: string;

  constructor(to: string, method: string) {
    this.#to = to;
    this.#method = method;
  }

  /** @throws {BadArguments} executed: no */
  refuse(issue: string): never {
    throw new BadArguments(this.#to, this.#method, issue);
  }

  name(what: string, value: unknown, charsMax: number = NAME_CHARS_MAX): void {
    if (typeof value !== 'string') {
      this.refuse(`${what} is ${shown(value)}: give a text of 1 … ${charsMax} characters`);
    }
    if (value.length > 0 && value.length <= charsMax) return;
    this.refuse(`${what} has ${value.length} characters: give 1 … ${charsMax}`);
  }

  integer(what: string, value: unknown, [min, max]: readonly [number, number]): void {
    if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) return;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `in ${min} … ${max}`;
    this.refuse(`${what} is ${shown(value)}: give an integer ${range}`);
  }

  flag(what: string, value: unknown): void {
    if (typeof value === 'boolean') return;
    this.refuse(`${what} is ${shown(value)}: give true or false`);
  }

  /** A number of milliseconds, as something with a clock can wait for. */
  duration(what: string, value: unknown): void {
    if (typeof value === 'number' && value > 0 && value <= TIMER_MS_MAX) return;
    this.refuse(`${what} is ${shown(value)}: give milliseconds, over 0 and up to ${TIMER_MS_MAX}`);
  }

  /** @param example of what there is to say, for who says something else */
  object(what: string, value: unknown, example: string): void {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
    this.refuse(`${what} is ${shown(value)}: give an object, as ${example}`);
  }

  /** A slip of the pen would be taken for the default. */
  names(options: object, known: readonly string[]): void {
    const name = Object.keys(options).find((each) => !known.includes(each));
    if (name !== undefined) this.refuse(`${name} is no option: there are ${known.join(', ')}`);
  }

  signal(value: unknown): void {
    if (value instanceof AbortSignal) return;
    this.refuse(`signal is ${shown(value)}: give an AbortSignal, as controller.signal is`);
  }

  /** @param names of what else there is to say */
  wait(options: WaitLimits, names: readonly string[] = []): void {
    this.object('options', options, '{ timeoutMs, signal }');
    this.names(options, ['timeoutMs', 'signal', ...names]);
    const { timeoutMs, signal } = options;
    if (timeoutMs !== undefined && timeoutMs !== Infinity) this.duration('timeoutMs', timeoutMs);
    if (signal !== undefined) this.signal(signal);
  }

  /** @param names of what else there is to say */
  request(options: ReadOptions, names: readonly string[] = []): void {
    this.object('options', options, '{ timeoutMs, signal }');
    this.names(options, ['timeoutMs', 'signal', 'consistency', ...names]);
    const { timeoutMs, signal, consistency } = options;
    if (timeoutMs !== undefined) this.duration('timeoutMs', timeoutMs);
    if (signal !== undefined) this.signal(signal);
    if (consistency === undefined || CONSISTENCIES.includes(consistency)) return;
    this.refuse(`consistency is ${shown(consistency)}: give one of ${CONSISTENCIES.join(', ')}`);
  }

  /** A lease by itself, or a session: whatever has the id of one. */
  lease(value: unknown): void {
    const id: unknown = typeof value === 'object' && value !== null && 'id' in value && value.id;
    if (Number.isSafeInteger(id) && Number(id) > 0) return;
    this.refuse(`lease is ${shown(value)}: give a Session, or what kv.lease() has made`);
  }

  /** Of bytes, encoded already. */
  value(what: string, value: unknown): void {
    if (!(value instanceof Uint8Array)) this.refuse(`${what} is ${shown(value)}, and no bytes`);
    if (value.length <= VALUE_BYTES_MAX) return;
    this.refuse(`${what} has ${value.length} bytes, over ${VALUE_BYTES_MAX}: keep it elsewhere`);
  }

  /** A `KeyRange`. */
  range(what: string, value: unknown): void {
    if (isRange(value)) return;
    const issue = typeof value === 'object' ? 'of another shape' : shown(value);
    this.refuse(`${what} is ${issue}: give { key }, { prefix }, or { from, to } of texts`);
  }
}

function isRange(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('key' in value) return typeof value.key === 'string';
  if ('prefix' in value) return typeof value.prefix === 'string';
  const to = 'to' in value ? value.to : undefined;
  return (
    'from' in value && typeof value.from === 'string' && ['string', 'undefined'].includes(typeof to)
  );
}

/** For people who look for the mistake. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > SHOWN_CHARS ? `${value.slice(0, SHOWN_CHARS)}…` : value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'a list' : 'an object';
    default:
      return String(value);
  }
}
