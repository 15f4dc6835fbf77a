import { hkdfSync } from 'node:crypto';
import { refuseWeakSecret } from '@troupe/remote';

const KEYS_MAX = 8;
const KEY_BYTES = 32;

/** One key, and the number by which a packet says that it was sealed with it. */
export interface PacketKey {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/**
 * The keys that datagrams of a cluster are sealed with, each derived from a secret (HKDF, SHA-256).
 * One is in use for what is sent; what was sealed with any of them is read. To change the secret
 * while the cluster runs, take one step on all nodes before the next one: `add` the new secret,
 * `use` it, `remove` the old one. Nodes that are a step apart still hear each other. What is no
 * secret, of less than 16 bytes, is refused with `WeakSecret`.
 */
export class Keyring {
  readonly #keys = new Map<number, PacketKey>();
  readonly #watchers = new Set<() => void>();
  #inUse: PacketKey;

  /** @param secret of the key to begin with, which is in use */
  constructor(secret: string) {
    this.#inUse = derive(secret);
    this.#keys.set(this.#inUse.id, this.#inUse);
  }

  /** What is sent is sealed with this one. */
  get inUse(): PacketKey {
    return this.#inUse;
  }

  get keys(): readonly PacketKey[] {
    return [...this.#keys.values()];
  }

  find(id: number): PacketKey | undefined {
    return this.#keys.get(id);
  }

  /** From now on packets sealed with the key of `secret` are read. */
  add(secret: string): void {
    const key = derive(secret);
    if (!this.#keys.has(key.id) && this.#keys.size >= KEYS_MAX) {
      throw new RangeError(`a keyring holds ${KEYS_MAX} keys at most: remove one first`);
    }
    this.#keys.set(key.id, key);
    this.#changed();
  }

  /** From now on packets are sealed with the key of `secret`, which was added before. */
  use(secret: string): void {
    const key = this.#keys.get(derive(secret).id);
    if (key === undefined) throw new RangeError('that key is not on the ring: add it first');
    this.#inUse = key;
    this.#changed();
  }

  /** From now on packets sealed with the key of `secret` are foreign. */
  remove(secret: string): void {
    const { id } = derive(secret);
    if (id === this.#inUse.id) {
      throw new RangeError('the key in use cannot be removed: use another one first');
    }
    this.#keys.delete(id);
    this.#changed();
  }

  /** Calls `run` after each change. @returns stops that */
  onChange(run: () => void): () => void {
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  #changed(): void {
    for (const run of this.#watchers) run();
  }
}

function derive(secret: string): PacketKey {
  refuseWeakSecret(secret);
  const bytes = hkdf(secret, 'troupe gossip datagrams', KEY_BYTES);
  const id = new DataView(hkdf(secret, 'troupe gossip key id', 4).buffer).getUint32(0);
  return { id, bytes };
}

function hkdf(secret: string, info: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', info, bytes));
}
