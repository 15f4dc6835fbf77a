export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  if (low === undefined || high === undefined) throw new RangeError('a spread of no values');
  return { median: (low + high) / 2, min: sorted[0] ?? low, max: sorted.at(-1) ?? high };
}

const factors: Readonly<Record<string, readonly [number, string][]>> = {
  ns: [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
    [1, 'ns'],
  ],
  B: [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [10_000, 'kB'],
    [1, 'B'],
  ],
};

/** Three digits and a unit: `345 B`, `1.53 s`; numbers of things bear none: `14.2 M`. */
export function amount(value: number, unit: string): string {
  const scales = factors[unit];
  if (scales === undefined) return scaled(value);
  const [factor, name] = scales.find(([least]) => value >= least) ?? [1, unit];
  return `${digits(value / (factor === 10_000 ? 1_000 : factor))} ${name}`;
}

function scaled(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)} M`;
  if (value >= 1e4) return `${digits(value / 1e3)} k`;
  return digits(value);
}

/** Three digits, or all that stand before the point. */
export function digits(value: number): string {
  if (value >= 99.95) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 9.995 ? 1 : 2);
}
