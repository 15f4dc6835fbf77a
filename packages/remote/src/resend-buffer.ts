/** An envelope as it is written: parts in a row, which never change. */
export interface Packed {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** What is of no use to anybody, once this and all before it have arrived. */
  readonly completes?: Uint8Array | undefined;
}

/**
 * Envelopes that have been given a number and that the peer has not acknowledged, in order. Each
 * connection is written all of them; those before `#written` have gone out on the present one.
 */
export class ResendBuffer {
  #envelopes: Packed[] = [];
  #head = 0;
  #written = 0;
  #bytes = 0;
  readonly #arrived: (frame: Uint8Array) => void;

  /** @param arrived told of each frame that was `completed` and acknowledged */
  constructor(arrived: (frame: Uint8Array) => void) {
    this.#arrived = arrived;
  }

  /** Envelopes that are not acknowledged. */
  get length(): number {
    return this.#envelopes.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** All of them. */
  unacknowledged(): Iterable<Packed> {
    return this.#envelopes.slice(this.#head);
  }

  add(envelope: Packed): void {
    this.#envelopes.push(envelope);
    this.#bytes += envelope.bytes;
  }

  /** The next one to write on the present connection. */
  next(): Packed | undefined {
    if (this.#written === this.#envelopes.length) return undefined;
    this.#written += 1;
    return this.#envelopes[this.#written - 1];
  }

  /** The first `count` have arrived. */
  acknowledge(count: number): void {
    const end = this.#head + count;
    for (; this.#head < end; this.#head += 1) {
      const { bytes, completes } = this.#envelopes[this.#head] ?? NOTHING;
      this.#bytes -= bytes;
      if (completes !== undefined) this.#arrived(completes);
      this.#envelopes[this.#head] = NOTHING;
    }
    this.#written = Math.max(this.#written, this.#head);
    if (this.#head < 1_024 && this.#head < this.#envelopes.length) return;
    this.#envelopes.splice(0, this.#head);
    this.#written -= this.#head;
    this.#head = 0;
  }

  /** A new connection has seen none of them. */
  rewind(): void {
    this.#written = this.#head;
  }
}

const NOTHING: Packed = { parts: [], bytes: 0 };
