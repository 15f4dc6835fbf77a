import { Actor, actor, rpc } from 'troupe';
import type { RoomView } from './screen.ts';

/** What one node tells the others of itself: where its page is, and which rooms it knows of. */
export interface Card {
  readonly node: string;
  /** Absent for a terminal. */
  readonly web?: string;
  readonly rooms: readonly RoomView[];
}

/** There is one board in a cluster, under this key. */
export const BOARD_KEY = 'main';
/** A card that was not put up again for so long is taken down. */
const CARD_MS = 8_000;
const CARDS_MAX = 1_000;

/**
 * The cluster's notice board: an entity of one key. It keeps nothing that its readers do not put up
 * again every second or so, so it may begin anew on another node at any time.
 */
@actor({ kind: 'board' })
export class Board extends Actor {
  readonly #cards = new Map<string, { readonly card: Card; readonly at: number }>();

  /** Puts a node's card up, in place of its last one. @returns all cards */
  @rpc post(card: Card): readonly Card[] {
    const now = Date.now();
    this.#cards.delete(card.node); // To the end: cards stand in the order they were put up.
    this.#cards.set(card.node, { card, at: now });
    for (const [node, { at }] of this.#cards) {
      if (now - at < CARD_MS && this.#cards.size <= CARDS_MAX) break;
      this.#cards.delete(node);
    }
    return [...this.#cards.values()].map((entry) => entry.card);
  }
}

/** What the cards say of the rooms; where they differ, the later card is right. */
export function roomsOn(cards: readonly Card[]): readonly RoomView[] {
  const rooms = new Map<string, RoomView>();
  for (const room of cards.flatMap((card) => card.rooms)) rooms.set(room.name, room);
  return [...rooms.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
