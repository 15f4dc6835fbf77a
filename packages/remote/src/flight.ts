/** Bytes of large frames that may be under way at once. */
const WINDOW_BYTES_MIN = 128 * 1024;
const WINDOW_BYTES_START = 512 * 1024;
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
/** How much longer than at its best the way may take before large frames hold back. */
const QUEUEING_MS_MAX = 3;

/** For how long, once or twice, the shortest round trip counts: ways change, if seldom. */
const MEMORY_MS = 30_000;

/**
 * How many bytes of large frames may be under way, so that the connection is busy and yet nobody
 * waits long behind them. The round-trip time tells: while it stays near the shortest one seen,
 * the window grows, so that a long way is filled too; when it grows, bytes queue somewhere.
 * @see RFC 6817 (LEDBAT), of which this is the idea and not the arithmetic
 */
export class Flight {
  #windowBytes = WINDOW_BYTES_START;
  /** The shortest round trips of this period and of the one before. */
  #bestMs = Infinity;
  #earlierMs = Infinity;
  #periodEndsAt = 0;
  /** The number of the envelope that is timed, and when it left. */
  #timed = 0;
  #timedAt = 0;
  /** More would have been sent, had the window been larger. */
  #wasLimited = false;

  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** @returns whether the envelope of that number is the one to time */
  leaves(sequence: number, now: number): boolean {
    if (this.#timed > 0) return false;
    this.#timed = sequence;
    this.#timedAt = now;
    return true;
  }

  limited(): void {
    this.#wasLimited = true;
  }

  /** All envelopes up to that number have arrived. */
  acknowledged(sequence: number, now: number): void {
    if (this.#timed === 0 || sequence < this.#timed) return;
    this.#timed = 0;
    const roundTripMs = now - this.#timedAt;
    if (now >= this.#periodEndsAt) {
      this.#earlierMs = this.#bestMs;
      this.#bestMs = Infinity;
      this.#periodEndsAt = now + MEMORY_MS;
    }
    this.#bestMs = Math.min(this.#bestMs, roundTripMs);
    if (roundTripMs - Math.min(this.#bestMs, this.#earlierMs) > QUEUEING_MS_MAX) {
      this.#windowBytes = Math.max(WINDOW_BYTES_MIN, this.#windowBytes * 0.75);
    } else if (this.#wasLimited) {
      this.#windowBytes = Math.min(WINDOW_BYTES_MAX, this.#windowBytes * 1.5);
    }
    this.#wasLimited = false;
  }

  /** What was timed may have been lost with its connection. */
  reset(): void {
    this.#timed = 0;
    this.#bestMs = this.#earlierMs = Infinity;
    this.#periodEndsAt = 0;
  }
}
