import { crc32 } from 'node:zlib';
import test from 'ava';
import * as fc from 'fast-check';
import { checksum } from '../dist/checksum.js';

test('a checksum is the CRC-32 that zlib has of any part, be it long or short', (t) => {
  const bytes = fc.uint8Array({ maxLength: 200 });

  fc.assert(
    fc.property(bytes, fc.nat(200), fc.nat(200), (whole, one, other) => {
      const [start = 0, end = 0] = [one, other].sort((a, b) => a - b);
      const part = whole.subarray(start, end);
      const from = Math.min(start, whole.length);
      t.is(checksum(whole, from, from + part.length), crc32(part));
    }),
  );
});
