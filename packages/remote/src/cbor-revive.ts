import { Tag } from 'cbor-x';
import * as tags from './cbor-tags.ts';
import { BadBytes, type CodecLimits, type ValuePort } from './codec.ts';

/**
 * Puts what the tags stand for in their place. `value` comes from a decoder whose input the scanner
 * has seen, so it is no deeper than allowed, holds no key that could harm, and every `Tag` in it
 * stands for a tag in the bytes: data that merely look like one arrive as plain objects.
 */
export class Reviver {
  readonly #limits: CodecLimits;
  readonly #port: ValuePort;

  constructor(limits: CodecLimits, port: ValuePort) {
    this.#limits = limits;
    this.#port = port;
  }

  /** Changes arrays and objects in place. @returns what stands for `value` */
  revive(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = value;
      for (let i = 0; i < items.length; i += 1) items[i] = this.revive(items[i]);
      return items;
    }
    if (value instanceof Tag) {
      return this.#build(value.tag, this.revive(value.value));
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return value; // A byte string.
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) record[key] = this.revive(record[key]);
    if (typeof record['then'] === 'function') {
      throw new BadBytes('a function that whoever awaits the value would call');
    }
    return record;
  }

  #build(tag: number, content: unknown): unknown {
    if (tag >= tags.TAG_PORT) return this.#port.hydrate(tag - tags.TAG_PORT, content);
    switch (tag) {
      case tags.TAG_BIGINT_POSITIVE:
        return this.#bigint(content);
      case tags.TAG_BIGINT_NEGATIVE:
        return -1n - this.#bigint(content);
      case tags.TAG_DATE:
        if (typeof content !== 'number') throw new BadBytes('a date that is no number');
        return new Date(content);
      case tags.TAG_MAP:
        return mapOf(listOf(content));
      case tags.TAG_SET:
        return new Set(listOf(content));
      case tags.TAG_BUFFER: {
        const bytes = bytesOf(content);
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      }
      case tags.TAG_ARRAY_BUFFER:
        return bytesOf(content).buffer;
      default:
        return typedArray(tag - tags.TAG_TYPED_ARRAY, bytesOf(content));
    }
  }

  /** Linear in the number of bytes, where building it byte by byte would be quadratic. */
  #bigint(content: unknown): bigint {
    const bytes = bytesOf(content);
    const { bigintBytesMax } = this.#limits;
    if (bytes.length > bigintBytesMax) {
      throw new BadBytes(
        `a bigint of ${bytes.length} bytes exceeds the limit of ${bigintBytesMax}`,
      );
    }
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
    return BigInt(`0x0${hex}`);
  }
}

function mapOf(list: readonly unknown[]): Map<unknown, unknown> {
  if (list.length % 2 === 1) throw new BadBytes('a Map whose last key has no value');
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < list.length; i += 2) map.set(list[i], list[i + 1]);
  return map;
}

function typedArray(kind: number, bytes: Uint8Array<ArrayBuffer>): NodeJS.TypedArray {
  const TypedArray = tags.TYPED_ARRAYS[kind];
  if (TypedArray === undefined) {
    throw new BadBytes(`no value has tag ${tags.TAG_TYPED_ARRAY + kind}`);
  }
  const { BYTES_PER_ELEMENT: size } = TypedArray;
  if (bytes.length % size !== 0) {
    throw new BadBytes(`${bytes.length} bytes are no whole number of elements of ${size} bytes`);
  }
  return new TypedArray(bytes.buffer);
}

function listOf(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  throw new BadBytes('a Map or Set whose content is no array');
}

/** The decoder has copied it, so that it has its whole buffer for itself. */
function bytesOf(content: unknown): Uint8Array<ArrayBuffer> {
  if (content instanceof Uint8Array && content.buffer instanceof ArrayBuffer) {
    return content as Uint8Array<ArrayBuffer>;
  }
  throw new BadBytes('bytes were expected within a tag');
}
