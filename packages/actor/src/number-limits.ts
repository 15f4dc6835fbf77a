import { BadOption } from './errors.ts';

/** As long as a timer can wait, 24.8 days: one that is to wait longer fires at once. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1;

/** Least and greatest. */
export type Limits = readonly [min: number, max: number];

/**
 * What counts something, looked at where it is given: what makes no sense is found out much later,
 * or never.
 * @throws {BadOption} executed: no
 */
export function checkInteger(option: string, value: unknown, limits: Limits): void {
  if (Number.isSafeInteger(value) && isWithin(value, limits)) return;
  throw new BadOption(option, value, `give an integer ${rangeOf(limits)}`);
}

/**
 * Milliseconds that something waits for; fractions are allowed.
 * @throws {BadOption} executed: no
 */
export function checkDuration(
  option: string,
  value: unknown,
  limits: Limits = [1, TIMER_MS_MAX],
): void {
  if (isWithin(value, limits)) return;
  throw new BadOption(option, value, `give milliseconds ${rangeOf(limits)}`);
}

/** `NaN` is within no limits. */
function isWithin(value: unknown, [min, max]: Limits): boolean {
  return typeof value === 'number' && value >= min && value <= max;
}

function rangeOf([min, max]: Limits): string {
  return max < Number.MAX_SAFE_INTEGER ? `in ${min} … ${max}` : `of at least ${min}`;
}
