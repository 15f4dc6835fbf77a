export { CborCodec } from './cbor-codec.ts';
export { BadBytes, DEFAULT_CODEC_LIMITS, PORT_TAG_MAX } from './codec.ts';
export type { Codec, CodecLimits, ValuePort } from './codec.ts';
export { errorFromWire, errorToWire } from './wire-error.ts';
export type { ErrorClass, ErrorToWireOptions } from './wire-error.ts';
