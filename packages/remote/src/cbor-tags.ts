import { PORT_TAG_MAX } from './codec.ts';

// One block of CBOR tags (RFC 8949, §3.4) that nobody else has registered. No other tag may occur:
// whatever a general decoder would make of it is not ours to build. DESIGN.md tells each content.
export const TAG_FIRST = 21_600;

export const TAG_BIGINT_POSITIVE: number = TAG_FIRST;
export const TAG_BIGINT_NEGATIVE: number = TAG_FIRST + 1;
export const TAG_DATE: number = TAG_FIRST + 2;
export const TAG_MAP: number = TAG_FIRST + 3;
export const TAG_SET: number = TAG_FIRST + 4;
export const TAG_BUFFER: number = TAG_FIRST + 5;
export const TAG_ARRAY_BUFFER: number = TAG_FIRST + 6;
/** The typed arrays follow one another in the order of `TYPED_ARRAYS`. */
export const TAG_TYPED_ARRAY: number = TAG_FIRST + 7;
/** The tags of the `ValuePort` begin here. */
export const TAG_PORT: number = TAG_FIRST + 32;
export const TAG_LAST: number = TAG_PORT + PORT_TAG_MAX;

/** A `Uint8Array` is a plain byte string and needs no tag. */
export const TYPED_ARRAYS: readonly TypedArrayConstructor[] = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

export interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  readonly prototype: NodeJS.TypedArray;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): NodeJS.TypedArray;
}
