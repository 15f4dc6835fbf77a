import type { CallError } from '@troupe/actor';

/** What one side has given the other, and how it counts that. */
interface Entry<K, V> {
  readonly id: number;
  readonly key: K;
  readonly value: V;
  /** How often it was sent; it is forgotten when as many were given back. */
  count: number;
}

/**
 * What one side knows of what it has given the other: each has one number however often it is
 * sent, and is known until it was given back as often. No number is used again.
 */
export class Lent<K, V> {
  readonly #max: number;
  readonly #refusal: (key: K) => CallError;
  readonly #byId = new Map<number, Entry<K, V>>();
  readonly #byKey = new Map<K, Entry<K, V>>();
  #lastId = 0;

  /** @param refusal what is thrown when one more than `max` would be known */
  constructor(max: number, refusal: (key: K) => CallError) {
    this.#max = max;
    this.#refusal = refusal;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Counts it once more. @returns its number */
  lend(key: K, value: V): number {
    const entry = this.#byKey.get(key) ?? this.#add(key, value);
    entry.count += 1;
    return entry.id;
  }

  /** @returns undefined when it was given back, or never lent */
  get(id: number): V | undefined {
    return this.#byId.get(id)?.value;
  }

  /** The other side has given back `count` of number `id`, or so many were not sent after all. */
  takeBack(id: number, count: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    entry.count -= count;
    if (entry.count > 0) return;
    this.#byId.delete(id);
    this.#byKey.delete(entry.key);
  }

  clear(): void {
    this.#byId.clear();
    this.#byKey.clear();
  }

  #add(key: K, value: V): Entry<K, V> {
    if (this.#byId.size >= this.#max) throw this.#refusal(key);
    const entry = { id: (this.#lastId += 1), key, value, count: 0 };
    this.#byId.set(entry.id, entry);
    this.#byKey.set(key, entry);
    return entry;
  }
}
