import type { Random } from '@troupe/sim';
import type { Task } from './words.ts';

type Thing = 'register' | 'list' | 'counter' | 'lock' | 'mutex';

/** How often each is asked for. */
const THINGS: readonly Thing[] = ['register', 'register', 'list', 'counter', 'lock', 'mutex'];
/** In use at a time, of each kind of thing: few, so that clients are in each other's way. */
const KEYS = 3;
/** Then a key is left for a new one, so that each has a history that can be checked. */
const CALLS_MAX = 100;
/** But for one lock of `Coordination`: its tokens have to rise from the first to the last. */
const LASTING = 'mutex/1';
/** Mostly for a moment, but now and then that one is held for as long as an election takes. */
const HOLD_MS = 10;
const LONG_HOLD_MS = 800;
const LONG_HOLD = 0.05;
/** Or even then: each call of unknown outcome doubles the possibilities. */
const DOUBTS_MAX = 8;

interface Key {
  readonly name: string;
  calls: number;
  doubts: number;
  /** What somebody last saw or wrote there. */
  last: number | null;
}

/** What clients ask for. */
export class Load {
  readonly #random: Random;
  readonly #live = new Map<Thing, Key[]>();
  readonly #made = new Map<Thing, number>();
  /** So that whoever reads a value knows whose it is. */
  #values = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** All that were ever used and can be read. */
  *keys(): Generator<string> {
    for (const [thing, count] of this.#made) {
      if (thing === 'lock' || thing === 'mutex') continue;
      for (let i = 1; i <= count; i += 1) yield `${thing}/${i}`;
    }
  }

  /** @param held the lock that the client holds, which it mostly gives back */
  next(client: string, held: string | undefined): Task {
    if (held !== undefined && this.#random.chance(0.6)) return release(client, held);
    const thing = this.#random.pick(THINGS);
    const key = this.#key(thing);
    key.calls += 1;
    const isRead = this.#random.chance(0.4);
    if (isRead && thing !== 'lock' && thing !== 'mutex') {
      return read(client, key.name, this.#random.chance(0.25) ? 'lease' : 'linearizable');
    }
    const task = { client, key: key.name, value: null, consistency: 'linearizable' } as const;
    switch (thing) {
      case 'register':
        return { ...task, ...this.#change(key) };
      case 'list':
        return { ...task, op: 'append', value: this.#value() };
      case 'counter':
        return { ...task, op: 'add' };
      case 'lock':
        return { ...task, op: 'acquire' };
      case 'mutex':
        return { ...task, op: 'hold', value: this.#holdMs(key.name) };
    }
  }

  saw(name: string, value: number | null): void {
    const key = this.#find(name);
    if (key !== undefined) key.last = value;
  }

  /** The outcome of a call that changes something is unknown. */
  doubts(name: string): void {
    const key = this.#find(name);
    if (key !== undefined) key.doubts += 1;
  }

  #change(key: Key): Pick<Task, 'op' | 'value'> {
    const value = this.#value();
    if (this.#random.chance(0.5)) return { op: 'write', value };
    return { op: 'cas', value: [key.last, value] };
  }

  #holdMs(name: string): number {
    return name === LASTING && this.#random.chance(LONG_HOLD) ? LONG_HOLD_MS : HOLD_MS;
  }

  #value(): number {
    return (this.#values += 1);
  }

  #find(name: string): Key | undefined {
    return [...this.#live.values()].flat().find((key) => key.name === name);
  }

  #key(thing: Thing): Key {
    const live = this.#live.get(thing) ?? [];
    this.#live.set(thing, live);
    const at = this.#random.integer(0, KEYS - 1);
    const key = live[at];
    if (key?.name === LASTING) return key;
    if (key !== undefined && key.calls < CALLS_MAX && key.doubts < DOUBTS_MAX) return key;
    const number = (this.#made.get(thing) ?? 0) + 1;
    this.#made.set(thing, number);
    return (live[at] = { name: `${thing}/${number}`, calls: 0, doubts: 0, last: null });
  }
}

export function read(client: string, key: string, consistency: Task['consistency']): Task {
  return { client, op: 'read', key, value: null, consistency };
}

function release(client: string, key: string): Task {
  return { client, op: 'release', key, value: null, consistency: 'linearizable' };
}
