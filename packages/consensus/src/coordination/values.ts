import { CborCodec } from '@troupe/remote';
import { plainData } from '../plain-data.ts';

const NAMES = ['value'];

/** Values of keys as bytes, which the machine keeps, compares and never looks into. */
export class ValueCodec {
  readonly #codec = new CborCodec();

  /** @throws {NotSerializable} executed: no */
  encode(value: unknown): Uint8Array {
    return this.#codec.encode([value], plainData, NAMES).slice();
  }

  decode(bytes: Uint8Array): unknown {
    return this.#codec.decodeSequence(bytes, plainData)[0]?.[0];
  }
}
