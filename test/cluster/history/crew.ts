import type { Random } from '@troupe/sim';
import { pause } from './pause.ts';
import type { Servers } from './servers.ts';
import { type Arranged, type Arrangement, groupNames } from './words.ts';

/** For one step towards other members: longer than a server tries. */
const PATIENCE_MS = 6_000;
const AGAIN_MS = 100;

export interface CrewChange {
  /** Is to take part no more. */
  readonly leaves: string | undefined;
  /** Another comes, in the same step. */
  readonly grows: boolean;
  readonly as: Arrangement['as'];
}

/**
 * Sees to it that both groups consist of those who are to take part, as an operator does: asks
 * whoever leads, and asks again, until it is so. Nobody comes back under an earlier name.
 */
export class Crew {
  readonly #servers: Servers;
  readonly #random: Random;
  readonly #wanted: Set<string>;
  #isChanging = false;

  constructor(servers: Servers, random: Random) {
    this.#servers = servers;
    this.#random = random;
    this.#wanted = new Set(servers.names);
  }

  /** One change at a time, in each of the groups. */
  get isChanging(): boolean {
    return this.#isChanging;
  }

  /** Resolves when it is done, or when `signal` has aborted: then `settle` goes on with it. */
  async change({ leaves, grows, as }: CrewChange, signal: AbortSignal): Promise<void> {
    this.#isChanging = true;
    if (leaves !== undefined) {
      this.#wanted.delete(leaves);
      this.#servers.retire(leaves);
    }
    if (grows) this.#wanted.add(await this.#servers.hire());
    await this.settle(signal, as);
  }

  async settle(signal: AbortSignal, as: Arrangement['as'] = 'voter'): Promise<void> {
    const wanted = [...this.#wanted];
    for (const group of groupNames) await this.#arrange({ group, wanted, as }, signal);
    if (signal.aborted) return;
    await this.#servers.keep(wanted);
    this.#isChanging = false;
  }

  async #arrange(arrangement: Arrangement, signal: AbortSignal): Promise<void> {
    let leader: string | null = null;
    while (!signal.aborted) {
      const arranged = await this.#step(arrangement, leader);
      if (arranged.isDone) return;
      leader = arranged.leader;
      await pause(AGAIN_MS, signal);
    }
  }

  async #step(arrangement: Arrangement, leader: string | null): Promise<Arranged> {
    const { up } = this.#servers;
    // One that is to go may lead, and has to see to that itself.
    const server = this.#servers.find(leader ?? '') ?? up[this.#any(up.length)];
    const reply = await server?.ask({ kind: 'arrange', arrangement }, PATIENCE_MS);
    if (reply?.kind !== 'done') return { leader: null, isDone: false };
    return reply.value as Arranged;
  }

  #any(count: number): number {
    return this.#random.integer(0, Math.max(0, count - 1));
  }
}
