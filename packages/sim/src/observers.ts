/** Watches where the activations of each key run, and throws when two of one key do at once. */
export class SingleActivation {
  readonly #running = new Map<string, string>();

  began(key: string, where: string): void {
    const other = this.#running.get(key);
    if (other !== undefined) {
      throw new Error(`${key} is active twice: on ${other} and on ${where}`);
    }
    this.#running.set(key, where);
  }

  ended(key: string, where: string): void {
    if (this.#running.get(key) === where) this.#running.delete(key);
  }
}

/** Counts what takes effect, and says what did not do so exactly once. */
export class ExactlyOnce {
  readonly #sent = new Set<string>();
  readonly #times = new Map<string, number>();

  /** The sender has been told that it took effect. */
  acknowledged(id: string): void {
    this.#sent.add(id);
  }

  tookEffect(id: string): void {
    const times = (this.#times.get(id) ?? 0) + 1;
    this.#times.set(id, times);
    if (times > 1) throw new Error(`${id} took effect ${times} times`);
  }

  /** @throws when something acknowledged never took effect */
  verify(): void {
    const lost = [...this.#sent].filter((id) => !this.#times.has(id));
    if (lost.length > 0) throw new Error(`acknowledged and lost: ${lost.slice(0, 10).join(', ')}`);
  }
}

/** Throws when a reader sees something older than what it has seen. */
export class MonotonicReads {
  readonly #last = new Map<string, number>();

  saw(reader: string, version: number): void {
    const last = this.#last.get(reader) ?? -Infinity;
    if (version < last) throw new Error(`${reader} saw version ${version} after ${last}`);
    this.#last.set(reader, version);
  }
}
