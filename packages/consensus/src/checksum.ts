import * as zlib from 'node:zlib';

const table = new Uint32Array(256).map((_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

/** CRC-32 as of zlib, in JavaScript: for Node.js without `zlib.crc32`, ten times slower. */
export function tableChecksum(bytes: Uint8Array, seed: number = 0): number {
  let sum = ~seed;
  for (const byte of bytes) sum = (table[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
  return ~sum >>> 0;
}

/**
 * CRC-32 of `bytes`, going on from `seed`: the checksum of two pieces is that of the second, seeded
 * with that of the first. Different seeds give different sums for the same bytes.
 */
export function checksum(bytes: Uint8Array, seed: number = 0): number {
  if (bytes.length === 0) return seed; // Node.js may say 0, whatever the seed.
  return typeof zlib.crc32 === 'function' ? zlib.crc32(bytes, seed) : tableChecksum(bytes, seed);
}
