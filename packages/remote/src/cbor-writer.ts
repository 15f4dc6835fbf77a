import { isCallError, NotSerializable } from '@troupe/actor';
import { BLOCK_BYTES_MAX, type BlockPool } from './block-pool.ts';
import * as tags from './cbor-tags.ts';
import {
  type CodecLimits,
  EncodedValue,
  isForbiddenKey,
  PORT_TAG_MAX,
  type ValuePort,
} from './codec.ts';
import { circleIn, pathText, type Step } from './value-path.ts';

const BLOCK_BYTES_MIN = 4 * 1024;
/** A type with a length, or a number: the longest thing that is written in one go. */
const HEAD_BYTES_MAX = 9;
/** Up to this length it is faster to copy the characters than to call into the runtime. */
const SHORT_TEXT_CHARS = 24;
/** Up to this length room is made for the worst case, three bytes a character. */
const GUESSED_TEXT_CHARS = 4 * 1024;
const UINT32_END = 2 ** 32;
const UINT64_END = 2n ** 64n;

/** Major types (RFC 8949, §3.1), and the single bytes that are whole values. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
const TAG = 0xc0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
const FLOAT64 = 0xfb;
const ARGUMENT_64_BITS = 27;

const NO_FRAME: readonly unknown[] = Object.freeze([]);

/**
 * Checks a frame and writes it as CBOR in one pass, so each property is read once and what was
 * checked is what is sent. Writes into blocks of memory from front to back and never twice to the
 * same place: bytes handed out stay as they are, and consecutive frames lie side by side.
 */
export class CborWriter {
  readonly #limits: CodecLimits;
  readonly #pool: BlockPool;
  #block: Buffer = Buffer.alloc(0);
  /** What the block lies in, from its first byte; asking a block for it is slow. */
  #memory: ArrayBufferLike = this.#block.buffer;
  #view: DataView = new DataView(this.#memory);
  #end = 0;
  /** Where small frames go on after a large one, which has a block for itself. */
  #shared: Buffer = this.#block;
  #sharedPosition = 0;
  #nextBlockBytes = BLOCK_BYTES_MIN;
  /** Where the frame in hand begins, where it ended, and where its next byte goes. */
  #start = 0;
  #stop = 0;
  #position = 0;
  #items = 0;
  #port: ValuePort | undefined;
  #frame: readonly unknown[] = NO_FRAME;
  #fields: readonly string[] = [];
  /** How the value in hand is reached; what lies beyond its depth is left from others. */
  readonly #steps: Step[] = [];

  constructor(limits: CodecLimits, pool: BlockPool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  /** @throws {NotSerializable} */
  write(frame: readonly unknown[], port: ValuePort, fields: readonly string[]): Uint8Array {
    this.#frame = frame;
    this.#fields = fields;
    const block = this.#written(port, undefined);
    const memory = block === this.#block ? this.#memory : block.buffer;
    return new Uint8Array(memory, this.#start, this.#stop - this.#start);
  }

  /**
   * Writes what becomes an element of a frame later, at the depth that it has in a list there.
   * @throws {NotSerializable}
   */
  writeValue(value: unknown, port: ValuePort, name: string): EncodedValue {
    this.#frame = [[value]];
    this.#fields = [name];
    this.#steps[0] = this.#steps[1] = 0;
    const block = this.#written(port, { value });
    return new EncodedValue(block, this.#start, this.#stop);
  }

  /**
   * Writes the element, or the whole frame in hand.
   * @returns the block that it is in, from `#start` to `#stop`
   */
  #written(port: ValuePort, element: { readonly value: unknown } | undefined): Buffer {
    this.#port = port;
    this.#items = 1;
    this.#start = this.#position;
    try {
      if (element === undefined) this.#fieldsOf(this.#frame);
      else this.#value(element.value, 2);
      if (this.#position - this.#start > this.#limits.sequenceBytesMax) throw this.#tooLong();
    } catch (error) {
      this.#position = this.#start;
      throw isCallError(error) ? error : this.#whatReadingThrew(error);
    } finally {
      this.#port = undefined;
      this.#frame = NO_FRAME;
    }
    const block = this.#block;
    this.#stop = this.#position;
    // Small frames must not keep the memory of a large one alive: they go on where it began.
    if (block.length > BLOCK_BYTES_MAX) this.#useBlock(this.#shared, this.#sharedPosition);
    return block;
  }

  #fieldsOf(frame: readonly unknown[]): void {
    const { sequenceBytesMax } = this.#limits;
    this.#enter(frame.length, 0);
    this.#head(ARRAY, frame.length);
    for (let i = 0; i < frame.length; i += 1) {
      this.#steps[0] = i;
      this.#value(frame[i], 1);
      if (this.#position - this.#start > sequenceBytesMax) throw this.#tooLong();
    }
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#text(value, depth);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#byte(value ? TRUE : FALSE);
      case 'undefined':
        return this.#byte(UNDEFINED);
      case 'object':
        return value === null ? this.#byte(NULL) : this.#object(value, depth);
      case 'bigint':
        return this.#bigint(value, depth);
      case 'function':
        return this.#special(value, depth);
      case 'symbol':
        throw this.#refusal('symbols mean nothing on another node', depth);
    }
  }

  #object(value: object, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Array.prototype && Array.isArray(value)) {
      this.#array(value, depth);
    } else if (Symbol.asyncIterator in value) {
      this.#special(value, depth); // A stream, though it be written as an object literal.
    } else if (prototype === Object.prototype || prototype === null) {
      this.#record(value as Readonly<Record<string, unknown>>, depth);
    } else if (value instanceof EncodedValue) {
      this.#encoded(value, depth);
    } else if (!this.#builtin(value, prototype, depth)) {
      this.#special(value, depth);
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    const { length } = items;
    this.#enter(length, depth);
    this.#head(ARRAY, length);
    for (let i = 0; i < length; i += 1) {
      this.#steps[depth] = i;
      this.#value(items[i], depth + 1);
    }
  }

  #record(record: Readonly<Record<string, unknown>>, depth: number): void {
    const keys = Object.keys(record);
    this.#enter(2 * keys.length, depth);
    this.#head(MAP, keys.length);
    for (const key of keys) {
      this.#steps[depth] = key;
      if (isForbiddenKey(key)) {
        throw this.#refusal(`no property may be called '${key}'`, depth + 1);
      }
      this.#text(key, depth + 1);
      const value = record[key];
      if (key === 'then' && typeof value === 'function') {
        throw this.#refusal('whoever awaits it would call the function', depth + 1);
      }
      this.#value(value, depth + 1);
    }
  }

  /** @returns false when `value` is none of the language's own kinds of data */
  #builtin(value: object, prototype: unknown, depth: number): boolean {
    if (prototype === Uint8Array.prototype) {
      this.#bytes(value as Uint8Array, depth);
    } else if (prototype === Buffer.prototype) {
      this.#tag(tags.TAG_BUFFER, depth);
      this.#bytes(value as Buffer, depth);
    } else if (prototype === Date.prototype) {
      this.#tag(tags.TAG_DATE, depth);
      this.#number((value as Date).getTime());
    } else if (prototype === Map.prototype) {
      this.#entries([...(value as Map<unknown, unknown>)].flat(), depth, tags.TAG_MAP);
    } else if (prototype === Set.prototype) {
      this.#entries([...(value as Set<unknown>)], depth, tags.TAG_SET);
    } else if (prototype === ArrayBuffer.prototype) {
      this.#tag(tags.TAG_ARRAY_BUFFER, depth);
      this.#bytes(new Uint8Array(value as ArrayBuffer), depth);
    } else {
      const kind = tags.TYPED_ARRAYS.findIndex((each) => each.prototype === prototype);
      if (kind === -1) return false;
      const { buffer, byteOffset, byteLength } = value as NodeJS.TypedArray;
      this.#tag(tags.TAG_TYPED_ARRAY + kind, depth);
      this.#bytes(new Uint8Array(buffer, byteOffset, byteLength), depth);
    }
    return true;
  }

  /** A Map's keys and values in turn, or a Set's values; taken before, as hooks may add some. */
  #entries(list: readonly unknown[], depth: number, tag: number): void {
    this.#tag(tag, depth);
    this.#enter(list.length, depth + 1);
    this.#head(ARRAY, list.length);
    this.#steps[depth] = null;
    for (let i = 0; i < list.length; i += 1) {
      this.#steps[depth + 1] =
        tag === tags.TAG_SET
          ? { list: 'values', index: i }
          : { list: i % 2 === 0 ? 'keys' : 'values', index: i >> 1 };
      this.#value(list[i], depth + 2);
    }
  }

  #special(value: object, depth: number): void {
    const special = this.#port?.dehydrate(value);
    if (special === undefined) throw this.#refusal(issueWith(value), depth);
    const { tag, content } = special;
    if (!Number.isInteger(tag) || tag < 0 || tag > PORT_TAG_MAX) {
      throw new RangeError(`BUG: the tag of a special value is ${tag}, not 0 … ${PORT_TAG_MAX}`);
    }
    this.#tag(tags.TAG_PORT + tag, depth);
    this.#steps[depth] = undefined;
    this.#value(content, depth + 1);
  }

  #tag(tag: number, depth: number): void {
    this.#enter(1, depth);
    this.#head(TAG, tag);
  }

  /** Begins something that holds `items` values, within `depth` others. */
  #enter(items: number, depth: number): void {
    const { depthMax, itemsMax } = this.#limits;
    if (depth >= depthMax) {
      const circle = circleIn(this.#frame, this.#steps.slice(0, depth));
      throw this.#refusal(
        circle !== undefined
          ? 'it contains itself; send a tree, or ids that stand for what repeats'
          : `it lies more than ${depthMax} levels deep`,
        circle ?? depth,
      );
    }
    this.#items += items;
    if (this.#items > itemsMax) {
      throw this.#refusal(`with it the message holds more than ${itemsMax} values`, depth);
    }
  }

  #text(text: string, depth: number): void {
    const { length } = text;
    if (length < SHORT_TEXT_CHARS) {
      this.#room(HEAD_BYTES_MAX + 3 * length, depth);
      if (this.#shortAscii(text)) return;
    }
    const guess = length > GUESSED_TEXT_CHARS ? Buffer.byteLength(text) : 3 * length;
    this.#room(HEAD_BYTES_MAX + guess, depth);
    // The length in bytes is known only afterwards, so guess how many bytes it takes to tell it.
    const guessedHead = headBytes(length);
    const bytes = this.#block.write(text, this.#position + guessedHead, 'utf8');
    const head = headBytes(bytes);
    if (head !== guessedHead) {
      const from = this.#position + guessedHead;
      this.#block.copyWithin(this.#position + head, from, from + bytes);
    }
    this.#head(TEXT, bytes);
    this.#position += bytes;
  }

  /** @returns false, with nothing written, when `text` holds more than ASCII */
  #shortAscii(text: string): boolean {
    const block = this.#block;
    const { length } = text;
    let position = this.#position + 1;
    for (let i = 0; i < length; i += 1) {
      const char = text.charCodeAt(i);
      if (char > 0x7f) return false;
      block[position] = char;
      position += 1;
    }
    block[this.#position] = TEXT | length;
    this.#position = position;
    return true;
  }

  #encoded({ block, start, end }: EncodedValue, depth: number): void {
    const length = end - start;
    this.#room(length, depth);
    if (length < SHORT_TEXT_CHARS) {
      for (let i = 0; i < length; i += 1) this.#block[this.#position + i] = block[start + i] ?? 0;
    } else this.#block.set(block.subarray(start, end), this.#position);
    this.#position += length;
  }

  #bytes(bytes: Uint8Array, depth: number): void {
    this.#room(HEAD_BYTES_MAX + bytes.length, depth);
    this.#head(BYTES, bytes.length);
    this.#block.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  #number(value: number): void {
    if (value >>> 0 === value && (value !== 0 || 1 / value > 0)) {
      this.#head(UNSIGNED, value);
    } else if (value < 0 && value >= -UINT32_END && Number.isInteger(value)) {
      this.#head(NEGATIVE, -1 - value);
    } else {
      this.#room(HEAD_BYTES_MAX);
      this.#block[this.#position] = FLOAT64;
      this.#view.setFloat64(this.#position + 1, value);
      this.#position += 9;
    }
  }

  /** Eight bytes even when fewer would do: that is how a bigint differs from a number. */
  #bigint(value: bigint, depth: number): void {
    const isNegative = value < 0n;
    const magnitude = isNegative ? -1n - value : value;
    if (magnitude < UINT64_END) {
      this.#room(HEAD_BYTES_MAX);
      this.#block[this.#position] = (isNegative ? NEGATIVE : UNSIGNED) | ARGUMENT_64_BITS;
      this.#view.setBigUint64(this.#position + 1, magnitude);
      this.#position += 9;
      return;
    }
    const hex = magnitude.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    const { bigintBytesMax } = this.#limits;
    if (bytes.length > bigintBytesMax) {
      throw this.#refusal(`a bigint may have ${bigintBytesMax} bytes, not ${bytes.length}`, depth);
    }
    this.#tag(isNegative ? tags.TAG_BIGINT_NEGATIVE : tags.TAG_BIGINT_POSITIVE, depth);
    this.#bytes(bytes, depth);
  }

  /** A type and its argument of at most 32 bits (RFC 8949, §3). */
  #head(type: number, argument: number): void {
    this.#room(HEAD_BYTES_MAX);
    const block = this.#block;
    const at = this.#position;
    if (argument < 24) {
      block[at] = type | argument;
      this.#position = at + 1;
    } else if (argument < 0x100) {
      block[at] = type | 24;
      block[at + 1] = argument;
      this.#position = at + 2;
    } else if (argument < 0x10000) {
      block[at] = type | 25;
      block[at + 1] = argument >> 8;
      block[at + 2] = argument;
      this.#position = at + 3;
    } else {
      block[at] = type | 26;
      this.#view.setUint32(at + 1, argument);
      this.#position = at + 5;
    }
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#block[this.#position] = byte;
    this.#position += 1;
  }

  /** Sees to it that `bytes` more can be written side by side with the frame so far. */
  #room(bytes: number, depth?: number): void {
    if (this.#position + bytes > this.#end) this.#moveToNewBlock(bytes, depth);
  }

  #moveToNewBlock(bytes: number, depth: number | undefined): void {
    const written = this.#position - this.#start;
    // The exact count follows at the end of each field; this one keeps memory within bounds.
    const bytesMax = this.#limits.sequenceBytesMax + HEAD_BYTES_MAX + 3 * GUESSED_TEXT_CHARS;
    if (written + bytes > bytesMax) throw this.#tooLong(depth);
    const from = this.#block;
    const start = this.#start;
    if (from.length <= BLOCK_BYTES_MAX) {
      this.#shared = from;
      this.#sharedPosition = start;
    }
    const capacity = Math.max(this.#nextBlockBytes, 2 * written + bytes);
    this.#nextBlockBytes = Math.min(2 * this.#nextBlockBytes, BLOCK_BYTES_MAX);
    // The old block stays with whoever was given frames in it.
    this.#useBlock(this.#pool.take(capacity, this.#port ?? this), 0);
    from.copy(this.#block, 0, start, start + written);
    this.#start = 0;
    this.#position = written;
  }

  #useBlock(block: Buffer, position: number): void {
    this.#block = block;
    this.#memory = block.buffer;
    this.#view = new DataView(this.#memory, block.byteOffset, block.length);
    this.#end = block.length;
    this.#position = position;
  }

  #tooLong(depth?: number): NotSerializable {
    const { sequenceBytesMax } = this.#limits;
    const issue = `with it the message takes more than ${sequenceBytesMax} bytes`;
    return this.#refusal(`${issue}; send a stream, which goes in pieces, or less`, depth);
  }

  #refusal(issue: string, depth = 1): NotSerializable {
    return new NotSerializable(pathText(this.#steps.slice(0, depth), this.#fields), issue);
  }

  /** A getter, a proxy or the port threw: the place is known only as far as the frame's field. */
  #whatReadingThrew(cause: unknown): NotSerializable {
    const path = pathText(this.#steps.slice(0, 1), this.#fields);
    const issue =
      cause instanceof Error ? `reading it threw '${cause.message}'` : 'reading it threw';
    return new NotSerializable(path, issue, 'no', { cause });
  }
}

function headBytes(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  return argument < 0x10000 ? 3 : 5;
}

function issueWith(value: object): string {
  if (typeof value === 'function') {
    return 'functions stay on their node; send a reference to an actor, or an end of a channel';
  }
  if (value instanceof AbortSignal) {
    return 'signals do not cross here; give the call one of its own, ref.with({ signal })';
  }
  const maker: unknown = Reflect.get(value, 'constructor');
  const name = typeof maker === 'function' && maker.name !== '' ? maker.name : 'unnamed class';
  return `it is a ${name}, not plain data; send a plain object with what it holds`;
}
