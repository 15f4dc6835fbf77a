import { crc32 } from 'node:zlib';
import { LONG_BYTES_MAX, LONG_BYTES_MIN, LongChecksum } from './long-checksum.ts';

/** Up to so many bytes a table is faster than a call into zlib, and the view that it takes. */
const SHORT_BYTES = 64;
/** CRC-32 (IEEE 802.3, reflected) of each byte. */
const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

/** The CRC-32 of the bytes from `start` to `end`. */
export function checksum(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > SHORT_BYTES) {
    return checksumAfter(0, end - start === bytes.length ? bytes : bytes.subarray(start, end));
  }
  let sum = ~0;
  for (let at = start; at < end; at += 1) sum = TABLE[(sum ^ bytes[at]!) & 0xff]! ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** The same of all `bytes`, going on from the sum of what comes before them. */
export function checksumAfter(before: number, bytes: Uint8Array): number {
  const { length } = bytes;
  const isLong = length >= LONG_BYTES_MIN && length <= LONG_BYTES_MAX;
  return isLong ? long.after(before, bytes) : crc32(bytes, before);
}

const long = new LongChecksum();
