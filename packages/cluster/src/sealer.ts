import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { PacketKey } from './keyring.ts';
import { ReplayGuard } from './replay-guard.ts';

/** What goes on the wire at most: less than any path on the Internet carries in one piece. */
export const DATAGRAM_BYTES_MAX = 1_200;

const MAGIC = 0xa7;
const VERSION = 1;
const SALT_AT = 6;
const SALT_BYTES = 8;
const COUNTER_AT = SALT_AT + SALT_BYTES;
const HEADER_BYTES = COUNTER_AT + 4;
const TAG_BYTES = 16;
const COUNTER_MAX = 2 ** 32 - 1;

/** The keys to seal and to open with; they may change from one packet to the next. */
export interface Keys {
  readonly inUse: PacketKey;
  find(id: number): PacketKey | undefined;
}

/**
 * `foreign`: of no key that is known here. `damaged`: of a known key, and not what was sealed with
 * it; or nothing that was ever sealed. `replayed`: seen before, or too old to tell.
 */
export type Unopened = 'foreign' | 'damaged' | 'replayed';

/**
 * Seals datagrams so that only members can read and make them, and none counts twice.
 *
 *     u8 magic | u8 version | u32 key | salt (8) | u32 counter | ciphertext | tag (16)
 *
 * AES-256-GCM; all before the ciphertext is authenticated too. Salt and counter are the nonce: the
 * salt is drawn at each start and when the counter is at its end, so that no two packets under one
 * key have the same.
 */
export class Sealer {
  readonly #keys: Keys;
  readonly #guard = new ReplayGuard();
  #salt: Uint8Array = randomBytes(SALT_BYTES);
  #counter = 0;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  seal(plain: Uint8Array): Uint8Array {
    const { id, bytes: key } = this.#keys.inUse;
    if (this.#counter === COUNTER_MAX) {
      this.#salt = randomBytes(SALT_BYTES);
      this.#counter = 0;
    }
    this.#counter += 1;
    const sealed = Buffer.alloc(HEADER_BYTES + plain.length + TAG_BYTES);
    sealed[0] = MAGIC;
    sealed[1] = VERSION;
    sealed.writeUInt32BE(id, 2);
    sealed.set(this.#salt, SALT_AT);
    sealed.writeUInt32BE(this.#counter, COUNTER_AT);
    const header = sealed.subarray(0, HEADER_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, header.subarray(SALT_AT));
    cipher.setAAD(header);
    sealed.set(cipher.update(plain), HEADER_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), HEADER_BYTES + plain.length);
    return sealed;
  }

  open(sealed: Uint8Array): Uint8Array | Unopened {
    const { length } = sealed;
    if (length < HEADER_BYTES + TAG_BYTES || length > DATAGRAM_BYTES_MAX) return 'damaged';
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, length);
    if (bytes[0] !== MAGIC || bytes[1] !== VERSION) return 'damaged';
    const key = this.#keys.find(bytes.readUInt32BE(2));
    if (key === undefined) return 'foreign';
    const header = bytes.subarray(0, HEADER_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, header.subarray(SALT_AT), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(header);
    decipher.setAuthTag(bytes.subarray(length - TAG_BYTES));
    const plain = decipher.update(bytes.subarray(HEADER_BYTES, length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return 'damaged';
    }
    const salt = bytes.toString('latin1', SALT_AT, COUNTER_AT);
    return this.#guard.isNew(salt, bytes.readUInt32BE(COUNTER_AT)) ? plain : 'replayed';
  }
}
