import type { Absent, Packet } from './packet.ts';

/** Answered at a time, at most: nobody takes part in so many groups that are not here. */
const ANSWERS_MAX = 1_024;

/** What others say of groups that this node takes no part in: told so, they need not guess why. */
export class Strays {
  count = 0;
  readonly #everyMs: number;
  readonly #answered = new Set<string>();
  #since = -Infinity;

  /** @param everyMs how often the same is said to the same node, at most */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** @returns what is to be answered, if anything is */
  answer(group: string, { type, from, to }: Packet, now: number): Absent | undefined {
    this.count += 1;
    if (type === 'absent') return undefined;
    if (now - this.#since >= this.#everyMs) {
      this.#answered.clear();
      this.#since = now;
    }
    const key = `${from}\n${group}`;
    if (this.#answered.has(key) || this.#answered.size >= ANSWERS_MAX) return undefined;
    this.#answered.add(key);
    return { type: 'absent', from: to, to: from };
  }
}
