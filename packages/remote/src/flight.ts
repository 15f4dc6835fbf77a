/** Bytes of large frames that may be under way at once. */
const WINDOW_BYTES_MIN = 128 * 1024;
const WINDOW_BYTES_START = 512 * 1024;
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
/** The window is never less than the way has carried in so long, at its best; see above. */
const LEAST_MS = 1;
/** How much longer than at its best the way may take before large frames hold back. */
const QUEUEING_MS_MAX = 1;
/** The same on a long way, where times vary more: a part of the shortest round trip. */
const QUEUEING_PART_MAX = 0.25;

/** For how long, once or twice, what was best counts: ways change, if seldom. */
const MEMORY_MS = 30_000;

/**
 * How many bytes of large frames may be under way, so that the connection is busy and yet nobody
 * waits long behind them. The round-trip time tells: while it stays near the shortest one seen,
 * the window grows, so that a long way is filled too; when it grows, bytes queue somewhere. Or a
 * process is slow to wake up, which a smaller window would not mend; so there is a least, and a
 * fast way has a larger one.
 * @see RFC 6817 (LEDBAT), of which this is the idea and not the arithmetic
 */
export class Flight {
  #windowBytes = WINDOW_BYTES_START;
  /** The shortest round trips of this period and of the one before. */
  #bestMs = Infinity;
  #earlierMs = Infinity;
  /** The same of what arrived in a millisecond, in bytes. */
  #bestRate = 0;
  #earlierRate = 0;
  #periodEndsAt = 0;
  /** The number of the envelope that is timed, and when it left. */
  #timed = 0;
  #timedAt = 0;
  /** What has arrived since then. */
  #arrivedBytes = 0;
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
    this.#arrivedBytes = 0;
    return true;
  }

  limited(): void {
    this.#wasLimited = true;
  }

  /** All envelopes up to that number have arrived, the last `bytes` of them just now. */
  acknowledged(sequence: number, bytes: number, now: number): void {
    this.#arrivedBytes += bytes;
    if (this.#timed === 0 || sequence < this.#timed) return;
    this.#timed = 0;
    const roundTripMs = now - this.#timedAt;
    if (now >= this.#periodEndsAt) {
      this.#earlierMs = this.#bestMs;
      this.#bestMs = Infinity;
      this.#earlierRate = this.#bestRate;
      this.#bestRate = 0;
      this.#periodEndsAt = now + MEMORY_MS;
    }
    this.#bestMs = Math.min(this.#bestMs, roundTripMs);
    this.#bestRate = Math.max(this.#bestRate, this.#arrivedBytes / roundTripMs);
    const bestMs = Math.min(this.#bestMs, this.#earlierMs);
    if (roundTripMs - bestMs > Math.max(QUEUEING_MS_MAX, QUEUEING_PART_MAX * bestMs)) {
      this.#windowBytes = Math.max(this.#leastBytes, this.#windowBytes * 0.75);
    } else if (this.#wasLimited) {
      this.#windowBytes = Math.min(WINDOW_BYTES_MAX, this.#windowBytes * 1.5);
    }
    this.#wasLimited = false;
  }

  /** What was timed may have been lost with its connection. */
  reset(): void {
    this.#timed = 0;
    this.#bestMs = this.#earlierMs = Infinity;
    this.#bestRate = this.#earlierRate = 0;
    this.#periodEndsAt = 0;
  }

  get #leastBytes(): number {
    const bytes = LEAST_MS * Math.max(this.#bestRate, this.#earlierRate);
    return Math.min(WINDOW_BYTES_START, Math.max(WINDOW_BYTES_MIN, bytes));
  }
}
