import test from 'ava';
import { Decoder } from 'cbor-x';
import fc from 'fast-check';
import { PlainReader } from '../dist/cbor-plain.js';
import { CborScanner } from '../dist/cbor-scan.js';
import { CborCodec, type CodecLimits, DEFAULT_CODEC_LIMITS } from '../dist/index.js';
import { plainPort } from './fake-port.ts';

const codec = new CborCodec();
const leaf = fc.oneof(
  fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
  fc.integer({ min: -30, max: 300 }),
  fc.double(),
  fc.string({ maxLength: 30 }),
  fc.constantFrom(true, false, null, undefined),
);
const { list } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 9, depthIdentifier: 'lists' }, leaf, tie('list')),
  list: fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'lists' }),
}));
const frames = fc.array(list, { minLength: 1, maxLength: 4 });

function bytesOf(sequence: readonly unknown[]): Uint8Array {
  return Buffer.concat(sequence.map((frame) => codec.encode(frame as unknown[], plainPort)));
}

/** What scanner and decoder make of it. */
function decoded(bytes: Uint8Array): { readonly frames: unknown; readonly ends: number[] } {
  const ends: number[] = [];
  new CborScanner(DEFAULT_CODEC_LIMITS).scan(bytes, ends);
  const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });
  return { frames: decoder.decodeMultiple(Uint8Array.from(bytes)), ends };
}

test('what is read plainly is what scanner and decoder find, whatever the bytes', (t) => {
  const bend = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) });
  const bent = fc.tuple(frames, fc.array(bend, { maxLength: 2 })).map(([sequence, bends]) => {
    const bytes = bytesOf(sequence);
    for (const { at, byte } of bends) bytes[at % bytes.length] = byte;
    return bytes;
  });
  let read = 0;

  fc.assert(
    fc.property(fc.oneof(bent, fc.uint8Array({ minLength: 1, maxLength: 12 })), (bytes) => {
      const ends: number[] = [];
      const plain = new PlainReader(DEFAULT_CODEC_LIMITS).read(bytes, ends);
      if (plain !== undefined) t.deepEqual({ frames: plain, ends }, decoded(bytes));
      else t.deepEqual(ends, []);
      if (plain !== undefined) read += 1;
    }),
    { numRuns: 2_000 },
  );

  t.true(read > 200, `${read} read`);
});

const passesOn = test.macro({
  title: (what) => `${what} is left to scanner and decoder`,
  exec(t, bytes: readonly number[], limits: CodecLimits = DEFAULT_CODEC_LIMITS) {
    const plain = new PlainReader(limits).read(Uint8Array.from(bytes), []);

    t.is(plain, undefined);
  },
});

test('a map', passesOn, [0x81, 0xa0]);
test('a byte string', passesOn, [0x81, 0x41, 0x00]);
test('a tag', passesOn, [0x81, 0xc1, 0x00]);
test('a bigint', passesOn, [0x81, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1]);
test('a text that is more than ASCII', passesOn, [0x81, 0x62, 0xc3, 0xa4]);
test('what ends early', passesOn, [0x82, 0x00]);
test('an array of nine levels', passesOn, [0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80]);
test('more bytes than there may be values', passesOn, [0x83, 0, 0, 0], {
  ...DEFAULT_CODEC_LIMITS,
  itemsMax: 3,
});
test('a frame that is no array', passesOn, [0x00]);
