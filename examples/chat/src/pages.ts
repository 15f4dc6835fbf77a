import { randomUUID } from 'node:crypto';
import { executedOf, type Node } from 'troupe';
import type { EventStream } from './event-stream.ts';
import type { Refusal, Stamp } from './line.ts';
import type { Screen, Screens } from './screens.ts';
import type { Answer, Fields, Routes } from './web-server.ts';

const FIELD_CHARS_MAX = 4_000;

/** What the page asks for, put to the session behind it. Knows no HTTP. */
export class Pages implements Routes {
  readonly #node: Node;
  readonly #screens: Screens;
  readonly #tabs = new Map<string, Screen>();
  readonly actions: Routes['actions'] = new Map([
    ['enter', (fields) => this.#enter(fields)],
    ['leave', (fields) => this.#leave(fields)],
    ['say', (fields) => this.#say(fields)],
  ]);

  constructor(node: Node, screens: Screens) {
    this.#node = node;
    this.#screens = screens;
  }

  readonly status = (): Fields => ({
    node: this.#node.name,
    address: this.#node.address,
    members: this.#node.members().map(({ name, state }) => ({ name, state })),
    screens: this.#screens.size,
  });

  readonly open = (stream: EventStream): void => {
    const tab = randomUUID();
    const screen = this.#screens.open();
    this.#tabs.set(tab, screen);
    const close = (): void => {
      this.#tabs.delete(tab);
      void screen.close();
    };
    stream.ended.addEventListener('abort', close, { once: true });
    this.#node.go(async () => {
      try {
        await stream.send({ kind: 'hello', node: this.#node.name, tab });
        for await (const event of screen.events) await stream.send(event);
        stream.end();
      } catch (error) {
        if (!stream.ended.aborted) throw error;
      }
    });
  };

  #enter(fields: Fields): Promise<Answer> {
    return this.#answer(fields, ({ session }) =>
      session.enter(text(fields, 'room'), text(fields, 'nick'), text(fields, 'id')),
    );
  }

  #leave(fields: Fields): Promise<Answer> {
    return this.#answer(fields, async ({ session }) => {
      await session.leave();
      return undefined;
    });
  }

  #say(fields: Fields): Promise<Answer> {
    return this.#answer(fields, ({ session }) =>
      session.say(text(fields, 'text'), text(fields, 'ref')),
    );
  }

  async #answer(
    fields: Fields,
    ask: (screen: Screen) => Promise<Refusal | Stamp | undefined>,
  ): Promise<Answer> {
    const screen = this.#tabs.get(text(fields, 'tab'));
    if (screen === undefined) {
      return { ok: false, executed: 'no', why: 'this page is not connected' };
    }
    try {
      const result = await ask(screen);
      if (result === undefined || !('refused' in result)) return { ok: true };
      const { refused, why } = result;
      // A room that just moved is about to know its people again.
      if (refused === 'not-here') return { ok: false, executed: 'no', why };
      return { ok: false, executed: 'no', refused, why };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { ok: false, executed: executedOf(error), why };
    }
  }
}

/** An absent field is an empty one; whoever gets it says what is wrong with that. */
function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value.slice(0, FIELD_CHARS_MAX) : '';
}
