import { BadFrame } from './bad-frame.ts';

// Every frame is an array that begins with its type. The numbers are the wire's; see DESIGN.md.
export const PING = 2;
export const PONG = 3;
export const GOAWAY = 4;
export const LEAVE = 5;
export const LEFT = 6;
export const CALL = 8;
export const CAST = 9;
export const RESULT = 10;
export const FAIL = 11;
export const CANCEL = 12;
export const STOP = 13;
export const OPEN = 16;
export const ITEMS = 17;
export const CREDIT = 18;
export const END = 19;
export const RETURN = 20;
export const FORGET = 21;
export const WATCH = 24;
export const DOWN = 25;
export const UNWATCH = 26;
export const INVOKE = 32;
export const PIPE = 33;
export const PULL = 34;
export const HALT = 35;
export const ITEM = 36;
export const FINISH = 37;
export const RELEASE = 38;
export const ABORT = 39;
export const PROBE = 40;
export const BREAK = 41;
export const METHOD = 42;
export const ENTITY = 43;
// 27 … 31 and 48 … 63 are kept for sessions and channels, 32 … 47 for calls and their streams.
// From 64 on are frames that can be done without: who does not know one leaves it alone.

/**
 * An actor by the id its node gave it, a service by its name, or an entity by kind and key; below
 * zero, by a number that was given to kind and key.
 */
export type Target = number | string | EntityTarget;

/** `hops`: how often the message was passed on already. */
export type EntityTarget = readonly [kind: string, key: string, hops: number];

/** Reads the fields of one frame in order; a field of another shape ends the session. */
export class FrameReader {
  /** How long it was on the wire. */
  readonly bytes: number;
  readonly #frame: readonly unknown[];
  #next = 1;

  constructor(frame: readonly unknown[], bytes: number = 0) {
    this.#frame = frame;
    this.bytes = bytes;
  }

  get type(): unknown {
    return this.#frame[0];
  }

  /** A whole number that is exact in a double. */
  number(): number {
    const value = this.any();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#bad('a whole number');
  }

  /** At most `charsMax` characters: names travel in frames, texts in values. */
  text(charsMax = 1_024): string {
    const value = this.any();
    if (typeof value === 'string' && value.length <= charsMax) return value;
    throw this.#bad(`a string of at most ${charsMax} characters`);
  }

  /** The name of a method, or a number that was given to one. */
  name(): string | number {
    const value = this.any();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    if (typeof value === 'string' && value.length <= 1_024) return value;
    throw this.#bad('a name or its number');
  }

  list(): readonly unknown[] {
    const value = this.any();
    if (Array.isArray(value)) return value;
    throw this.#bad('an array');
  }

  target(): Target {
    const value = this.any();
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    if (typeof value === 'string' && value.length <= 256) return value;
    if (isEntityTarget(value)) return value;
    throw this.#bad('a target');
  }

  any(): unknown {
    const value = this.#frame[this.#next];
    this.#next += 1;
    return value;
  }

  #bad(wanted: string): BadFrame {
    return new BadFrame(
      `field ${this.#next - 1} of frame type ${String(this.type)} is not ${wanted}`,
    );
  }
}

function isEntityTarget(value: unknown): value is EntityTarget {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [kind, key, hops] = value as unknown[];
  return (
    typeof kind === 'string' &&
    kind.length <= 64 &&
    typeof key === 'string' &&
    key.length <= 1_024 &&
    Number.isSafeInteger(hops)
  );
}
