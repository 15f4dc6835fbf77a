/** Virtual time: events in order of their moments, and of their making where those are the same. */
export class Timeline {
  now = 0;
  #made = 0;
  /** A binary heap, earliest first. */
  readonly #events: Event[] = [];

  after(delay: number, run: () => void): void {
    this.#push({ at: this.now + delay, order: this.#made++, run });
  }

  /** Runs the next event, unless it is later than `until`. */
  step(until: number): boolean {
    const [next] = this.#events;
    if (next === undefined || next.at > until) return false;
    this.#pop();
    this.now = next.at;
    next.run();
    return true;
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(a: Event, b: Event): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
