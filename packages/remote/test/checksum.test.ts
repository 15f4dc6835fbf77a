import { crc32 } from 'node:zlib';
import test from 'ava';
import * as fc from 'fast-check';
import { checksum } from '../dist/checksum.js';

test('a checksum is the CRC-32 of zlib, of any part, after any other', (t) => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const given = [bytes, fc.nat(200), fc.nat(200), fc.nat({ max: 2 ** 32 - 1 })] as const;

  fc.assert(
    fc.property(...given, (whole, one, other, before) => {
      const [start = 0, end = 0] = [one, other]
        .map((at) => Math.min(at, whole.length))
        .sort((a, b) => a - b);
      // Of nothing zlib makes 0, whatever came before.
      const sum = start === end ? before : crc32(whole.subarray(start, end), before);
      t.is(checksum(whole, start, end, before), sum);
    }),
  );
});
