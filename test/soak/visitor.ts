import { after, go, isCallError, select, type Task } from 'troupe';
import type { Screen } from '@troupe/example-chat/screens';
import type { Seating } from './orders.ts';
import { Tally } from './tally.ts';

/** Lines that are said at once, before the first of them is answered. */
export const BURST = 3;
/** Lines that are on their way are waited for as long as one comes within this time. */
const SILENCE_MS = 3_000;

/** One person: says numbered lines through a session of the chat, and tallies what it shows. */
export class Visitor {
  readonly nick: string;
  readonly room: string;
  readonly tally = new Tally();
  said = 0;
  failed = 0;
  why: string | undefined;
  readonly #screen: Screen;
  readonly #quiet = new AbortController();
  #talking: Task<void> | undefined;

  constructor(screen: Screen, { nick, room }: Seating) {
    this.nick = nick;
    this.room = room;
    this.#screen = screen;
    go(() => this.#listen());
  }

  async enter(): Promise<void> {
    const refusal = await this.#screen.session.enter(this.room, this.nick, this.nick);
    if (refusal !== undefined) throw new Error(`${this.nick} was not let in: ${refusal.why}`);
  }

  talk(everyMs: number): void {
    this.#talking = go(() => this.#talk(everyMs));
  }

  /** Resolves when what was said is answered. */
  async hush(): Promise<void> {
    this.#quiet.abort();
    await this.#talking;
  }

  /** Waits for what is on its way. */
  async settle(spoken: Readonly<Record<string, number>>): Promise<void> {
    for (let before = -1; before !== this.tally.received;) {
      if (this.tally.sum(spoken).lost === 0) return;
      before = this.tally.received;
      await select({ silence: after(SILENCE_MS) });
    }
  }

  async #talk(everyMs: number): Promise<void> {
    // Not all at once: everybody begins at a moment of their own.
    let pauseMs = Math.random() * everyMs;
    for (;;) {
      const { case: next } = await select({ on: after(pauseMs), stop: this.#quiet.signal });
      if (next === 'stop') return;
      await Promise.all(Array.from({ length: BURST }, () => this.#say()));
      pauseMs = everyMs;
    }
  }

  async #say(): Promise<void> {
    const number = (this.said += 1);
    try {
      const answer = await this.#screen.session.say(String(number), `${this.nick}-${number}`);
      if ('refused' in answer) this.#fail(answer.why);
    } catch (error) {
      if (!isCallError(error)) throw error;
      this.#fail(error.message);
    }
  }

  #fail(why: string): void {
    this.failed += 1;
    this.why ??= why;
  }

  async #listen(): Promise<void> {
    for await (const event of this.#screen.events) {
      if (event.kind !== 'line' || event.line.kind !== 'said') continue;
      this.tally.hear(event.line.by.nick, Number(event.line.text));
    }
  }
}
