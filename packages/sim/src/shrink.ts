/**
 * The shortest part of `items` found for which `fails` still holds: halves are left out, then
 * quarters, down to single ones, until leaving out any one makes it pass, or `runsMax` is reached.
 * @see Zeller & Hildebrandt 2002, "Simplifying and isolating failure-inducing input"
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
  runsMax: number = 100,
): Promise<readonly T[]> {
  const tries = new Tries(fails, runsMax);
  if (items.length > 0 && (await tries.fails([]))) return [];
  let shortest = items;
  let size = Math.ceil(items.length / 2);
  while (size >= 1 && !tries.areUsedUp) {
    const { length } = shortest;
    for (let from = 0; from < shortest.length;) {
      const part = [...shortest.slice(0, from), ...shortest.slice(from + size)];
      if (await tries.fails(part)) shortest = part;
      else from += size;
    }
    // What could not be spared before may be, now that others are gone.
    if (shortest.length === length) size = size === 1 ? 0 : Math.floor(size / 2);
    else size = Math.min(size, Math.ceil(shortest.length / 2));
  }
  return shortest;
}

class Tries<T> {
  readonly #fails: (part: readonly T[]) => Promise<boolean>;
  #left: number;

  constructor(fails: (part: readonly T[]) => Promise<boolean>, max: number) {
    this.#fails = fails;
    this.#left = max;
  }

  get areUsedUp(): boolean {
    return this.#left <= 0;
  }

  /** @returns false without a try when none is left */
  async fails(part: readonly T[]): Promise<boolean> {
    if (this.areUsedUp) return false;
    this.#left -= 1;
    return this.#fails(part);
  }
}
