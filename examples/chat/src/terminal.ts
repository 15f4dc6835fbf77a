import { randomUUID } from 'node:crypto';
import { createInterface, type Interface } from 'node:readline';
import { executedOf, go, type Log, type Node, processEnv, startNode } from 'troupe';
import type { LeftReason, Line } from './line.ts';
import { Room } from './room.ts';
import type { ScreenEvent } from './screen.ts';
import { type Screen, Screens } from './screens.ts';
import { SeatLost } from './seat-lost.ts';

export interface TerminalOptions {
  readonly nick: string;
  readonly room: string;
  /** Cluster address of any node. */
  readonly node: string;
}

/** Between two attempts to say what certainly was not said. */
const SAY_AGAIN_MS = 300;
const SAY_ATTEMPTS_MAX = 20;

/**
 * Joins the cluster as a node that hosts nothing: this process has a session like any web page,
 * only that its screen is a terminal.
 * @returns the exit code
 */
export async function chat({ nick, room, node: address }: TerminalOptions): Promise<number> {
  const node = await join(address);
  if (node === undefined) return 1;
  const screens = new Screens(node);
  const screen = screens.open();
  const person = new Person(screen, nick);
  const shown = go(() => person.show());
  try {
    if (!(await person.enter(room))) return 1;
    await person.talk();
    return 0;
  } finally {
    await screen.close();
    await shown;
    await node.stop();
  }
}

async function join(address: string): Promise<Node | undefined> {
  try {
    const node = await startNode({
      name: `terminal-${process.pid}`,
      join: [address],
      actors: [],
      errors: [SeatLost],
      env: processEnv({ log: silent }),
    });
    if (node.ownerOf(Room, 'lobby') !== undefined) return node;
    await node.stop();
    console.error(`No node of the chat answers at ${address}. Is it running? See npm start.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
  }
  return undefined;
}

/** What there is to know of nodes that come and go, the room's lines say. */
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

class Person {
  readonly #screen: Screen;
  readonly #id = randomUUID();
  readonly #nick: string;
  #here: string[] = [];

  constructor(screen: Screen, nick: string) {
    this.#screen = screen;
    this.#nick = nick;
  }

  async enter(room: string): Promise<boolean> {
    try {
      const refusal = await this.#screen.session.enter(room, this.#nick, this.#id);
      if (refusal === undefined) return true;
      console.error(`Not let in: ${refusal.why}.`);
    } catch (error) {
      console.error(`Not let in: ${error instanceof Error ? error.message : String(error)}`);
    }
    return false;
  }

  /** Takes what is typed until it ends, one line after the other. */
  async talk(): Promise<void> {
    const input = createInterface({ input: process.stdin });
    process.once('SIGINT', () => input.close());
    process.once('SIGTERM', () => input.close());
    for await (const typed of input) {
      // The room's own line takes the place of the one that was typed.
      if (process.stdin.isTTY && process.stdout.isTTY) process.stdout.write('\x1b[1A\x1b[2K');
      const [command = '', ...rest] = typed.trim().split(/\s+/);
      if (command === '') continue;
      if (command === '/quit') break;
      if (command === '/who') console.log(`* here: ${this.#here.join(', ')}`);
      else if (command === '/room') await this.enter(rest.join(' '));
      else if (command.startsWith('/')) console.log('* /room NAME, /who, /quit');
      else await this.#say(typed.trim());
    }
    closeInput(input);
  }

  /** What certainly was not said is said again; what may have been said is left to the person. */
  async #say(text: string): Promise<void> {
    const ref = randomUUID();
    for (let attempt = 1; attempt <= SAY_ATTEMPTS_MAX; attempt += 1) {
      try {
        const answer = await this.#screen.session.say(text, ref);
        if (!('refused' in answer)) return;
        if (answer.refused !== 'not-here') {
          console.log(`* not said: ${answer.why}`);
          return;
        }
      } catch (error) {
        if (executedOf(error) !== 'no') {
          console.log(`* perhaps not said: ${error instanceof Error ? error.message : 'why?'}`);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, SAY_AGAIN_MS));
    }
    console.log(`* not said: the room cannot be reached`);
  }

  /** A goroutine: prints what is to be seen, until the screen is closed. */
  async show(): Promise<void> {
    for await (const event of this.#screen.events) {
      for (const words of this.#wordsFor(event)) console.log(words);
    }
  }

  #wordsFor(event: ScreenEvent): string[] {
    switch (event.kind) {
      case 'welcome': {
        const { room, home, people, history, movedFrom } = event;
        this.#here = people.map((person) => person.nick);
        const words = history.map(wordsFor);
        if (movedFrom !== undefined) return [...words, `* ${room} now lives on node ${home}`];
        return [...words, `* ${room}, on node ${home}, with ${this.#here.join(', ')}`];
      }
      case 'line':
        return this.#wordsForLine(event.line);
      case 'lost':
        return [`* node ${event.home} does not answer; looking for ${event.room} elsewhere`];
      case 'out':
        return [`* out of ${event.room}: ${event.why}`];
      case 'hello':
      case 'cluster':
      case 'rooms':
      case 'bye':
        return [];
    }
  }

  #wordsForLine(line: Line): string[] {
    if (line.kind === 'joined' && !this.#here.includes(line.who.nick)) {
      this.#here.push(line.who.nick);
      return [wordsFor(line)];
    }
    if (line.kind === 'joined') return [];
    if (line.kind === 'left') this.#here = this.#here.filter((nick) => nick !== line.who.nick);
    return [wordsFor(line)];
  }
}

const WHY_LEFT: Record<LeftReason, string> = {
  left: 'left',
  'node-down': 'is gone with their node',
  'too-slow': 'could not keep up',
  failed: 'dropped out',
};

function wordsFor(line: Line): string {
  const at = new Date(line.at).toTimeString().slice(0, 5);
  if (line.kind === 'said') return `${at} ${line.by.nick}: ${line.text}`;
  if (line.kind === 'joined') return `${at} * ${line.who.nick} came in`;
  return `${at} * ${line.who.nick} ${WHY_LEFT[line.why]}`;
}

/** Also lets go of stdin, or a terminal would keep the process alive. */
function closeInput(input: Interface): void {
  input.close();
  process.stdin.unref();
}
