import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { BadFrame } from './bad-frame.ts';
import { BODY_BYTES_MAX } from './envelope.ts';

/** @returns undefined when it would be no smaller */
export function deflated(parts: readonly Uint8Array[], bytes: number): Uint8Array | undefined {
  const smaller = deflateRawSync(Buffer.concat(parts, bytes), { level: constants.Z_BEST_SPEED });
  return smaller.length < bytes ? smaller : undefined;
}

/** @throws {BadFrame} when it is no DEFLATE, or more than an envelope may hold */
export function inflated(body: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(body, { maxOutputLength: BODY_BYTES_MAX });
  } catch (cause) {
    throw new BadFrame('a compressed envelope cannot be read', { cause });
  }
}
