import type { HomeEnd } from './home-end.ts';

/** Memory that may be taken by what lost connections have left to channels that are full. */
const LEFTOVER_BYTES_MAX: number = 64 * 1024 * 1024;

/**
 * What has come over connections that are no more, and waits for room in its channel. It is in
 * doubt, as whoever has sent it was told: so it goes in as long as it costs little.
 */
export class Leftovers {
  #bytes = 0;

  keep(end: HomeEnd): void {
    const { heldBytes } = end;
    if (this.#bytes + heldBytes > LEFTOVER_BYTES_MAX) return end.drop();
    this.#bytes += heldBytes;
    end.whenEmpty(() => (this.#bytes -= heldBytes));
  }
}

/**
 * Ends that the other side has closed, or let go of, before their channel here had room for all
 * that they have sent. They count as ends until it has: or who opens one after the other, and fills
 * each, would fill the memory.
 */
export class LeavingEnds {
  readonly #ends = new Set<HomeEnd>();
  readonly #leftovers: Leftovers;

  constructor(leftovers: Leftovers) {
    this.#leftovers = leftovers;
  }

  get size(): number {
    return this.#ends.size;
  }

  add(end: HomeEnd): void {
    this.#ends.add(end);
    end.whenEmpty(() => this.#ends.delete(end));
  }

  /** The connection is no more, and with it these ends and those that were `open`. */
  loseAll(open: Iterable<HomeEnd>): void {
    for (const end of open) {
      end.lost();
      this.#leftovers.keep(end);
    }
    for (const end of this.#ends) this.#leftovers.keep(end);
    this.#ends.clear();
  }
}
