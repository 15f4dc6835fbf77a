/**
 * Some keys, in the order of their UTF-16 code units: one, all that begin with a text, or all from
 * `from` on that are before `to`.
 */
export type KeyRange =
  | { readonly key: string }
  | { readonly prefix: string }
  | { readonly from: string; readonly to?: string };

export function isInRange(range: KeyRange, key: string): boolean {
  if ('key' in range) return key === range.key;
  if ('prefix' in range) return key.startsWith(range.prefix);
  return key >= range.from && (range.to === undefined || key < range.to);
}

/** The first key that may be in it: those that are follow one another. */
export function startOf(range: KeyRange): string {
  if ('key' in range) return range.key;
  return 'prefix' in range ? range.prefix : range.from;
}

/** Keys in their order. */
export class SortedKeys {
  readonly #keys: string[] = [];

  add(key: string): void {
    this.#keys.splice(this.#placeOf(key), 0, key);
  }

  delete(key: string): void {
    const place = this.#placeOf(key);
    if (this.#keys[place] === key) this.#keys.splice(place, 1);
  }

  /** @param after where given, only keys behind it */
  *in(range: KeyRange, after?: string): Iterable<string> {
    const start = startOf(range);
    let place = this.#placeOf(after === undefined || after < start ? start : after);
    if (after !== undefined && this.#keys[place] === after) place += 1;
    for (; place < this.#keys.length; place += 1) {
      const key = this.#keys[place] as string;
      if (!isInRange(range, key)) return;
      yield key;
    }
  }

  /** Of the first key that is not before `key`. */
  #placeOf(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
