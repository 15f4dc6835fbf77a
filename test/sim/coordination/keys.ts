import {
  checkLinearizable,
  History,
  type ListInput,
  lists,
  type Random,
  type RegisterInput,
  registers,
} from '@troupe/sim';
import { SEARCH } from './locks.ts';
import { busy, byAny, executed, type Run } from './run.ts';

const DEADLINE = { timeoutMs: 3_000 };

/** Registers that are read, written, and set from one value to another. */
export class Registers {
  readonly #run: Run;
  readonly #history: History<
    RegisterInput,
    { readonly value?: unknown; readonly swapped?: boolean }
  >;

  constructor(run: Run) {
    this.#run = run;
    this.#history = new History(() => run.world.nowMs);
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async (round) => {
      const key = `register/${random.pick(['x', 'y'])}`;
      const kind = random.pick(['read', 'write', 'cas'] as const);
      const value = `${name}${round}`;
      const input: RegisterInput =
        kind === 'cas'
          ? { kind, key, from: this.#lastSeen.get(key), to: value }
          : kind === 'write'
            ? { kind, key, value }
            : { kind, key };
      const call = this.#history.call(name, input);
      try {
        const output = await byAny(this.#run, random, ({ kv }) => this.#do(kv, input));
        if (output === undefined) call.fails('no');
        else call.returns(output);
      } catch (error) {
        call.fails(kind === 'read' ? 'no' : executed(error));
      }
    });
  }

  verify(): void {
    const verdict = checkLinearizable(registers(), this.#history.operations, SEARCH);
    if (verdict.kind !== 'violated') return;
    throw new Error(`registers: no order explains ${JSON.stringify(verdict.operations)}`);
  }

  readonly #lastSeen = new Map<string, unknown>();

  async #do(
    kv: Parameters<Parameters<typeof byAny>[2]>[0]['kv'],
    input: RegisterInput,
  ): Promise<{ readonly value?: unknown; readonly swapped?: boolean }> {
    const { key } = input;
    switch (input.kind) {
      case 'read': {
        const value = (await kv.get(key, DEADLINE))?.value;
        this.#lastSeen.set(key, value);
        return { value };
      }
      case 'write':
        await kv.put(key, input.value, DEADLINE);
        return {};
      case 'cas': {
        const is = input.from === undefined ? { exists: false } : { value: input.from };
        const transaction = { if: [{ key, ...is }], do: [{ put: key, value: input.to }] };
        return { swapped: (await kv.transact(transaction, DEADLINE)).succeeded };
      }
    }
  }
}

/** Lists that are appended to from the revision that was read, so that nothing gets lost. */
export class Appended {
  readonly #run: Run;
  readonly #history: History<ListInput, readonly unknown[] | null>;

  constructor(run: Run) {
    this.#run = run;
    this.#history = new History(() => run.world.nowMs);
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async (round) => {
      const key = 'list/x';
      const reading = this.#history.call(name, { kind: 'read', key });
      const seen = await byAny(this.#run, random, ({ kv }) => kv.get(key, DEADLINE)).catch(
        (error: unknown) => void executed(error),
      );
      // A list that is not there cannot be told from a host that is not, and says nothing.
      if (seen === undefined) reading.fails('no');
      else reading.returns(seen.value as unknown[]);
      const value = `${name}${round}`;
      const list = [...((seen?.value as unknown[] | undefined) ?? []), value];
      const appending = this.#history.call(name, { kind: 'append', key, value });
      try {
        const swapped = await byAny(this.#run, random, ({ kv }) =>
          kv.compareAndSet(key, { revision: seen?.revision ?? 0, value: list }, DEADLINE),
        );
        if (swapped === undefined) appending.fails('no');
        else appending.returns(null);
      } catch (error) {
        appending.fails(executed(error));
      }
    });
  }

  verify(): void {
    const verdict = checkLinearizable(lists(), this.#history.operations, SEARCH);
    if (verdict.kind !== 'violated') return;
    throw new Error(`lists: no order explains ${JSON.stringify(verdict.operations)}`);
  }
}

/** Keys that are put once each: a second execution would be a second version. */
export class Once {
  readonly #run: Run;
  readonly #puts = new Map<string, 'yes' | 'no' | 'unknown'>();

  constructor(run: Run) {
    this.#run = run;
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async (round) => {
      const key = `once/${name}/${round}`;
      this.#puts.set(key, 'unknown');
      try {
        const made = await byAny(this.#run, random, ({ kv }) => kv.put(key, round, DEADLINE));
        this.#puts.set(key, made === undefined ? 'no' : 'yes');
        if (made !== undefined && made.version !== 1) throw new Error(`${key} was put twice`);
      } catch (error) {
        this.#puts.set(key, executed(error));
      }
    });
  }

  /** @param versions of all these keys, in the end */
  verify(versions: ReadonlyMap<string, number>): void {
    for (const [key, outcome] of this.#puts) {
      const times = versions.get(key) ?? 0;
      const expected = { yes: [1], no: [0], unknown: [0, 1] }[outcome];
      if (!expected.includes(times)) {
        throw new Error(`${key} was executed ${times} times, and its client was told: ${outcome}`);
      }
    }
  }
}

/** Keys that say who is there: each goes with the session of the node that put it. */
export class Presences {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  client(name: string, random: Random): Promise<void> {
    return busy(this.#run, random, async (round) => {
      await byAny(this.#run, random, async (coordination, host) => {
        const lease = await coordination.session({ timeoutMs: 3_000 });
        await coordination.kv.put(`here/${host}`, `${name}${round}`, { lease, ...DEADLINE });
      }).catch((error: unknown) => void executed(error));
    });
  }

  verify(
    keys: Iterable<readonly [key: string, item: { readonly lease: number }]>,
    { leases }: { readonly leases: { has(id: number): boolean } },
  ): void {
    for (const [key, { lease }] of keys) {
      if (!leases.has(lease)) throw new Error(`${key} is still there, and its session is not`);
    }
  }
}
