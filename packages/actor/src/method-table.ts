import type { Method } from './method.ts';

/** The methods that may be called, by their names. */
export class MethodTable {
  readonly #byName: ReadonlyMap<string, Method>;
  /** Found last. Mostly it is looked for next, and comparing a name costs less than hashing it. */
  #latest: Method | undefined = undefined;

  constructor(byName: ReadonlyMap<string, Method>) {
    this.#byName = byName;
  }

  get(name: string): Method | undefined {
    const latest = this.#latest;
    if (latest !== undefined && latest.name === name) return latest;
    const method = this.#byName.get(name);
    if (method !== undefined) this.#latest = method;
    return method;
  }
}
