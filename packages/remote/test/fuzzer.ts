import { xorshift } from '@troupe/actor/internal';
import { BadBytes, type Codec } from '../dist/index.js';
import { head, join } from './cbor-bytes.ts';
import { Ticket, ticketPort } from './fake-port.ts';

/** One item of well-formed CBOR: its first byte, the first after its head, the first after it. */
interface Item {
  readonly at: number;
  readonly body: number;
  readonly end: number;
}

/** Tags that mean something: to this codec, beside its block, and to decoders in general. */
const TAGS = [
  [21_600, 21_601, 21_602, 21_603, 21_604, 21_605, 21_606, 21_607, 21_614, 21_616, 21_631],
  [21_632, 21_633, 21_634, 21_635, 21_648, 21_649, 21_650],
  [21_639, 21_663, 21_599, 21_664, 0, 1, 2, 3, 6, 27, 28, 29, 51, 64, 105, 258, 259],
  [0xdff9, 0xdffe, 0xdfff, 0x53687264, 2 ** 32 - 1],
].flat();
const ARGUMENTS = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 24, 2 ** 31, 2 ** 32 - 1];
const KEYS = ['a', 'nick', 'then', 'toJSON', '__proto__', 'constructor', 'prototype', 'ключ', ''];

/**
 * Feeds a codec with frames that were well-formed before they were bent: items replaced, doubled,
 * dropped, wrapped in tags, lengths and types changed, bytes flipped. One seed makes one sequence.
 */
export class Fuzzer {
  readonly #codec: Codec;
  readonly #random: () => number;
  readonly #objectPrototype = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
  /** How many inputs were refused, and how many were decoded. */
  refused = 0;
  decoded = 0;

  constructor(codec: Codec, seed: number) {
    this.#codec = codec;
    this.#random = xorshift(seed);
  }

  /** @throws when the codec does anything but decode, or refuse with `BadBytes` */
  step(): void {
    const input = this.input();
    try {
      this.feed(input);
    } catch (cause) {
      throw new Error(`on ${Buffer.from(input).toString('hex')}`, { cause });
    }
  }

  input(): Uint8Array {
    let bytes: Uint8Array = this.#encoded();
    for (let bends = this.#below(5); bends > 0; bends -= 1) bytes = this.bent(bytes);
    return bytes;
  }

  /** The same bytes with one thing about them changed. */
  bent(bytes: Uint8Array): Uint8Array {
    const items = itemsOf(bytes);
    const item = items.length === 0 ? { at: 0, body: 0, end: bytes.length } : this.#pick(items);
    const before = bytes.subarray(0, item.at);
    const whole = bytes.subarray(item.at, item.end);
    const body = bytes.subarray(item.body, item.end);
    const after = bytes.subarray(item.end);
    const first = bytes[item.at] ?? 0;
    const other = this.#encodedItem();
    return this.#pick<() => Uint8Array>([
      () => join(before, other, after),
      () => join(before, whole, whole, after),
      () => join(before, after),
      () => join(before, head(6, this.#pick(TAGS)), whole, after),
      () => join(before, head(6, this.#pick(TAGS)), other, after),
      () => join(before, head(first >> 5, this.#pick(ARGUMENTS)), body, after),
      () => join(before, head(this.#below(8), item.end - item.body), body, after),
      () => join(before, [(first & 0xe0) | this.#pick([24, 25, 26, 27, 28, 31])], body, after),
      () => join(before, [this.#below(256)], bytes.subarray(item.at + 1)),
      () => join(before, head(5, 1), this.#key(), whole, after),
      () => join(before, head(4, 1), whole, after),
      () => join(bytes.subarray(0, this.#below(bytes.length + 1))),
      () => join(bytes, other),
      () => this.#flipped(bytes),
    ])();
  }

  feed(input: Uint8Array): void {
    let frames: unknown[][] | undefined;
    try {
      frames = this.#codec.decodeSequence(input, ticketPort);
      this.decoded += 1;
    } catch (error) {
      if (!(error instanceof BadBytes)) throw error;
      this.refused += 1;
    }
    if (JSON.stringify(Object.getOwnPropertyNames(Object.prototype)) !== this.#objectPrototype) {
      throw new Error('Object.prototype has changed');
    }
    if (frames !== undefined) this.#comesBack(frames);
  }

  /** What was decoded can be sent on: it has no class but those of data and tickets. */
  #comesBack(frames: readonly unknown[][]): void {
    const once = this.#encodedAll(frames);
    const twice = this.#encodedAll(this.#codec.decodeSequence(once, ticketPort));
    if (!once.equals(twice)) throw new Error('it changed when it was sent on');
  }

  #encodedAll(frames: readonly unknown[][]): Buffer {
    return Buffer.concat(frames.map((frame) => this.#codec.encode(frame, ticketPort)));
  }

  #encoded(): Uint8Array {
    const frames: Uint8Array[] = [];
    for (let count = 1 + this.#below(3); count > 0; count -= 1) {
      const frame = [this.#below(40), this.#below(1e6), this.#value(4), [this.#value(3)]];
      frames.push(Uint8Array.from(this.#codec.encode(frame, ticketPort)));
    }
    return join(...frames);
  }

  #value(depth: number): unknown {
    const many = (): unknown[] => {
      const items: unknown[] = [];
      for (let count = this.#below(4); count > 0; count -= 1) items.push(this.#value(depth - 1));
      return items;
    };
    const leaves = [
      () => this.#below(2 ** 32) * (this.#chance(0.2) ? -1 : 1),
      () => this.#random() - 0.5,
      () => this.#pick([NaN, Infinity, -0, 2 ** 53, true, false, null, undefined]),
      () => this.#text(),
      () =>
        BigInt(this.#below(2 ** 32)) ** BigInt(this.#below(12)) * (this.#chance(0.5) ? -1n : 1n),
      () => new Date(this.#below(2 ** 40)),
      () => new Uint8Array(this.#below(300)).fill(this.#below(256)),
      () => Buffer.from(this.#text()),
      () => new Float64Array(this.#below(4)).fill(this.#random()),
      () => new Uint16Array(this.#below(4)).buffer,
    ];
    const nodes = [
      many,
      () => Object.fromEntries(many().map((value, i) => [`${this.#text()}-${i}`, value])),
      () => new Map(many().map((value) => [this.#value(0), value])),
      () => new Set(many()),
      () => new Ticket(this.#below(10), this.#value(depth - 1)),
    ];
    return this.#pick<() => unknown>(depth > 0 ? [...leaves, ...nodes, ...nodes] : leaves)();
  }

  #text(): string {
    return this.#pick(['', 'ann', 'x'.repeat(this.#below(300)), 'žluťoučký 🐎', '\ud83d', 'a\0b']);
  }

  #encodedItem(): Uint8Array {
    const bytes = this.#encoded();
    const { at, end } = this.#pick(itemsOf(bytes));
    return bytes.subarray(at, end);
  }

  #key(): Uint8Array {
    const key = Buffer.from(this.#pick(KEYS));
    return join(head(3, key.length), key);
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    const flipped = Uint8Array.from(bytes);
    const at = this.#below(bytes.length);
    if (at < flipped.length) flipped[at] = flipped[at]! ^ (1 << this.#below(8));
    return flipped;
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }
}

/** The items that `bytes` begins with, as far as they are well-formed; inner ones included. */
function itemsOf(bytes: Uint8Array): Item[] {
  const items: Item[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = addItem(items, bytes, at);
    if (end === undefined) break;
    at = end;
  }
  return items;
}

function addItem(items: Item[], bytes: Uint8Array, at: number): number | undefined {
  const first = bytes[at];
  if (first === undefined || (first & 31) > 27 || items.length > 10_000) return undefined;
  const extra = (first & 31) < 24 ? 0 : 2 ** ((first & 31) - 24);
  const body = at + 1 + extra;
  if (body > bytes.length) return undefined;
  const hex = Buffer.from(bytes.subarray(at + 1, body)).toString('hex');
  const argument = extra === 0 ? first & 31 : Number(`0x${hex}`);
  const major = first >> 5;
  let end: number | undefined = body;
  if (major === 2 || major === 3) end = body + argument;
  let children = 0;
  if (major === 4) children = argument;
  if (major === 5) children = 2 * argument;
  if (major === 6) children = 1;
  for (; children > 0 && end !== undefined; children -= 1) end = addItem(items, bytes, end);
  if (end === undefined || end > bytes.length) return undefined;
  items.push({ at, body, end });
  return end;
}
