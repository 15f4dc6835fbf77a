/** Between two words about one address. */
const QUIET_MS = 60_000;
/** Addresses that are told of within that time: whoever sends datagrams can invent them. */
const ADDRESSES_MAX = 32;

interface Sender {
  readonly toldAtMs: number;
  untold: number;
}

/** Packets of no key that is known here, by where they came from: each is told of now and then. */
export class ForeignPackets {
  readonly #tell: (address: string, packets: number) => void;
  /** Those first who were told of longest ago. */
  readonly #senders = new Map<string, Sender>();

  /** @param tell is given the packets of an address since it was told of that one last */
  constructor(tell: (address: string, packets: number) => void) {
    this.#tell = tell;
  }

  note(nowMs: number, address: string): void {
    const known = this.#senders.get(address);
    if (known !== undefined && nowMs - known.toldAtMs < QUIET_MS) {
      known.untold += 1;
      return;
    }
    this.#senders.delete(address);
    if (this.#senders.size >= ADDRESSES_MAX && !this.#forgetOne(nowMs)) return;
    this.#senders.set(address, { toldAtMs: nowMs, untold: 0 });
    this.#tell(address, (known?.untold ?? 0) + 1);
  }

  /** @returns whether there was one of which nothing has to be kept */
  #forgetOne(nowMs: number): boolean {
    for (const [address, { toldAtMs }] of this.#senders) {
      return nowMs - toldAtMs >= QUIET_MS && this.#senders.delete(address);
    }
    return false;
  }
}
