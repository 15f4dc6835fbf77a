import {
  type ActorRef,
  after,
  channel,
  type EntityRef,
  isCallError,
  type Node,
  type Receiver,
  select,
  type Sender,
} from 'troupe';
import { Board, BOARD_KEY, type Card, roomsOn } from './board.ts';
import { Room } from './room.ts';
import type { ClusterView, RoomsView, ScreenEvent } from './screen.ts';
import { Session } from './session.ts';

/** Events that may wait for one screen; a room's lines wait in the room's own channel. */
const EVENTS_AHEAD = 64;
const REFRESH_MS = 1_000;
const BOARD_TIMEOUT_MS = 900;

/** Somebody who looks: their session takes what they do, `events` is what they see. */
export interface Screen {
  readonly session: ActorRef<Session>;
  readonly events: Receiver<ScreenEvent>;
  close(): Promise<void>;
}

interface Open {
  readonly session: ActorRef<Session>;
  readonly events: Sender<ScreenEvent>;
  cluster: ClusterView | undefined;
  rooms: RoomsView | undefined;
}

/** The people who came in by this node, and what all of them see: the nodes and the rooms. */
export class Screens {
  readonly #node: Node;
  /** Of this node's page; undefined for a terminal. */
  readonly #web: string | undefined;
  readonly #board: EntityRef<Board>;
  readonly #open = new Set<Open>();
  #cards: readonly Card[] = [];
  #cluster: ClusterView = { kind: 'cluster', nodes: [] };
  #rooms: RoomsView = { kind: 'rooms', rooms: [] };

  constructor(node: Node, web?: string) {
    this.#node = node;
    this.#web = web;
    this.#board = node.entity(Board, BOARD_KEY);
    node.go(({ signal }) => this.#watchMembers(signal));
    node.go(({ signal }) => this.#watchBoard(signal));
  }

  get size(): number {
    return this.#open.size;
  }

  open(): Screen {
    const events = channel<ScreenEvent>(EVENTS_AHEAD);
    const session = this.#node.spawn(Session, {
      node: this.#node.name,
      room: (name) => this.#node.entity(Room, name),
      screen: events.sender,
    });
    const open: Open = { session, events: events.sender, cluster: undefined, rooms: undefined };
    this.#open.add(open);
    this.#show(open);
    return {
      session,
      events: events.receiver,
      close: async () => {
        this.#open.delete(open);
        events.tryClose();
        await this.#node.stopActor(session);
      },
    };
  }

  /** The last word to everybody. */
  bye(): void {
    for (const { events } of this.#open) events.trySend({ kind: 'bye' });
  }

  async #watchMembers(signal: AbortSignal): Promise<void> {
    for await (const _ of this.#node.watchMembers(signal)) this.#refresh();
  }

  async #watchBoard(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const card = await this.#card();
        this.#cards = await this.#board.with({ timeoutMs: BOARD_TIMEOUT_MS, signal }).post(card);
        this.#refresh();
      } catch (error) {
        // The board is on its way to another node: until it is there, the last cards will do.
        if (!isCallError(error)) throw error;
      }
      await select({ pause: after(REFRESH_MS), stop: signal });
    }
  }

  async #card(): Promise<Card> {
    const views = await Promise.all([...this.#open].map(({ session }) => viewOf(session)));
    const rooms = new Map(views.flatMap((view) => (view === undefined ? [] : [[view.name, view]])));
    const card = { node: this.#node.name, rooms: [...rooms.values()] };
    return this.#web === undefined ? card : { ...card, web: this.#web };
  }

  #refresh(): void {
    const pages = new Map(this.#cards.map((card) => [card.node, card.web]));
    const nodes = this.#node.members().map(({ name, state, meta }) => {
      const web = pages.get(name);
      const view = { name, state, hosts: meta.kinds.includes('room') };
      return web === undefined ? view : { ...view, web };
    });
    this.#cluster = latest(this.#cluster, { kind: 'cluster', nodes });
    this.#rooms = latest(this.#rooms, { kind: 'rooms', rooms: roomsOn(this.#cards) });
    for (const open of this.#open) this.#show(open);
  }

  /** Each view is the whole picture, so one that finds no room is made good by the next. */
  #show(open: Open): void {
    if (open.cluster !== this.#cluster && open.events.trySend(this.#cluster) === 'sent') {
      open.cluster = this.#cluster;
    }
    if (open.rooms !== this.#rooms && open.events.trySend(this.#rooms) === 'sent') {
      open.rooms = this.#rooms;
    }
  }
}

async function viewOf(session: ActorRef<Session>): ReturnType<typeof session.view> {
  try {
    return await session.with({ timeoutMs: BOARD_TIMEOUT_MS }).view();
  } catch (error) {
    if (isCallError(error)) return undefined; // Busy saying something, or on its way out.
    throw error;
  }
}

/** The old one as long as it says the same, so that only changes are shown. */
function latest<View extends object>(old: View, now: View): View {
  return JSON.stringify(old) === JSON.stringify(now) ? old : now;
}
