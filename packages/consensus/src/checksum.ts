import { crc32 } from 'node:zlib';

/**
 * CRC-32 of `bytes`, going on from `seed`: the checksum of two pieces is that of the second, seeded
 * with that of the first. Different seeds give different sums for the same bytes.
 */
export function checksum(bytes: Uint8Array, seed: number = 0): number {
  return bytes.length === 0 ? seed : crc32(bytes, seed); // Node.js may say 0, whatever the seed.
}
