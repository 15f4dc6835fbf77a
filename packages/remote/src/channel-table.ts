import { randomBytes } from 'node:crypto';
import type { Env, Timer } from '@troupe/actor';
import type { ChannelCore } from '@troupe/actor/internal';
import type { PeerIdentity } from './handshake.ts';
import { Leftovers } from './leaving-ends.ts';
import type { Peer } from './peer.ts';

const TOKEN_BYTES = 16;
/**
 * How long a channel is known that no node holds an end of: one may be on its way from the last
 * that had it to another.
 */
const HANDOVER_MS = 60_000;

export type Role = 'send' | 'receive';

/** Names one end of one channel anywhere. Whoever knows the token may use that end. */
export interface Location {
  readonly home: PeerIdentity;
  readonly id: number;
  readonly role: Role;
  readonly capacity: number;
  readonly token: string;
}

interface Exported {
  readonly core: ChannelCore<unknown>;
  readonly token: string;
  /** An end to receive by was given away: what is unread at the close may be fetched yet. */
  isReadElsewhere: boolean;
  /**
   * How many ends each node was given, or has opened, and not given back. Without any, nobody can
   * come for it any more.
   */
  readonly holders: Map<Peer, number>;
  /** Runs while nobody holds one. */
  handover: Timer | undefined;
  /** Takes the table's callback out of the channel. */
  forget: () => void;
}

/** What the table needs of the node whose channels these are. */
interface TableNode {
  readonly identity: PeerIdentity;
  readonly system: { readonly env: Env };
}

/** The channels of one node that have left it, and where the ends come from that it was given. */
export class ChannelTable {
  /** Of sessions with other nodes. */
  readonly leftovers: Leftovers = new Leftovers();
  readonly #node: TableNode;
  readonly #exported = new Map<number, Exported>();
  readonly #ids = new WeakMap<ChannelCore<unknown>, number>();
  readonly #remote = new WeakMap<ChannelCore<unknown>, Location>();
  #lastId = 0;

  constructor(node: TableNode) {
    this.#node = node;
  }

  /** Channels of this node that others may know. */
  get size(): number {
    return this.#exported.size;
  }

  get home(): PeerIdentity {
    return this.#node.identity;
  }

  /** What to call an end by which `holder` is given; one of this node's counts as given. */
  locate(core: ChannelCore<unknown>, role: Role, holder: Peer): Location {
    const remote = this.#remote.get(core);
    if (remote !== undefined) return remote;
    const isRead = role === 'receive';
    const id = this.#ids.get(core) ?? this.#export(core, isRead);
    const exported = this.#exported.get(id);
    if (exported !== undefined) this.#hold(exported, holder);
    if (exported !== undefined && isRead) exported.isReadElsewhere = true;
    const { home } = this;
    return { home, id, role, capacity: core.capacity, token: exported?.token ?? '' };
  }

  /** @returns 'closed' for a channel that was, but is no more */
  find(id: number, token: string): ChannelCore<unknown> | 'closed' | undefined {
    const exported = this.#exported.get(id);
    if (exported === undefined) return id <= this.#lastId ? 'closed' : undefined;
    return exported.token === token ? exported.core : undefined;
  }

  remember(core: ChannelCore<unknown>, location: Location): void {
    this.#remote.set(core, location);
  }

  /** `holder` has opened an end, which it may have been given by anybody. */
  opened(id: number, holder: Peer): void {
    const exported = this.#exported.get(id);
    if (exported !== undefined) this.#hold(exported, holder);
  }

  /** `holder` has no use any more for `count` ends that it was given, or has opened. */
  forgotten(id: number, holder: Peer, count: number): void {
    const exported = this.#exported.get(id);
    const held = exported?.holders.get(holder);
    if (exported === undefined || held === undefined) return;
    if (held > count) return void exported.holders.set(holder, held - count);
    exported.holders.delete(holder);
    if (exported.holders.size > 0) return;
    exported.handover = this.#node.system.env.setTimer(HANDOVER_MS, () => this.#withdraw(id));
  }

  /** The peer is gone, and what it held with it. */
  release(peer: Peer): void {
    for (const [id, { holders }] of this.#exported) {
      if (holders.delete(peer) && holders.size === 0) this.#withdraw(id);
    }
  }

  /** The node has closed: nobody can come any more, and nothing may keep its process. */
  close(): void {
    for (const id of this.#exported.keys()) this.#withdraw(id);
  }

  #hold(exported: Exported, holder: Peer): void {
    exported.holders.set(holder, (exported.holders.get(holder) ?? 0) + 1);
    exported.handover?.cancel();
    exported.handover = undefined;
  }

  #export(core: ChannelCore<unknown>, isReadElsewhere: boolean): number {
    const id = (this.#lastId += 1);
    const exported: Exported = {
      core,
      token: randomBytes(TOKEN_BYTES).toString('base64url'),
      isReadElsewhere,
      holders: new Map(),
      handover: undefined,
      forget() {},
    };
    this.#ids.set(core, id);
    this.#exported.set(id, exported);
    const withdraw = (): void => this.#withdraw(id);
    exported.forget = core.whenClosed(() => {
      if (exported.isReadElsewhere) core.whenDrained(withdraw);
      else withdraw();
    });
    return id;
  }

  /** Nobody can come for it any more; should it leave once more, it gets another number. */
  #withdraw(id: number): void {
    const exported = this.#exported.get(id);
    if (exported === undefined) return;
    exported.forget();
    exported.handover?.cancel();
    this.#exported.delete(id);
    this.#ids.delete(exported.core);
  }
}
