import type { CodecLimits } from './codec.ts';

/**
 * Versions of what outsiders and nodes speak. The first knew neither channels nor streams; up to
 * the second, no reference was given back, and nodes took neither errors nor reasons of an abort;
 * up to the third, no functions were given.
 */
export const OUTSIDER_VERSION = 4;
export const OUTSIDER_VERSION_4 = 4;
export const OUTSIDER_VERSION_3 = 3;
export const OUTSIDER_VERSION_2 = 2;
export const OUTSIDER_VERSION_MIN = 1;

// One frame a message. The numbers are the wire's; see DESIGN.md.
export const HELLO = 0;
export const WELCOME = 1;
export const CALL = 2;
export const CAST = 3;
export const CANCEL = 4;
export const RESULT = 5;
export const FAIL = 6;
export const PING = 7;
export const PONG = 8;
export const REFUSED = 9;
export const OPEN = 10;
export const ITEMS = 11;
export const CREDIT = 12;
export const END = 13;
export const RETURN = 14;
export const PULL = 15;
export const HALT = 16;
export const ITEM = 17;
export const FINISH = 18;
export const WATCH = 19;
export const DOWN = 20;
export const UNWATCH = 21;
export const RELEASE = 22;
export const INVOKE = 23;
export const ANSWER = 24;
export const GIVE_BACK = 25;

/** Tags of what is more than data: what one side has given the other, and errors. */
export const REFERENCE = 0;
export const ERROR = 1;
export const CHANNEL_END = 2;
export const STREAM = 3;
export const FUNCTION = 4;

export const TOKEN_CHARS_MAX = 8_192;
/** Calls of one outsider that wait for their outcome. */
export const OUTSIDER_CALLS_MAX = 256;
/** Ends of channels, functions, streams and monitors, each, that one side may have of the other. */
export const OUTSIDER_ENDS_MAX = 256;
export const OUTSIDER_FUNCTIONS_MAX = 256;
export const OUTSIDER_STREAMS_MAX = 64;
export const OUTSIDER_MONITORS_MAX = 256;
/** Who can wait, waits while more than this is to be sent. */
export const OUTSIDER_ROOM_BYTES: number = 256 * 1024;
/** Calls that one may take back between two pings. */
export const OUTSIDER_CANCELS_MAX = 1_024;
/** Calls that may run out of their time, while their methods run, between two pings. */
export const OUTSIDER_OVERDUE_MAX = 1_024;
/** How long a token may be looked at. */
export const HELLO_TIMEOUT_MS = 5_000;
/** The longest that a node gives a client's call. */
export const TIMEOUT_MS_MAX = 60_000;
/** A sign of life is asked for so often, and three times in vain. */
export const PING_MS = 15_000;
export const LOST_MS: number = 3 * PING_MS;

/** Tighter than between nodes: a page sends forms, not data sets. */
export const OUTSIDER_LIMITS: CodecLimits = {
  depthMax: 32,
  itemsMax: 65_536,
  bigintBytesMax: 64,
  sequenceBytesMax: 1024 * 1024,
};

/** @returns the first version that knows of what is lent like `value` */
export function versionOf(value: object): number {
  return typeof value === 'function' ? OUTSIDER_VERSION_4 : OUTSIDER_VERSION_2;
}

/** What an outsider calls: an entity by kind and key, or an actor by what the node called it. */
export type OutsiderTarget = readonly [kind: string, key: string] | number;

export function isOutsiderTarget(value: unknown): value is OutsiderTarget {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (!Array.isArray(value) || value.length !== 2) return false;
  return value.every((part) => typeof part === 'string' && part.length <= 512);
}
