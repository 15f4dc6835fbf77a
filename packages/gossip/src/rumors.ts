import type { Update } from './message.ts';

/** No news is shorter. */
const LEAST_BYTES = 8;

/** Pieces that do not fit, after which a packet counts as full. */
const MISSES_MAX = 8;

interface Rumor {
  readonly update: Update;
  readonly bytes: number;
  sent: number;
}

/**
 * News to be passed on, each piece a limited number of times: what was sent least goes first, and
 * of that the newest. At most one piece a member, so it cannot outgrow the view.
 */
export class Rumors {
  /** By how often they were sent; the newest of each last. */
  readonly #tiers: Rumor[][] = [];
  readonly #byName = new Map<string, Rumor>();
  readonly #bytesOf: (update: Update) => number;

  /** @param bytesOf what an update takes in a packet */
  constructor(bytesOf: (update: Update) => number) {
    this.#bytesOf = bytesOf;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Takes the place of older news of the same member. */
  add(update: Update): void {
    const older = this.#byName.get(update.name);
    if (older !== undefined) {
      // At once: who is alone tells nothing, and would keep all that it ever had to say.
      const tier = this.#tier(older.sent);
      tier.splice(tier.indexOf(older), 1);
    }
    const rumor = { update, bytes: this.#bytesOf(update), sent: 0 };
    this.#byName.set(update.name, rumor);
    this.#tier(0).push(rumor);
  }

  /**
   * Fills one packet.
   * @param room bytes left in it
   * @param sendsMax how often a piece of news is sent before it is forgotten
   */
  take(room: number, sendsMax: number): readonly Update[] {
    if (this.#byName.size === 0) return [];
    const taken: Rumor[] = [];
    let left = room;
    let misses = 0;
    for (let sent = 0; sent < this.#tiers.length && left >= LEAST_BYTES; sent += 1) {
      const tier = this.#tiers[sent] as Rumor[];
      for (let i = tier.length - 1; i >= 0 && left >= LEAST_BYTES; i -= 1) {
        if (misses > MISSES_MAX) break;
        const rumor = tier[i] as Rumor;
        if (rumor.bytes > left) {
          misses += 1;
          continue;
        }
        tier.splice(i, 1);
        left -= rumor.bytes;
        taken.push(rumor);
      }
    }
    for (const rumor of taken) {
      rumor.sent += 1;
      if (rumor.sent < sendsMax) this.#tier(rumor.sent).push(rumor);
      else this.#byName.delete(rumor.update.name);
    }
    return taken.map(({ update }) => update);
  }

  #tier(sent: number): Rumor[] {
    while (this.#tiers.length <= sent) this.#tiers.push([]);
    return this.#tiers[sent] as Rumor[];
  }
}
