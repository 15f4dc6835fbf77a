const CELL_BYTES = BigInt64Array.BYTES_PER_ELEMENT;
const PULSE = 0;
const GENERATION = 1;
const INCARNATION = 2;
const CELLS = 3;

/**
 * What the main loop and the threads of its gossip show each other, in memory that both see: what
 * a thread has written there is there, however it ends.
 */
export class GossipThreadBoard {
  readonly shared: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  /** @param shared of the board to look at. Default: a new one */
  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(CELLS * CELL_BYTES)) {
    this.shared = shared;
    this.#cells = new BigInt64Array(shared);
  }

  /** The main loop runs. */
  beat(): void {
    Atomics.add(this.#cells, PULSE, 1n);
  }

  get pulse(): bigint {
    return Atomics.load(this.#cells, PULSE);
  }

  /** The thread is about to say something of that generation and incarnation. */
  says(generation: number, incarnation: number): void {
    // In this order: what is read in between is greater than what was said, and so does no harm.
    Atomics.store(this.#cells, GENERATION, BigInt(generation));
    Atomics.store(this.#cells, INCARNATION, BigInt(incarnation));
  }

  /** The last that any thread has said; undefined when there was none. */
  get said(): { readonly generation: number; readonly incarnation: number } | undefined {
    const generation = Number(Atomics.load(this.#cells, GENERATION));
    if (generation === 0) return undefined;
    return { generation, incarnation: Number(Atomics.load(this.#cells, INCARNATION)) };
  }
}
