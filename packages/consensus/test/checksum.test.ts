import test from 'ava';
import { checksum } from '../dist/checksum.js';

const text = (it: string): Uint8Array => new TextEncoder().encode(it);

test('checksum is CRC-32', (t) => {
  t.is(checksum(text('123456789')), 0xcbf43926);
});

test('checksum of pieces, each seeded with the one before, is that of the whole', (t) => {
  t.is(checksum(text('56789'), checksum(text('1234'))), checksum(text('123456789')));
});

test('checksum of nothing is its seed', (t) => {
  t.is(checksum(new Uint8Array(), 7), 7);
  t.is(checksum(text('123').subarray(3), 7), 7);
});
