import type { Held } from '@troupe/consensus';
import type { Random } from '@troupe/sim';
import { busy, byAny, executed, type Run } from './run.ts';

const PERMITS = 3;

/** Clients that take some of a few permits, wait for them where they must, and give them back. */
export class Permits {
  readonly #run: Run;
  /** What is had, by what those who have it know, and how much of it. */
  readonly #had = new Map<Held, number>();

  constructor(run: Run) {
    this.#run = run;
  }

  client(_name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async () => {
      try {
        await this.turn(random, { timeoutMs: random.pick([500, 5_000]) });
      } catch (error) {
        executed(error);
      }
    });
  }

  async turn(random: Random, limits: { readonly timeoutMs: number }): Promise<void> {
    const { world } = this.#run;
    const take = random.integer(1, PERMITS);
    let permits: Held | undefined;
    try {
      await byAny(this.#run, random, async ({ semaphores }) => {
        permits = await semaphores.acquire('permits', { permits: PERMITS, take, ...limits });
        this.#had.set(permits, take);
        this.#areEnough();
        await world.sleep(random.between(10, 500));
        this.#areEnough();
        this.#had.delete(permits);
        await permits.release();
      });
    } finally {
      if (permits !== undefined) this.#had.delete(permits); // Its process has ended, at the latest.
    }
  }

  #areEnough(): void {
    let sum = 0;
    for (const [{ signal }, take] of this.#had) if (!signal.aborted) sum += take;
    if (sum > PERMITS) throw new Error(`${sum} permits are had of ${PERMITS}`);
  }
}
