/** What every campaign is told, for `parseArgs`. */
export const campaignOptions = {
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  mutants: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export interface Talk {
  write(line: string): void;
  progress(line: string): void;
}

/** @returns which seeds to run; undefined: that is said by no two whole numbers above 0 */
export function seedsOf({
  seed,
  seeds,
}: {
  readonly seed: string;
  readonly seeds: string;
}): { readonly first: number; readonly count: number } | undefined {
  const [first, count] = [Number(seed), Number(seeds)];
  const isUsable = [first, count].every((number) => Number.isSafeInteger(number) && number > 0);
  return isUsable ? { first, count } : undefined;
}

/** @returns the exit code: who asks for help has done nothing wrong */
export function tellUsage(usage: string, isAsked: boolean, { write, progress }: Talk): number {
  (isAsked ? write : progress)(usage);
  return isAsked ? 0 : 2;
}
