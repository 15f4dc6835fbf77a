import test from 'ava';
import { checksum, tableChecksum } from '../dist/checksum.js';

const text = (it: string): Uint8Array => new TextEncoder().encode(it);

for (const sum of [checksum, tableChecksum]) {
  test(`${sum.name} is CRC-32`, (t) => {
    t.is(sum(text('123456789')), 0xcbf43926);
  });

  test(`${sum.name} of pieces, each seeded with the one before, is that of the whole`, (t) => {
    t.is(sum(text('56789'), sum(text('1234'))), sum(text('123456789')));
  });

  test(`${sum.name} of nothing is its seed`, (t) => {
    t.is(sum(new Uint8Array(), 7), 7);
    t.is(sum(text('123').subarray(3), 7), 7);
  });
}
