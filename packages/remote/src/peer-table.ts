import type { Env } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import type { PeerIdentity } from './handshake.ts';
import type { Peer } from './peer.ts';

/** Nodes that one peer may have named first and nobody here uses; some 11 KB are kept of each. */
const NAMED_MAX = 4_096;

interface Named {
  readonly peer: WeakRef<Peer>;
  /** Who has told of it; undefined: this node itself. */
  readonly by: Peer | undefined;
}

/**
 * The other nodes that a node knows. Those that it speaks to stay until they are let go; those that
 * it has only heard of, or has let go, stay for as long as something here refers to them.
 */
export class PeerTable {
  readonly #env: Env;
  readonly #spoken = new Map<string, Peer>();
  readonly #named = new Map<string, Named>();
  /** How many of those each peer has named. */
  readonly #counts = new Map<Peer, number>();
  /** All by the objects that were asked about, since every message asks. */
  readonly #found = new WeakMap<PeerIdentity, Peer>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Nodes that were only heard of. */
  get named(): number {
    return this.#named.size;
  }

  /** The peers that are, or were, spoken to. */
  spoken(): Iterable<Peer> {
    return this.#spoken.values();
  }

  get(key: string): Peer | undefined {
    return this.#spoken.get(key);
  }

  /**
   * @param by the peer whose message names the node
   * @throws {BadFrame} when that has named too many that nobody has a use for
   */
  peerOf(identity: PeerIdentity, by: Peer | undefined, make: () => Peer): Peer {
    const found = this.#found.get(identity);
    if (found !== undefined) return found;
    const key = keyOf(identity);
    const known = this.#spoken.get(key) ?? this.#named.get(key)?.peer.deref();
    const peer = known ?? this.#add(key, by, make);
    this.#found.set(identity, peer);
    return peer;
  }

  /** The node is spoken to from now on. */
  keep(peer: Peer): void {
    const key = keyOf(peer.identity);
    if (this.#spoken.has(key)) return;
    this.#spoken.set(key, peer);
    this.#drop(key);
  }

  /** The node is not spoken to, for now or for good. */
  letGo(peer: Peer): void {
    const key = keyOf(peer.identity);
    if (this.#spoken.get(key) !== peer) return;
    this.#spoken.delete(key);
    this.#named.set(key, { peer: new WeakRef(peer), by: undefined });
  }

  #add(key: string, by: Peer | undefined, make: () => Peer): Peer {
    this.#drop(key); // One that is collected, of which no word has come yet.
    if (by !== undefined) this.#count(by, 1);
    const peer = make();
    this.#named.set(key, { peer: new WeakRef(peer), by });
    // What waits for that is kept until then: it must not keep the table, which keeps the peer.
    const table = new WeakRef(this);
    this.#env.whenCollected?.(peer, () => {
      const there = table.deref();
      if (there !== undefined) there.#collected(key);
    });
    return peer;
  }

  /** Another one of that name may have been made since. */
  #collected(key: string): void {
    if (this.#named.get(key)?.peer.deref() === undefined) this.#drop(key);
  }

  #drop(key: string): void {
    const by = this.#named.get(key)?.by;
    this.#named.delete(key);
    if (by !== undefined) this.#count(by, -1);
  }

  #count(by: Peer, more: number): void {
    const count = (this.#counts.get(by) ?? 0) + more;
    if (count > NAMED_MAX) {
      throw new BadFrame(`more than ${NAMED_MAX} nodes named that are referred to, and not used`);
    }
    if (count > 0) this.#counts.set(by, count);
    else this.#counts.delete(by);
  }
}

export function keyOf({ name, incarnation }: PeerIdentity): string {
  return `${name}@${incarnation}`;
}
