/** Slots to begin with; a power of two, as all later sizes are. */
const SLOTS_MIN = 64;

/**
 * What is under way, by a number that counts up. A map would do, but one that loses its oldest
 * entries as fast as it gets new ones lays itself out anew again and again, and each layout that it
 * leaves behind keeps what was under way then from the collector until that looks at everything.
 * Here a number has one slot, and whoever finds that taken, as only strange numbers do, a map.
 */
export class UnderWay<T> {
  #ids: number[] = [];
  #slots: (T | undefined)[] = [];
  #mask = 0;
  #size = 0;
  readonly #strays = new Map<number, T>();

  constructor() {
    this.#layOut(SLOTS_MIN);
  }

  get size(): number {
    return this.#size + this.#strays.size;
  }

  get(id: number): T | undefined {
    const at = id & this.#mask;
    if (this.#ids[at] === id) return this.#slots[at];
    return this.#strays.size === 0 ? undefined : this.#strays.get(id);
  }

  set(id: number, value: T): void {
    if (this.#size * 2 > this.#mask) this.#layOut(2 * this.#slots.length);
    this.#put(id, value);
  }

  /** @returns whether it was there */
  delete(id: number): boolean {
    return this.take(id) !== undefined;
  }

  /** Takes it out. @returns it, if it was there */
  take(id: number): T | undefined {
    const at = id & this.#mask;
    if (this.#ids[at] !== id) return this.#takeStray(id);
    const value = this.#slots[at];
    this.#ids[at] = FREE;
    this.#slots[at] = undefined;
    this.#size -= 1;
    return value;
  }

  /** All values, by their numbers. */
  values(): T[] {
    const all = [...this.#strays];
    for (const [at, value] of this.#slots.entries()) {
      if (value !== undefined) all.push([this.#ids[at] ?? FREE, value]);
    }
    return all.sort(([a], [b]) => a - b).map(([, value]) => value);
  }

  clear(): void {
    this.#strays.clear();
    this.#slots = [];
    this.#layOut(SLOTS_MIN);
  }

  #takeStray(id: number): T | undefined {
    if (this.#strays.size === 0) return undefined;
    const value = this.#strays.get(id);
    this.#strays.delete(id);
    return value;
  }

  #put(id: number, value: T): void {
    const at = id & this.#mask;
    const found = this.#ids[at];
    if (found === FREE && (this.#strays.size === 0 || !this.#strays.has(id))) {
      this.#ids[at] = id;
      this.#slots[at] = value;
      this.#size += 1;
    } else if (found === id) this.#slots[at] = value;
    else this.#strays.set(id, value);
  }

  #layOut(length: number): void {
    const [ids, slots] = [this.#ids, this.#slots];
    this.#ids = new Array<number>(length).fill(FREE);
    this.#slots = new Array<T | undefined>(length).fill(undefined);
    this.#mask = length - 1;
    this.#size = 0;
    for (const [at, value] of slots.entries()) {
      if (value !== undefined) this.#put(ids[at] ?? FREE, value);
    }
  }
}

/** The number of a free slot. */
const FREE = -1;
