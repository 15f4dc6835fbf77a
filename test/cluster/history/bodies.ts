import { Random } from '@troupe/sim';

/** What a register holds beside a number, so that all that is written is long now and then. */
export type Body = string | Uint8Array | null;

/** Most numbers have none. */
const BODY = 0.25;
/** Of a body; as many of them between 100 bytes and 1,000 as between 10,000 and 100,000. */
const BYTES = { min: 16, max: 300_000 };
/** Odd, so that a text which is repeated stands at every place of a word of memory. */
const BLOCK = 61;
const ascii = 'the quick brown fox jumps over 13 lazy dogs;\t"\\\r\n'.split('');
const letters = 'añøß Ωдж אב हि 漢字 한글 ✓ 😀🚀'.split(/(?:)/u);
/** As what is text elsewhere comes in bytes that are taken for text. */
const wide = ascii.map((letter) => `${letter}\0`);

/** The same for a number whenever it is asked for, so that it need not be told. */
export function bodyOf(number: number): Body {
  const random = new Random(number);
  if (!random.chance(BODY)) return null;
  const bytes = Math.round(BYTES.min * (BYTES.max / BYTES.min) ** random.next());
  switch (random.pick(['ascii', 'letters', 'wide', 'offsets', 'noise', 'zeros'] as const)) {
    case 'ascii':
      return textOf(ascii, bytes, random);
    case 'letters':
      return textOf(letters, bytes, random);
    case 'wide':
      return textOf(wide, bytes, random);
    case 'offsets':
      return wordsOf(bytes, offsetsFrom(random.integer(0, 2 ** 17) * 8));
    case 'noise':
      return wordsOf(bytes, () => random.uint32());
    case 'zeros':
      return new Uint8Array(bytes);
  }
}

export function isBodyOf(number: number, body: Body): boolean {
  const written = bodyOf(number);
  if (!(written instanceof Uint8Array)) return body === written;
  return body instanceof Uint8Array && Buffer.compare(body, written) === 0;
}

function textOf(alphabet: readonly string[], bytes: number, random: Random): string {
  const block = Array.from({ length: BLOCK }, () => random.pick(alphabet)).join('');
  return block.repeat(Math.ceil(bytes / Buffer.byteLength(block)));
}

/** As the index of a large file has them. */
function offsetsFrom(first: number): (at: number) => number {
  return (at) => first + 8 * at;
}

/** Little-endian, as in memory and in most files. */
function wordsOf(bytes: number, word: (at: number) => number): Uint8Array {
  const buffer = Buffer.alloc(bytes - (bytes % 4));
  for (let at = 0; at < buffer.length; at += 4) buffer.writeUInt32LE(word(at / 4), at);
  return Uint8Array.from(buffer);
}
