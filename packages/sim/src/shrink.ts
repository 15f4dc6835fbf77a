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
  let shortest = items;
  let runs = 0;
  const stillFails = async (part: readonly T[]): Promise<boolean> => {
    runs += 1;
    return fails(part);
  };
  if (items.length > 0 && (await stillFails([]))) return [];
  for (let size = Math.ceil(shortest.length / 2); size >= 1 && runs < runsMax; ) {
    let smaller = false;
    for (let from = 0; from < shortest.length && runs < runsMax; ) {
      const part = [...shortest.slice(0, from), ...shortest.slice(from + size)];
      if (await stillFails(part)) {
        shortest = part;
        smaller = true;
      } else from += size;
    }
    if (size === 1 && !smaller) break;
    size = smaller ? Math.min(size, Math.ceil(shortest.length / 2)) : Math.floor(size / 2);
  }
  return shortest;
}
