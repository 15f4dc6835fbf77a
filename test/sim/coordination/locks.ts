import type { Held } from '@troupe/consensus';
import {
  checkLinearizable,
  History,
  type LockInput,
  locks,
  type Open,
  type Random,
} from '@troupe/sim';
import { busy, byAny, executed, type Run } from './run.ts';

/** Clocks of this world run at rates from 0.9 to 1.11 of the true one. */
const SLOWEST = 0.9;
/** How likely it is that a process ends after a piece of work under a lock. */
const DEATH = 0.02;
const RESTART_MS = 1_000;
/** Many an operation of unknown outcome leaves more orders than anybody wants to look at. */
export const SEARCH = { stepsMax: 200_000 };
export const LOCK_DELAY_MS = 5_000;

/**
 * What a lock guards: it takes nothing from who has a token below one that it has seen. Whoever
 * still trusts its lock must be the last who got it, by what any node knows.
 */
class Guarded {
  readonly #run: Run;
  readonly #resource: string;
  readonly #owners = new Map<number, string>();
  #highest = 0;
  /** When who had it last was gone without a release. */
  #lostAt: number | undefined;

  constructor(run: Run, resource: string) {
    this.#run = run;
    this.#resource = resource;
  }

  granted(token: number, to: string, delayMs: number): void {
    const { world, tally } = this.#run;
    tally.grants += 1;
    const owner = this.#owners.get(token);
    if (owner !== undefined) {
      throw new Error(`${this.#resource}: token ${token} was given to ${owner} and to ${to}`);
    }
    this.#owners.set(token, to);
    const early = (this.#lostAt ?? -Infinity) + delayMs * SLOWEST - world.nowMs;
    if (early > 0) {
      throw new Error(
        `${this.#resource} was given ${early.toFixed(0)} ms before its delay is over`,
      );
    }
    this.#lostAt = undefined;
  }

  /** @returns whether the resource took it */
  used({ token, signal }: Held, by: string): boolean {
    if (token >= this.#highest) {
      this.#highest = token;
      if (this.#owners.get(token) !== by) throw new Error(`${by} uses the token of another`);
      if (!signal.aborted) this.#isLast(token, by);
      return true;
    }
    if (!signal.aborted) throw new Error(`${by} trusts token ${token} after ${this.#highest}`);
    return false;
  }

  /** Who trusted its lock is gone, and will not release it. */
  abandoned(): void {
    this.#lostAt = this.#run.world.nowMs;
  }

  #isLast(token: number, by: string): void {
    for (const [host, { machine }] of this.#run.world.nodes) {
      for (const holder of machine.claims.holders(this.#resource)) {
        if (holder.token <= token) continue;
        throw new Error(
          `${by} trusts token ${token} of ${this.#resource}, and ${host} knows ${holder.token}`,
        );
      }
    }
  }
}

/** Clients that wait for a lock, or to be elected, and work under it while they have it. */
export class Workers {
  readonly #run: Run;
  readonly #kind: 'lock' | 'election';
  readonly #guarded: Guarded;
  readonly #delayMs: number;

  constructor(run: Run, kind: 'lock' | 'election', delayMs: number) {
    this.#run = run;
    this.#kind = kind;
    this.#guarded = new Guarded(run, `${kind} work`);
    this.#delayMs = delayMs;
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async (round) => {
      const by = `${name}#${round}`;
      try {
        await this.turn(by, random, { timeoutMs: random.pick([500, 5_000]) });
      } catch (error) {
        executed(error);
      }
    });
  }

  /** One lock, from the wish to the release. */
  async turn(by: string, random: Random, options: { readonly timeoutMs: number }): Promise<void> {
    const { world, tally } = this.#run;
    let held: Held | undefined;
    let isDone = false;
    try {
      await byAny(this.#run, random, async ({ locks, elections }, host) => {
        const limits = { ...options, lockDelayMs: this.#delayMs };
        held =
          this.#kind === 'lock'
            ? await locks.acquire('work', limits)
            : await elections.campaign('work', { ...limits, value: host });
        this.#guarded.granted(held.token, by, this.#delayMs);
        held.signal.addEventListener('abort', () => (tally.losses += isDone ? 0 : 1));
        for (let uses = random.integer(1, 6); uses > 0 && !held.signal.aborted; uses -= 1) {
          this.#guarded.used(held, by);
          await world.sleep(random.between(10, 800));
          this.#guarded.used(held, by);
          if (random.chance(DEATH) && world.nowMs < this.#run.untilMs) dieHolding(world, host);
        }
        isDone = true;
        await held.release();
      });
    } finally {
      if (held !== undefined && !isDone && !held.signal.aborted) this.#guarded.abandoned();
    }
  }
}

/** The process of who holds something ends, and is started again by who looks after it. */
function dieHolding(world: Run['world'], host: string): void {
  if (!world.world.running.includes(host)) return;
  world.crash(host);
  world.world.agenda.after(RESTART_MS, () => {
    if (!world.world.running.includes(host)) void world.start(host);
  });
}

/** A lock that nobody waits for, so that all that happens to it is a history of single steps. */
export class TryLocks {
  readonly #run: Run;
  readonly #history: History<LockInput, number | boolean | null>;

  constructor(run: Run) {
    this.#run = run;
    this.#history = new History(() => run.world.nowMs);
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, (round) => this.#turn(`${name}#${round}`, random));
  }

  verify(): void {
    const verdict = checkLinearizable(locks(), this.#history.operations, SEARCH);
    if (verdict.kind !== 'violated') return;
    throw new Error(`locks: no order explains ${JSON.stringify(verdict.operations)}`);
  }

  async #turn(by: string, random: Random): Promise<void> {
    const { world } = this.#run;
    const lock = 'tried';
    const acquiring = this.#history.call(by, { kind: 'acquire', lock, by });
    // Whatever was had in doubt, or may be lost, is given back at some time: who knows when.
    const losing = this.#history.call(by, { kind: 'release', lock, by });
    const ghost = this.#ghost(`${by} before`, lock);
    const outcome = byAny(this.#run, random, async (coordination) => {
      const before = coordination.presentSession;
      const held = await coordination.locks.tryAcquire(lock, { timeoutMs: 3_000 });
      acquiring.returns(held?.token ?? null);
      if (coordination.presentSession === before) for (const call of ghost) call.fails('no');
      if (held === undefined) {
        losing.fails('no');
        return true;
      }
      const session = coordination.presentSession;
      await world.sleep(random.between(10, 500));
      const releasing = this.#history.call(by, { kind: 'release', lock, by });
      await held.release();
      if (session?.state !== 'safe') return true; // It may have been taken from it.
      losing.fails('no');
      releasing.returns(true);
      return true;
    });
    const answer = await outcome.catch((error: unknown) => executed(error));
    if (answer === undefined) for (const call of [acquiring, losing, ...ghost]) call.fails('no');
  }

  /**
   * Who loses its session in the middle of it asks again in another, and may have had the lock in
   * the first one, unknown to it, until that was over.
   */
  #ghost(by: string, lock: string): readonly Open<number | boolean | null>[] {
    const kinds = ['acquire', 'release'] as const;
    return kinds.map((kind) => this.#history.call(by, { kind, lock, by }));
  }
}
