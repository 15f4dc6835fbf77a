import { createHash } from 'node:crypto';
import type { Env, Timer } from '@troupe/actor';
import type { GossipEvent, MemberStatus, Profile, Settings } from '@troupe/gossip';
import type { ClusterObserver } from './cluster-event.ts';
import { NameTaken } from './errors.ts';
import { isRefusal, isTransient } from './exchange-failure.ts';
import {
  type Delivery,
  type GossipCounters,
  GossipEngine,
  isNowhere,
  nodeNowhere,
  nowhere,
  type Parcel,
} from './gossip-engine.ts';
import { areParcels, isLetter, type Letter } from './gossip-parcel.ts';
import { Keyring } from './keyring.ts';
import {
  isSameNode,
  type Member,
  type MemberEvent,
  type MemberMeta,
  type MemberState,
  type MemberView,
} from './member.ts';
import { MemberTable } from './member-table.ts';
import type { Evidence, Membership, MembershipDeps, MembershipNet } from './membership.ts';
import { decodeMetadata, encodeMetadata } from './metadata.ts';
import { type SeedProvider, seedProvider } from './seeds.ts';

/** How long a packet by stream, its connection included, may take. */
const STREAM_TIMEOUT_MS = 5_000;
/** Before silent seeds are called again: at first, and at most. */
const SEEK_MS = 1_000;
const SEEK_MS_MAX = 10_000;
/** Before a provider that may say something else is asked again. */
const RESOLVE_MS = 30_000;
/** How long one that is gone is shown in the view. */
const SHOWN_MS = 60_000;

export interface GossipOptions {
  /**
   * Where other nodes may be: addresses, or what finds them, such as `dnsSeeds` and `fileSeeds`.
   * Those that do not answer are called again, after 1 s at first and 10 s in the end; a provider
   * is asked again every 30 s.
   */
  readonly seeds?: readonly string[] | SeedProvider;
  /** Where the nodes are: `lan`, `wan` (across the Internet) or `local`. Default: `lan`. */
  readonly profile?: Profile;
  /** What differs from the profile; the same on all nodes. */
  readonly settings?: Partial<Settings>;
  /** Nodes that name another cluster are never heard. Default: one without a name. */
  readonly cluster?: string;
  /** The keys of datagrams. Default: one key, derived from the secret of the node. */
  readonly keyring?: Keyring;
}

/** Membership by gossip, and what can be seen of its work. */
export interface GossipMembership extends Membership {
  /** Undefined before the start, and where nothing may go by datagram. */
  readonly keyring: Keyring | undefined;
  readonly counters: GossipCounters;
}

/**
 * SWIM with Lifeguard: every node watches a few others, and tells what it learns to a few others,
 * so that the work of one does not grow with their number. For one node to a few thousand.
 */
export function gossip(options: GossipOptions = {}): GossipMembership {
  return new GossipDriver(options);
}

const STATE_OF: Record<MemberStatus['state'], MemberState> = {
  alive: 'alive',
  suspect: 'suspect',
  failed: 'down',
  left: 'left',
};

class GossipDriver implements GossipMembership {
  readonly kind = 'gossip';
  readonly guarantees = { liveness: 'probed', view: 'eventual', heals: true } as const;
  readonly #options: GossipOptions;
  readonly #findSeeds: SeedProvider;
  #keyring: Keyring | undefined;
  #env!: Env;
  #net!: MembershipNet;
  #table!: MemberTable;
  #engine!: GossipEngine;
  /** As gossip knows this node. */
  #address = '';
  #seeds: readonly string[] = [];
  readonly #answered = new Set<string>();
  /** Seeds of which the log has been told. */
  readonly #reported = new Set<string>();
  #seekMs = SEEK_MS;
  #seekTimer: Timer | undefined;
  #sweepTimer: Timer | undefined;
  /** Why this node cannot join, whatever it tries. */
  #fatal: Error | undefined;
  #state: 'new' | 'joining' | 'running' | 'stopped' = 'new';

  constructor(options: GossipOptions) {
    this.#options = options;
    this.#keyring = options.keyring;
    this.#findSeeds = seedProvider(options.seeds ?? []);
  }

  get keyring(): Keyring | undefined {
    return this.#keyring;
  }

  get counters(): GossipCounters {
    return this.#engine.counters;
  }

  async start(self: Member, { env, net, secret }: MembershipDeps): Promise<void> {
    this.#state = 'joining';
    this.#env = env;
    this.#net = net;
    this.#table = new MemberTable(self);
    if (secret !== undefined) this.#keyring ??= new Keyring(secret);
    const { name, incarnation, address, meta } = self;
    const { profile = 'lan', settings = {}, cluster = '' } = this.#options;
    this.#address = address === '' ? nowhere(self) : address;
    this.#engine = new GossipEngine({
      env,
      name,
      address: this.#address,
      // Later starts of one name have greater ones; a thousand fit into one millisecond.
      generation: Math.floor(env.wallTime()) * 1_000 + Math.floor(env.random() * 1_000),
      meta: encodeMetadata({ incarnation, meta }),
      profile,
      settings,
      cluster: numberOf(cluster),
      keys: this.#keyring,
      deliver: (to, parcel) => this.#deliver(to, parcel),
      onEvent: (event) => this.#onEvent(event),
      onWatch: (addresses) => {
        for (const each of addresses) this.#connect(each);
      },
    });
    net.onExchange((payload) => this.#answer(payload));
    if (address !== '' && this.#keyring !== undefined) await this.#openSocket();
    await this.#seek();
    await this.#engine.settled();
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#state === 'joining') this.#state = 'running';
  }

  view(): MemberView {
    return this.#table.view;
  }

  watch(signal: AbortSignal): AsyncIterable<MemberEvent> {
    return this.#table.watch(signal);
  }

  observe(observer: ClusterObserver): () => void {
    return this.#table.observe(observer);
  }

  /** @throws {MetadataTooLarge} when it takes more than 512 bytes; nothing is changed then */
  setMeta(meta: MemberMeta): void {
    const { incarnation } = this.#table.view.self;
    const bytes = encodeMetadata({ incarnation, meta });
    this.#table.setMeta(meta);
    this.#engine.input({ kind: 'meta', meta: bytes });
  }

  report({ peer, event }: Evidence): void {
    if (this.#state === 'stopped' || this.#state === 'new') return;
    const member = this.#table.get(peer.name);
    if (member === undefined || !isSameNode(member, peer)) return;
    const { name } = peer;
    // What the data plane could not reach, gossip tries itself before it says that it refuses.
    const seen = event === 'ok' ? 'heard' : 'reset';
    this.#engine.input({ kind: 'evidence', name, generation: 0, event: seen });
  }

  async leave({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#table.setState(this.#table.view.self.name, 'left');
    await new Promise<void>((resolve) => {
      const timer = this.#env.setTimer(deadlineMs, resolve);
      void this.#engine.leave().then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#seekTimer?.cancel();
    this.#sweepTimer?.cancel();
    this.#engine.stop();
  }

  async #openSocket(): Promise<void> {
    try {
      const socket = await this.#net.datagrams((from, bytes) => this.#engine.receive(from, bytes));
      if (socket !== undefined) this.#engine.open(socket);
    } catch (error) {
      this.#env.log.warn({ error }, 'no socket for datagrams: all gossip goes by connections');
    }
  }

  /** Calls the seeds if one of them has never answered, or there are others than before. */
  async #seek(): Promise<void> {
    const seeds = await this.#resolved();
    const isNew = seeds.join() !== this.#seeds.join();
    this.#seeds = seeds;
    const { address: own } = this.#table.view.self;
    const isSilent = (seed: string): boolean => seed !== own && !this.#answered.has(seed);
    if (isNew || seeds.some(isSilent)) this.#engine.input({ kind: 'join', seeds });
    await this.#engine.settled();
    if (this.#state === 'stopped' || this.#fatal !== undefined) return;
    const hasSilent = seeds.some(isSilent);
    if (!hasSilent && typeof this.#options.seeds !== 'function') return;
    const delayMs = hasSilent ? this.#seekMs * (0.9 + 0.2 * this.#env.random()) : RESOLVE_MS;
    this.#seekMs = hasSilent ? Math.min(2 * this.#seekMs, SEEK_MS_MAX) : SEEK_MS;
    this.#seekTimer = this.#env.setTimer(delayMs, () => void this.#seek());
  }

  async #resolved(): Promise<readonly string[]> {
    try {
      return await this.#findSeeds();
    } catch (error) {
      this.#env.log.warn({ error }, 'the seeds of the cluster cannot be found: those before count');
      return this.#seeds;
    }
  }

  #connect(address: string): void {
    this.#net.connect(address).catch((error: unknown) => {
      this.#env.log.debug({ address, error }, 'no connection to a member that is watched');
    });
  }

  async #deliver(to: string, { via, packet }: Parcel): Promise<Delivery> {
    try {
      const letter: Letter = { from: this.#address, via, packet };
      const target = isNowhere(to) ? nodeNowhere(to) : to;
      const parcels = await this.#net.exchange(target, letter, STREAM_TIMEOUT_MS);
      if (!areParcels(parcels)) throw new TypeError('not an answer of gossip');
      this.#answered.add(to);
      return { kind: 'answered', parcels };
    } catch (error) {
      this.#undelivered(to, error);
      return { kind: isRefusal(error) ? 'refused' : 'failed' };
    }
  }

  #undelivered(to: string, error: unknown): void {
    const { log } = this.#env;
    log.debug({ to, error }, 'a packet of gossip was not answered');
    if (!this.#seeds.includes(to) || this.#answered.has(to)) return;
    const reason = error instanceof Error ? error : new Error(String(error));
    if (!isTransient(error) && this.#state === 'joining') this.#fatal ??= reason;
    if (this.#fatal !== undefined || this.#reported.has(to)) return;
    this.#reported.add(to);
    const fields = { seed: to, reason: reason.message };
    log.warn(fields, 'no answer from a seed: trying again, every 10 s in the end');
  }

  #answer(payload: unknown): readonly Parcel[] {
    if (!isLetter(payload)) throw new TypeError('not a packet of gossip');
    return this.#engine.accept(payload.from, payload);
  }

  #onEvent(event: GossipEvent): void {
    const { log } = this.#env;
    switch (event.kind) {
      case 'joined':
      case 'suspected':
      case 'refuted':
      case 'failed':
      case 'left':
      case 'changed':
        return this.#onMember(event.kind, event.member);
      case 'conflict': {
        const { name, address } = event.member;
        return log.warn({ name, before: address, now: event.address }, 'a name has moved');
      }
      case 'taken': {
        const taken = new NameTaken(this.#table.view.self.name, event.address);
        if (this.#state === 'joining') this.#fatal ??= taken;
        else log.error({ error: taken }, 'another node has taken the name of this one');
        return;
      }
      case 'degraded':
      case 'stable':
        return this.#table.tell(event);
      case 'excluded':
        return log.warn({ name: event.name, why: event.why }, 'a member was not admitted');
    }
  }

  #onMember(kind: GossipEvent['kind'], status: MemberStatus): void {
    const member = memberOf(status);
    const { name, address, state } = member;
    this.#table.put(member);
    if (kind === 'failed') this.#env.log.warn({ member: name, address }, 'a member is down');
    if (state === 'down' || state === 'left') {
      this.#sweepTimer ??= this.#env.setTimer(SHOWN_MS, () => this.#sweep());
    }
    // Only a node that listens nowhere can make the connections that it is reached by.
    const isUnreachable = this.#table.view.self.address === '';
    if (isUnreachable && kind === 'joined' && address !== '') this.#connect(address);
  }

  /** Those that are gone are shown no longer; gossip itself remembers them. */
  #sweep(): void {
    this.#sweepTimer = undefined;
    for (const { name } of this.#table.view.members) this.#table.forget(name);
  }
}

function memberOf({ name, address, generation, state, meta }: MemberStatus): Member {
  const said = decodeMetadata(meta);
  return {
    name,
    incarnation: said?.incarnation ?? generation.toString(36),
    address: isNowhere(address) ? '' : address,
    state: STATE_OF[state],
    meta: said?.meta ?? { kinds: [] },
  };
}

/** Two clusters of different names have the same number once in four billion times. */
function numberOf(cluster: string): number {
  return cluster === '' ? 0 : createHash('sha256').update(cluster).digest().readUInt32BE(0);
}
