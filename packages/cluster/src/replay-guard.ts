/** Packets that may arrive out of order and still be told from a replay. */
const WINDOW = 64;
/** Senders remembered: twice as many as there are members at most. */
const SENDERS_MAX = 16_384;

interface Window {
  highest: number;
  /** Bit i: the packet `highest - i` was seen. */
  seen: bigint;
}

/**
 * Tells packets that were seen before from new ones, by the sender's own count. Only what was
 * authenticated may be shown to it.
 * @see RFC 4303 §3.4.3, the same window for IPsec
 */
export class ReplayGuard {
  readonly #windows = new Map<string, Window>();

  /** @returns false for a packet that was seen, or is too far behind to be sure */
  isNew(sender: string, count: number): boolean {
    const window = this.#windows.get(sender) ?? { highest: 0, seen: 0n };
    // To the end, so that whoever has been silent longest is forgotten first.
    this.#windows.delete(sender);
    if (this.#windows.size >= SENDERS_MAX) {
      const [longestSilent] = this.#windows.keys();
      if (longestSilent !== undefined) this.#windows.delete(longestSilent);
    }
    this.#windows.set(sender, window);
    if (count > window.highest) {
      const ahead = count - window.highest;
      window.seen =
        ahead >= WINDOW ? 1n : BigInt.asUintN(WINDOW, window.seen << BigInt(ahead)) | 1n;
      window.highest = count;
      return true;
    }
    const behind = window.highest - count;
    if (behind >= WINDOW) return false;
    const bit = 1n << BigInt(behind);
    if ((window.seen & bit) !== 0n) return false;
    window.seen |= bit;
    return true;
  }
}
