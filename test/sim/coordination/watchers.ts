import { isCallError } from '@troupe/actor';
import type { KeyChange } from '@troupe/consensus';
import type { Random } from '@troupe/sim';
import type { Run } from './run.ts';

interface Watching {
  /** The first revision that has not been seen. */
  next: number;
  /** What has been made of all that was told. */
  keys: Map<string, Seen>;
}

/** A key as it was put last; each change of it has the next version. */
interface Seen {
  readonly revision: number;
  readonly version: number;
}

/**
 * Watches that move from node to node, whenever theirs is gone: each goes on behind what it has
 * seen, or, when that is not kept any more, from a reading of all keys.
 */
export class Watchers {
  readonly #run: Run;
  readonly #prefix: string;
  /** By revision and key, as all watches together have told it. */
  readonly #told = new Map<string, string>();
  readonly #states: Watching[] = [];
  #failure: Error | undefined;

  constructor(run: Run, prefix: string) {
    this.#run = run;
    this.#prefix = prefix;
  }

  /** Watches until `signal` is aborted. */
  async client(name: string, random: Random, signal: AbortSignal): Promise<void> {
    const { world } = this.#run;
    const state: Watching = { next: 1, keys: new Map() };
    this.#states.push(state);
    while (!signal.aborted) {
      await world.sleep(random.between(10, random.pick([500, 4_000])));
      const hosts = [...world.nodes.keys()];
      if (hosts.length === 0) continue;
      const patience = new AbortController();
      const lasts = world.world.agenda.after(random.between(200, 6_000), () => patience.abort());
      const any = AbortSignal.any([signal, patience.signal]);
      try {
        await world.on(random.pick(hosts), async ({ coordination: { kv } }) => {
          const watch = await kv.watch({ prefix: this.#prefix }, { from: state.next, signal: any });
          for await (const change of watch) this.#saw(name, state, change);
        });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw (this.#failure = error as Error);
        if (error.code === 'ERR_COMPACTED') await this.#readAll(state, random);
      } finally {
        lasts.cancel();
      }
    }
  }

  /** Every watch has told all, once, in order; and what it has made of it is what there is. */
  verify(revision: number, keys: ReadonlyMap<string, number>): void {
    if (this.#failure !== undefined) throw this.#failure;
    for (const state of this.#states) {
      if (state.next <= revision) throw new Error(`a watch is at ${state.next} of ${revision}`);
      const seen = new Map([...state.keys].map(([key, { revision: at }]) => [key, at]));
      const [theirs, ours] = [seen, keys].map((map) => {
        return JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
      });
      if (theirs !== ours) throw new Error(`a watch makes ${theirs} of what is ${ours}`);
    }
  }

  #saw(name: string, state: Watching, { revision, events }: KeyChange): void {
    if (revision < state.next) throw new Error(`${name} was told of ${revision} again`);
    this.#run.tally.changes += 1;
    state.next = revision + 1;
    for (const event of events) {
      const place = `${revision} ${event.key}`;
      const what = event.kind === 'put' ? JSON.stringify(event.value) : 'deleted';
      const before = this.#told.get(place);
      if (before !== undefined && before !== what) {
        throw new Error(`at ${place} there was ${before}, and ${what}`);
      }
      this.#told.set(place, what);
      if (event.kind === 'delete') {
        state.keys.delete(event.key);
        continue;
      }
      const { version: last = 0 } = state.keys.get(event.key) ?? {};
      if (event.version !== last + 1) {
        throw new Error(`${name} was told of ${event.key} ${event.version} after ${last}`);
      }
      state.keys.set(event.key, event);
    }
  }

  async #readAll(state: Watching, random: Random): Promise<void> {
    const { world, tally } = this.#run;
    const hosts = [...world.nodes.keys()];
    if (hosts.length === 0) return;
    tally.compactions += 1;
    await world
      .on(random.pick(hosts), async ({ coordination: { kv } }) => {
        const keys = new Map<string, Seen>();
        const { entries, revision, more } = await kv.range({ prefix: this.#prefix });
        if (more) throw new Error('the keys that are watched are more than a page');
        for (const entry of entries) keys.set(entry.key, entry);
        state.keys = keys;
        state.next = revision + 1;
      })
      .catch((error: unknown) => {
        if (!isCallError(error) && !(error instanceof Error && 'executed' in error)) throw error;
      });
  }
}
