import type { DownReason, Env } from '@troupe/actor';
import { Gathering } from './gathering.ts';

/**
 * Holds back the news that an actor is down until whoever waits for what it has said before has
 * got that: an answer that came by the same read settles a promise, whose callbacks run later.
 */
export class LastWords {
  readonly #gathering: Gathering;
  #news: { readonly id: number; readonly reason: DownReason }[] = [];

  /** @param tell is given the number of the monitor, which may have been forgotten meanwhile */
  constructor(env: Env, tell: (id: number, reason: DownReason) => void) {
    this.#gathering = new Gathering(env, () => {
      const news = this.#news;
      this.#news = [];
      for (const { id, reason } of news) tell(id, reason);
    });
  }

  down(id: number, reason: DownReason): void {
    this.#news.push({ id, reason });
    // Not at once: what runs after all promise callbacks may else run before those of this read.
    queueMicrotask(() => this.#gathering.added());
  }
}
