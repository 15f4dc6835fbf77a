import { createHash } from 'node:crypto';
import { BadOption, type Env, type Log, type Timer } from '@troupe/actor';
import { guardedLog, messageOf, SparseLog } from '@troupe/actor/internal';
import {
  type GossipEvent,
  type MemberStatus,
  type Profile,
  profiles,
  type Settings,
  settingsOf,
} from '@troupe/gossip';
import { type Secret, secretsOf } from '@troupe/remote';
import type { ClusterObserver } from './cluster-event.ts';
import { isRefusal } from './exchange-failure.ts';
import {
  type Delivery,
  type GossipCounters,
  GossipEngine,
  type GossipRunner,
  isNowhere,
  NO_PACKETS,
  nodeNowhere,
  nowhere,
  type Parcel,
} from './gossip-engine.ts';
import { areParcels, isLetter, type Letter } from './gossip-parcel.ts';
import { GossipThreadKeeper } from './gossip-thread-keeper.ts';
import { Keyring } from './keyring.ts';
import {
  isSameNode,
  type Member,
  type MemberEvent,
  type MemberMeta,
  type MemberState,
  type MemberView,
} from './member.ts';
import { isPresent, MemberTable } from './member-table.ts';
import type { Evidence, Membership, MembershipDeps, MembershipNet } from './membership.ts';
import { decodeMetadata, encodeMetadata } from './metadata.ts';
import { NameClaimant } from './name-claim.ts';
import type { SeedProvider } from './seeds.ts';
import { Seeker } from './seeker.ts';

/** When a thread is replaced: members that are asked who is there, and how long all are sought. */
const KNOWN_SEEDS_MAX = 16;
const LOST_MS = 10_000;
/** How long a packet by stream, its connection included, may take. */
const STREAM_TIMEOUT_MS = 5_000;
/** How long one that is gone is shown in the view. */
const SHOWN_MS = 60_000;

export interface GossipOptions {
  /**
   * Where other nodes may be: addresses, or what finds them, such as `dnsSeeds` and `fileSeeds`.
   * Those that do not answer are called again, after 1 s at first and every 10 s in the end, and so
   * is a provider that finds none; one that does is asked again every 30 s. Default: what `join` of
   * the node says.
   */
  readonly seeds?: readonly string[] | SeedProvider;
  /** Where the nodes are: `lan`, `wan` (across the Internet) or `local`. Default: `lan`. */
  readonly profile?: Profile;
  /** What differs from the profile; the same on all nodes. */
  readonly settings?: Partial<Settings>;
  /** Nodes that name another cluster are never heard. Default: one without a name. */
  readonly cluster?: string;
  /** The keys of datagrams. Default: one for each secret of the node. */
  readonly keyring?: Keyring;
  /**
   * Runs gossip on a thread of its own: while the main loop is busy, the node answers, and after a
   * second others are told that it is stalled. For nodes that listen at `host:port`, in real time.
   * Default: false.
   */
  readonly thread?: boolean;
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
 * @throws {BadOption} when a setting makes no sense, by itself or beside the others
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
  #keyring: Keyring | undefined;
  #env!: Env;
  #log!: Log;
  #net!: MembershipNet;
  #table!: MemberTable;
  #seeker: Seeker | undefined;
  #runner: GossipRunner | undefined;
  /** As gossip knows this node. */
  #address = '';
  #sweepTimer: Timer | undefined;
  #claimant: NameClaimant | undefined;
  #threadEnded: Error | undefined;
  /** Members that were present when a thread ended, and that the next one has not found yet. */
  #lost = new Set<string>();
  #lostTimer: Timer | undefined;
  #excludedLog!: SparseLog;
  #isStopped = false;

  constructor(options: GossipOptions) {
    checkSettings(options);
    this.#options = options;
    this.#keyring = options.keyring;
  }

  get keyring(): Keyring | undefined {
    return this.#keyring;
  }

  get counters(): GossipCounters {
    return this.#runner?.counters ?? NO_PACKETS;
  }

  async start(self: Member, { env, net, secret, seeds = [] }: MembershipDeps): Promise<void> {
    this.#env = env;
    this.#log = guardedLog(env.log);
    this.#net = net;
    this.#table = new MemberTable(self);
    this.#excludedLog = new SparseLog(env);
    if (secret !== undefined) this.#keyring ??= keyringOf(secret);
    this.#address = self.address === '' ? nowhere(self) : self.address;
    const runner = await this.#run(self);
    this.#runner = runner;
    if (this.#isStopped) return this.stop();
    net.onExchange((payload) => this.#answer(payload));
    this.#seeker = new Seeker({
      env,
      log: this.#log,
      seeds: this.#options.seeds ?? seeds,
      own: self.address,
      call: (seeds) => {
        runner.input({ kind: 'join', seeds });
        return runner.settled();
      },
    });
    const seeker = this.#seeker;
    this.#claimant = new NameClaimant({
      name: self.name,
      env,
      log: this.#log,
      ask: async (isFirst) => {
        await (isFirst ? seeker.seek() : seeker.again());
        if (seeker.failure !== undefined) throw seeker.failure;
        // Nobody has objected, for nobody was asked, or what they said went down with it.
        if (this.#threadEnded !== undefined) throw this.#threadEnded;
      },
      isTakenIn: () => {
        const { members } = this.#table.view;
        return members.some(({ name, state }) => name !== self.name && state === 'alive');
      },
    });
    await this.#claimant.run();
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
    this.#runner?.input({ kind: 'meta', meta: bytes });
  }

  report({ peer, event }: Evidence): void {
    if (this.#runner === undefined || this.#isStopped) return;
    const member = this.#table.get(peer.name);
    if (member === undefined || !isSameNode(member, peer)) return;
    const { name } = peer;
    // What the data plane could not reach, gossip tries itself before it says that it refuses.
    const seen = event === 'ok' ? 'heard' : 'reset';
    this.#runner.input({ kind: 'evidence', name, generation: 0, event: seen });
  }

  async leave({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    this.#table.setState(this.#table.view.self.name, 'left');
    const told = this.#runner?.leave();
    await new Promise<void>((resolve) => {
      const timer = this.#env.setTimer(timeoutMs, resolve);
      void told?.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#seeker?.stop();
    this.#claimant?.stop();
    this.#sweepTimer?.cancel();
    this.#lostTimer?.cancel();
    await this.#runner?.stop();
  }

  async #run({ name, incarnation, address, meta }: Member): Promise<GossipRunner> {
    const { profile = 'lan', settings = {}, cluster = '', thread = false } = this.#options;
    const env = this.#env;
    const own = {
      name,
      address: this.#address,
      // Later starts of one name have greater ones; a thousand fit into one millisecond.
      generation: Math.floor(env.wallTime()) * 1_000 + Math.floor(env.random() * 1_000),
      meta: encodeMetadata({ incarnation, meta }),
      profile,
      settings,
      cluster: numberOf(cluster),
    };
    const common = {
      env,
      deliver: (to: string, parcel: Parcel) => this.#deliver(to, parcel),
      onEvent: (event: GossipEvent) => this.#onEvent(event),
      onWatch: (addresses: readonly string[]) => {
        for (const each of addresses) this.#connect(each);
      },
      onForeign: (from: string, packets: number) => this.#onForeign(from, packets),
    };
    if (thread && address !== '') {
      return GossipThreadKeeper.start({
        ...common,
        log: this.#log,
        self: own,
        bind: this.#net.socketAddress,
        keyring: this.#keyring,
        onEnded: (error, isReplaced) => this.#onThreadEnded(error, isReplaced),
        onReplaced: () => this.#findAgain(),
      });
    }
    const engine = new GossipEngine({ ...own, ...common, keys: this.#keyring });
    if (address !== '' && this.#keyring !== undefined) await this.#openSocket(engine);
    return engine;
  }

  #onForeign(address: string, packets: number): void {
    const member = this.#table.view.members.find((each) => each.address === address)?.name;
    const fields = { from: address, packets, ...(member !== undefined && { member }) };
    this.#log.warn(fields, 'packets cannot be opened: no key of their sender is on this keyring');
    this.#table.tell({ kind: 'foreign', address, packets });
  }

  #onThreadEnded(error: Error, isReplaced: boolean): void {
    const cause = error;
    this.#threadEnded = new Error('the thread of gossip ended while the node joined', { cause });
    const then = isReplaced ? 'another one is started' : 'others will take this node for dead';
    this.#log.error({ error }, `the thread of gossip has ended: ${then}`);
    this.#table.tell({ kind: 'thread-ended', error, isReplaced });
  }

  /** A thread that knows nobody has begun: members that it does not find are gone. */
  async #findAgain(): Promise<void> {
    const { self, members } = this.#table.view;
    const others = members.filter(({ name, state }) => name !== self.name && isPresent(state));
    this.#lost = new Set(others.map(({ name }) => name));
    const known = others.flatMap(({ address }) => (address === '' ? [] : [address]));
    const seeds = [...known.slice(0, KNOWN_SEEDS_MAX), ...(this.#seeker?.seeds ?? [])];
    this.#runner?.input({ kind: 'join', seeds: [...new Set(seeds)] });
    this.#lostTimer?.cancel();
    this.#lostTimer = this.#env.setTimer(LOST_MS, () => this.#buryLost());
    await this.#runner?.settled();
  }

  #buryLost(): void {
    for (const name of this.#lost) {
      const member = this.#table.get(name);
      if (member !== undefined) this.#table.put({ ...member, state: 'down' });
    }
    this.#lost.clear();
  }

  async #openSocket(engine: GossipEngine): Promise<void> {
    try {
      const socket = await this.#net.datagrams((from, bytes) => engine.receive(from, bytes));
      if (socket !== undefined) engine.open(socket);
    } catch (error) {
      this.#log.warn({ error }, 'no socket for datagrams: all gossip goes by connections');
    }
  }

  #connect(address: string): void {
    this.#net.connect(address).catch((error: unknown) => {
      this.#log.debug({ address, error }, 'no connection to a member that is watched');
    });
  }

  async #deliver(to: string, { via, packet }: Parcel): Promise<Delivery> {
    try {
      const letter: Letter = { from: this.#address, via, packet };
      const target = isNowhere(to) ? nodeNowhere(to) : to;
      const parcels = await this.#net.exchange(target, letter, STREAM_TIMEOUT_MS);
      if (!areParcels(parcels)) throw new TypeError('not an answer of gossip');
      this.#seeker?.answered(to);
      return { kind: 'answered', parcels };
    } catch (error) {
      this.#log.debug({ to, error }, 'a packet of gossip was not answered');
      this.#seeker?.unanswered(to, error);
      return { kind: isRefusal(error) ? 'refused' : 'failed' };
    }
  }

  async #answer(payload: unknown): Promise<readonly Parcel[]> {
    if (!isLetter(payload)) throw new TypeError('not a packet of gossip');
    return (await this.#runner?.accept(payload.from, payload)) ?? [];
  }

  #onEvent(event: GossipEvent): void {
    const log = this.#log;
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
      case 'taken':
        return this.#claimant?.refused(event);
      case 'degraded':
      case 'stable':
        return this.#table.tell(event);
      case 'excluded':
        return this.#excludedLog.line((unlogged) => {
          log.warn({ name: event.name, why: event.why, unlogged }, 'a member was not admitted');
        });
    }
  }

  #onMember(kind: GossipEvent['kind'], status: MemberStatus): void {
    const member = memberOf(status);
    this.#lost.delete(member.name);
    const { name, address, state } = member;
    this.#table.put(member);
    if (kind === 'failed') this.#log.warn({ member: name, address }, 'a member is down');
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

/** The core of gossip has its own word for what it refuses, and would say it once a node starts. */
function checkSettings({ profile = 'lan', settings }: GossipOptions): void {
  if (!Object.hasOwn(profiles, profile)) {
    throw new BadOption('profile', profile, `give one of ${Object.keys(profiles).join(', ')}`);
  }
  try {
    settingsOf(profile, settings);
  } catch (cause) {
    throw new BadOption('settings', settings, messageOf(cause), { cause });
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

function keyringOf(secret: Secret): Keyring {
  const [first = '', ...others] = secretsOf(secret);
  const keyring = new Keyring(first);
  for (const other of others) keyring.add(other);
  return keyring;
}

/** Two clusters of different names have the same number once in four billion times. */
function numberOf(cluster: string): number {
  return cluster === '' ? 0 : createHash('sha256').update(cluster).digest().readUInt32BE(0);
}
