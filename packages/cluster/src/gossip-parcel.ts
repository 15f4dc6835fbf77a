import { ADDRESS_BYTES_MAX } from '@troupe/gossip';
import type { Parcel } from './gossip-engine.ts';

/** Answers to one packet. */
const PARCELS_MAX = 64;
const ADDRESS = new RegExp(`^[\\x21-\\x7e]{1,${ADDRESS_BYTES_MAX}}$`);

/** A packet on its way by stream, and where an answer goes. */
export interface Letter extends Parcel {
  readonly from: string;
}

/** A peer's word is checked to the last field before anything is done with it. */
export function isLetter(value: unknown): value is Letter {
  if (!isParcel(value) || !('from' in value)) return false;
  return typeof value.from === 'string' && ADDRESS.test(value.from);
}

export function areParcels(value: unknown): value is readonly Parcel[] {
  return Array.isArray(value) && value.length <= PARCELS_MAX && value.every(isParcel);
}

function isParcel(value: unknown): value is Parcel {
  if (typeof value !== 'object' || value === null) return false;
  if (!('via' in value && 'packet' in value)) return false;
  return (value.via === 'datagram' || value.via === 'stream') && value.packet instanceof Uint8Array;
}
