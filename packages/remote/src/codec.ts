/** Turns frames into bytes and back. Keeps nothing between calls but memory to write into. */
export interface Codec {
  /**
   * Encodes one frame, a plain array `[type, …]`. The bytes never change afterwards, however long
   * somebody holds them; but they may lie in a larger block that they keep alive, so copy what is
   * kept for long. `port.dehydrate` may run before the frame turns out not to be sendable.
   * @param fields what the elements of the frame are called when one of them cannot be sent
   * @throws {NotSerializable} naming the place in the frame, for example `args[0].lines[3]`
   */
  encode(frame: readonly unknown[], port: ValuePort, fields?: readonly string[]): Uint8Array;
  /**
   * Encodes one value at this moment, to be an element of a frame later.
   * @param name what the value is called when it cannot be sent
   * @throws {NotSerializable}
   */
  encodeValue(value: unknown, port: ValuePort, name: string): EncodedValue;
  /** Element `index` of a frame, as `encode` gave it, to be an element of another. */
  elementOf(frame: Uint8Array, index: number): EncodedValue;
  /**
   * Nobody reads the bytes of `frame`, as `encode` gave them for `port`, any more, or so the other
   * side says: they may change now, to what is encoded for that port.
   */
  release(frame: Uint8Array, port: ValuePort): void;
  /**
   * Decodes frames that follow one another. All bytes are checked before anything is built and
   * before `port.hydrate` runs; what is built shares no memory with `bytes`, unless a byte string
   * may stay there.
   * @throws {BadBytes} on anything hostile or malformed, and whatever `port.hydrate` throws
   */
  decodeSequence(bytes: Uint8Array, port: ValuePort, options?: DecodeOptions): unknown[][];
}

export interface DecodeOptions {
  /** Is given the place where each frame ends. */
  readonly ends?: number[];
  /**
   * Nothing else lies in the memory of the bytes, and nobody else has it: a byte string that is
   * most of them stays where it is. Called when one does, before anything is built.
   */
  readonly keep?: (() => void) | undefined;
}

/** One value that was encoded before, by the codec of the frame that it is put in. */
export class EncodedValue {
  /** Its bytes lie in here, and never change. */
  readonly block: Uint8Array;
  readonly start: number;
  readonly end: number;

  constructor(block: Uint8Array, start: number, end: number) {
    this.block = block;
    this.start = start;
    this.end = end;
  }
}

/** How values that are more than data (references, channel ends, errors) cross. */
export interface ValuePort {
  /**
   * Sees every object that is no plain data, and every function.
   * @returns a number in 0 … 31 that says what it is, and content that describes it; or undefined
   *   when the value is nothing special
   */
  dehydrate(value: object): { readonly tag: number; readonly content: unknown } | undefined;
  /** Builds a value of what the peer claims: check `content`, and throw what ends the session. */
  hydrate(tag: number, content: unknown): unknown;
}

/** The largest tag of a `ValuePort`. */
export const PORT_TAG_MAX = 31;

/** What one frame, or one sequence of frames, may be. Both sides of a session use the same. */
export interface CodecLimits {
  /** Arrays, objects and the like within one another; the frame itself is the first. */
  readonly depthMax: number;
  /** Values of any kind, keys of objects included. */
  readonly itemsMax: number;
  /** Bytes of one bigint. */
  readonly bigintBytesMax: number;
  /** Bytes of one sequence, and so of one frame. */
  readonly sequenceBytesMax: number;
}

export const DEFAULT_CODEC_LIMITS: CodecLimits = {
  depthMax: 256,
  // A sequence of one mebibyte can never exceed it, whatever it holds.
  itemsMax: 1024 * 1024,
  bigintBytesMax: 1024,
  sequenceBytesMax: 16 * 1024 * 1024,
};

/** Bytes that no honest peer sends. Whoever sent them is not worth talking to any longer. */
export class BadBytes extends Error {
  override readonly name = 'BadBytes';
  readonly code = 'ERR_BAD_BYTES';
  constructor(
    readonly issue: string,
    /** Where in the bytes, if that is known. */
    readonly offset?: number,
    options?: ErrorOptions,
  ) {
    super(offset === undefined ? issue : `${issue}, at byte ${offset}`, options);
  }
}

/** Whoever copies such a property by assignment changes a prototype, or what seems the class. */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}
