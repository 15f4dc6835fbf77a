/** Something that will happen at its time, unless it is cancelled. */
export interface Appointment {
  readonly atMs: number;
  readonly run: () => void;
  /** Harmless when it has happened already. */
  cancel(): void;
}

class Entry implements Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled = false;

  constructor(atMs: number, order: number, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/**
 * The time of a world: what is to happen, in order of time, and at equal times in the order it was
 * asked for. Time stands still while something happens, and jumps to the next thing after it.
 */
export class Agenda {
  /** A binary heap: no entry comes before its parent at half its place. */
  readonly #heap: Entry[] = [];
  #nowMs = 0;
  #order = 0;

  /** Milliseconds since the world began; fractions are allowed. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Entries that wait, cancelled ones included until their time comes. */
  get size(): number {
    return this.#heap.length;
  }

  /** @param delayMs from now on; less than 0 counts as 0 */
  after(delayMs: number, run: () => void): Appointment {
    const entry = new Entry(this.#nowMs + Math.max(0, delayMs), (this.#order += 1), run);
    this.#push(entry);
    return entry;
  }

  /**
   * Moves time to the next thing that happens, unless that is after `untilMs`.
   * @returns what to run; undefined when nothing is left until then, and time is `untilMs` now if
   *   something is left after it
   */
  next(untilMs: number): (() => void) | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.atMs > untilMs) break;
      this.#shift();
      if (first.cancelled) continue;
      this.#nowMs = first.atMs;
      return first.run;
    }
    if (this.#heap.length > 0) this.#nowMs = Math.max(this.#nowMs, untilMs);
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (comesBefore(heap[parent] as Entry, entry)) break;
      heap[place] = heap[parent] as Entry;
      place = parent;
    }
    heap[place] = entry;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && comesBefore(heap[right] as Entry, heap[child] as Entry)) {
        child = right;
      }
      if (comesBefore(last, heap[child] as Entry)) break;
      heap[place] = heap[child] as Entry;
      place = child;
    }
    heap[place] = last;
  }
}

function comesBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
