import type { Carrier, ChannelEnds } from './case.ts';

/** Goroutines that would go on for ever, until somebody has seen enough of their results. */
export class Program {
  readonly #carrier: Carrier;
  readonly #stops: ((error: unknown) => void)[] = [];

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  async make<T>(capacity = 0): Promise<ChannelEnds<T>> {
    const ends = await this.#carrier.make<T>(capacity);
    this.#stops.push((error) => ends.sender.tryClose(error));
    return ends;
  }

  /** Its failure ends the program, and what waits for a result fails with it. */
  run(goroutine: () => Promise<void>): void {
    goroutine().catch((error: unknown) => this.stop(error));
  }

  /** Closes all channels, which ends all goroutines. */
  stop(error?: unknown): void {
    for (const stop of this.#stops.splice(0)) stop(error);
  }
}
