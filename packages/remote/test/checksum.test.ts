import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import test from 'ava';
import * as fc from 'fast-check';
import { checksum, checksumAfter } from '../dist/checksum.js';
import { LONG_BYTES_MAX, LONG_BYTES_MIN, makeMachine } from '../dist/long-checksum.js';

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

test('so it is of tens of thousands of bytes, whatever came before them', (t) => {
  const whole = randomBytes(LONG_BYTES_MAX + 64);
  const length = fc.integer({ min: LONG_BYTES_MIN - 64, max: LONG_BYTES_MAX });

  fc.assert(
    fc.property(length, fc.nat(64), fc.nat(0xffff_ffff), (bytes, from, before) => {
      const part = whole.subarray(from, from + bytes);
      t.is(checksum(whole, from, from + bytes), crc32(part));
      t.is(checksumAfter(before, part), crc32(part, before));
    }),
  );
});

for (const length of [LONG_BYTES_MIN - 1, LONG_BYTES_MIN, LONG_BYTES_MAX, LONG_BYTES_MAX + 1]) {
  test(`${length} bytes have the sum that zlib has of them`, (t) => {
    const bytes = randomBytes(length);

    t.is(checksumAfter(7, bytes), crc32(bytes, 7));
  });
}

test('a changed bit is noticed, wherever in a long body it is', (t) => {
  const bytes = randomBytes(LONG_BYTES_MIN);
  const sum = checksum(bytes, 0, bytes.length);

  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 1 << bit;
      t.not(checksum(changed, 0, changed.length), sum);
    }),
  );
});

test('long bytes are summed up without zlib where there is WebAssembly', (t) => {
  t.truthy(makeMachine());
});

test('where there is no WebAssembly, zlib sums up long bytes too', async (t) => {
  const here = new URL('../dist/checksum.js', import.meta.url).href;
  const program = `
    const { checksumAfter } = await import(${JSON.stringify(here)});
    console.log(typeof WebAssembly, checksumAfter(7, new Uint8Array(${LONG_BYTES_MIN}).fill(1)));
  `;

  const args = ['--jitless', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);

  const sum = crc32(new Uint8Array(LONG_BYTES_MIN).fill(1), 7);
  t.is(stdout, `undefined ${sum}\n`);
});

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let at = 0; at < length; at += 1) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
