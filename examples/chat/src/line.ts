/** Who somebody is to the others: a name, unique in the room, and the node they came in by. */
export interface Person {
  readonly nick: string;
  readonly node: string;
}

/** Where a line stands among the room's lines. */
export interface Stamp {
  readonly number: number;
  /** Milliseconds since 1970, by the clock of the room's node. */
  readonly at: number;
}

export interface Said {
  readonly kind: 'said';
  readonly by: Person;
  readonly text: string;
  /** Chosen by the sender, to know its own line when it comes back. */
  readonly ref: string;
}

export interface Joined {
  readonly kind: 'joined';
  readonly who: Person;
  /** They were here before the room or their page lost touch. */
  readonly back: boolean;
}

export interface Left {
  readonly kind: 'left';
  readonly who: Person;
  readonly why: LeftReason;
}

export type Happening = Said | Joined | Left;

/**
 * What a room tells everybody in it, in one order for all. Numbers rise by one, so that whoever
 * listens can tell that nothing is missing; they start anew when the room starts anew.
 */
export type Line = Happening & Stamp;

/** `node-down`: the node they came in by is gone. `too-slow`: they did not read; see room.ts. */
export type LeftReason = 'left' | 'node-down' | 'too-slow' | 'failed';

/** Something the room will not do, and why, in words for the person who asked. */
export interface Refusal {
  readonly refused: 'nick-taken' | 'room-full' | 'bad-name' | 'bad-text' | 'not-here';
  readonly why: string;
}

/** Every queue and every text has a bound; these are the chat's own. */
export const LIMITS = {
  nickCharacters: 24,
  roomCharacters: 32,
  textCharacters: 1_000,
  membersPerRoom: 250,
  /** Lines that a newcomer gets to see. */
  historyLines: 50,
  /** Lines that may be on their way to one listener before the room lets it go. */
  linesAhead: 256,
} as const;

/** A name as people type it, made comparable: composed accents, single spaces. */
export function tidyNick(input: string): string {
  return input.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/** `Late Shift` becomes `late-shift`: room names are keys, and part of the page's address. */
export function tidyRoom(input: string): string {
  return input.normalize('NFC').trim().toLowerCase().replace(/\s+/gu, '-');
}

/** @returns why nobody can be called `nick`, or `undefined` when it is fine */
export function nickProblem(nick: string): Refusal | undefined {
  if (nick.length <= LIMITS.nickCharacters && /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._-]*$/u.test(nick)) {
    return undefined;
  }
  const why = `a name is 1 to ${LIMITS.nickCharacters} letters, digits, spaces, dots or dashes`;
  return { refused: 'bad-name', why };
}

/** @returns why no room can be called `room`, or `undefined` when it is fine */
export function roomProblem(room: string): Refusal | undefined {
  if (room.length <= LIMITS.roomCharacters && /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*$/u.test(room)) {
    return undefined;
  }
  const why = `a room's name is 1 to ${LIMITS.roomCharacters} letters, digits or dashes`;
  return { refused: 'bad-name', why };
}

/** @returns why `text` cannot be said, or `undefined` when it is fine */
export function textProblem(text: string): Refusal | undefined {
  if (text.trim() === '') return { refused: 'bad-text', why: 'there is nothing to say in that' };
  if (text.length <= LIMITS.textCharacters) return undefined;
  const why = `a line has at most ${LIMITS.textCharacters} characters, this one ${text.length}`;
  return { refused: 'bad-text', why };
}
