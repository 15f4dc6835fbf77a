import {
  type ActorSystem,
  type AnyRef,
  BadOption,
  type IncomingInterceptor,
  type Timer,
  Unreachable,
} from '@troupe/actor';
import { checkDuration, type Recipient, messageOf } from '@troupe/actor/internal';
import { isEverywhere } from './address.ts';
import { CborCodec } from './cbor-codec.ts';
import { ChannelTable } from './channel-table.ts';
import type { Codec } from './codec.ts';
import { Exchanges } from './exchanges.ts';
import { FrameMemory } from './frame-memory.ts';
import type { Router } from './incoming.ts';
import {
  type Admission,
  HandshakeRefused,
  NO_SESSION,
  type PeerIdentity,
  type Purpose,
  type RefusalReason,
  type Secret,
  secretsOf,
  type SessionState,
} from './handshake.ts';
import { Lines } from './lines.ts';
import {
  acceptLink,
  dialLink,
  dialProved,
  Link,
  type LinkOptions,
  type Make,
  type Proved,
} from './link.ts';
import { type PeerLimits, peerLimits } from './peer-limits.ts';
import { Peer } from './peer.ts';
import { PeerReplaced } from './peer-replaced.ts';
import { keyOf, PeerTable } from './peer-table.ts';
import { refuseWeakSecret } from './secret.ts';
import {
  type Connection,
  type DatagramReceiver,
  type DatagramSocket,
  ListenFailed,
  type Listener,
  type Transport,
} from './transport.ts';
import type { ErrorClass } from './wire-error.ts';

/** How long making a connection, handshake included, may take. */
const DIAL_TIMEOUT_MS = 5_000;
/** Silence after which a peer is asked for a sign of life, and after which it is given up. */
const PING_AFTER_MS = 1_000;
const LOST_AFTER_MS = 5_000;
/** Strangers that may be at the door at once; further ones are turned away. */
const HANDSHAKES_MAX = 1_024;
const RESUME_WINDOW_MS = 5_000;
/** Why connections are turned away every day: no reason to tell people. */
const IN_ORDER: ReadonlySet<RefusalReason> = new Set(['duplicate', 'stopping', 'unwanted']);

export interface EndpointOptions {
  /** Its `name` is the node's. */
  readonly system: ActorSystem;
  readonly transport: Transport;
  /**
   * `host:port` to listen on; port 0 takes a free one. All addresses of the machine, `0.0.0.0`,
   * only where the transport says by which of them others reach it. Default: does not listen.
   */
  readonly listen?: string | undefined;
  /** Shared by all nodes of the cluster, at least 16 bytes; needed beyond loopback. */
  readonly secret?: Secret | undefined;
  readonly router: EndpointRouter;
  /** Unguessable and new with every start of the node; later ones sort after earlier ones. */
  readonly incarnation: string;
  /** Error classes of the application that cross as themselves. */
  readonly errors?: readonly ErrorClass[] | undefined;
  readonly codec?: Codec | undefined;
  /** Sends stacks of errors along. Default: true. */
  readonly sendsStacks?: boolean | undefined;
  /** What one other node may have going here. Default: `DEFAULT_PEER_LIMITS`. */
  readonly limits?: Partial<PeerLimits> | undefined;
  readonly pingAfterMs?: number | undefined;
  readonly lostAfterMs?: number | undefined;
  /**
   * How long a session goes on without a connection, in milliseconds, before all that was under
   * way is told that it is lost. Default: 5,000.
   */
  readonly resumeWindowMs?: number | undefined;
  /** Compresses what is sent to peers that are for it too. Default: false. */
  readonly compress?: boolean | undefined;
  /** Versions of the protocol to agree on. Default: all that this code speaks. */
  readonly versions?: readonly [min: number, max: number] | undefined;
  /** Run around each message that comes from another node, the first outermost. Default: none. */
  readonly edge?: readonly IncomingInterceptor[] | undefined;
  readonly onConnected?: (peer: Peer) => void;
  /** From time to time, for peers that are known to live although they may be silent. */
  readonly onAlive?: (peer: Peer) => void;
  /** A connection was lost, or none could be made. */
  readonly onLost?: (peer: Peer, wasConnected: boolean) => void;
}

/** How the layer above takes part in what arrives and in references to entities. */
export interface EndpointRouter extends Router {
  /** The entity behind a reference of the layer above. */
  entityOf(recipient: Recipient): readonly [kind: string, key: string] | undefined;
  refer(kind: string, key: string): AnyRef;
  /** Whether a method may be run twice, as far as the class of that kind is known here. */
  isIdempotent(kind: string, method: string): boolean;
}

/** One node's door to all others: it listens, dials, and knows every peer by its incarnation. */
export class Endpoint {
  readonly system: ActorSystem;
  readonly router: EndpointRouter;
  readonly codec: Codec;
  readonly errorClasses: readonly ErrorClass[];
  readonly sendsStacks: boolean;
  readonly limits: PeerLimits;
  readonly edge: readonly IncomingInterceptor[];
  readonly table: ChannelTable;
  /** Where large frames arrive. */
  readonly memory: FrameMemory;
  /** Beside the sessions; with peers that speak `EXCHANGE_PROTOCOL`. */
  readonly exchanges: Exchanges;
  /** Of the layer above; with peers that speak `EXCHANGE_PROTOCOL`. */
  readonly lines: Lines;
  readonly resumeWindowMs: number;
  readonly #options: EndpointOptions;
  readonly #peers: PeerTable;
  /** Connections in the making, by address. */
  readonly #dialing = new Map<string, Promise<Peer>>();
  /** Peers, by key, that have answered a dial of ours which is not done yet. */
  readonly #answering = new Set<string>();
  /** Peers, by key, that have been let in and are not taken over yet. */
  readonly #admitted = new Set<string>();
  /** Connections made so far. */
  #links = 0;
  /** Of connections that were accepted and have not proved themselves. */
  #handshakes = 0;
  #isCrowded = false;
  readonly #connectedWaiters = new Set<(peer: Peer) => void>();
  #address = '';
  #listener: Listener | undefined;
  #closed = false;
  #lifeTimer: { cancel(): void } | undefined;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.system = options.system;
    this.router = options.router;
    this.codec = options.codec ?? new CborCodec();
    this.errorClasses = options.errors ?? [];
    this.sendsStacks = options.sendsStacks ?? true;
    for (const name of ['pingAfterMs', 'lostAfterMs', 'resumeWindowMs'] as const) {
      if (options[name] !== undefined) checkDuration(name, options[name]);
    }
    this.resumeWindowMs = options.resumeWindowMs ?? RESUME_WINDOW_MS;
    this.limits = peerLimits(options.limits);
    this.edge = options.edge ?? [];
    this.#peers = new PeerTable(this.system.env);
    this.table = new ChannelTable(this);
    this.memory = new FrameMemory(this.system.env);
    this.exchanges = new Exchanges({
      system: this.system,
      dial: (address, make) => this.#dialBeside('exchange', address, make),
    });
    this.lines = new Lines((address, make) => this.#dialBeside('line', address, make));
  }

  /** @throws when nobody can listen there, or connect; or the secret is weak: with what to do */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    refuseWeakSecret(options.secret);
    const endpoint = new Endpoint(options);
    await endpoint.#listen();
    return endpoint;
  }

  get identity(): PeerIdentity {
    return {
      name: this.system.name,
      incarnation: this.#options.incarnation,
      address: this.#address,
    };
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The nodes that this one speaks to, or has spoken to. */
  get peers(): Iterable<Peer> {
    return this.#peers.spoken();
  }

  /** Nodes that this one has only heard of, in references that somebody here still has. */
  get named(): number {
    return this.#peers.named;
  }

  isSelf(identity: PeerIdentity): boolean {
    return identity.name === this.system.name && identity.incarnation === this.#options.incarnation;
  }

  /** @param by the peer that names the node, which it may do with so many and no more */
  peerOf(identity: PeerIdentity, by?: Peer): Peer {
    return this.#peers.peerOf(identity, by, () => new Peer(this, identity));
  }

  /** The peer that listens at `address`; connects when no connection to it stands. */
  async connect(address: string): Promise<Peer> {
    for (const peer of this.peers) {
      if (peer.isConnected && peer.identity.address === address) return peer;
    }
    // Whoever else wants the same at this moment shares the one connection.
    let dialing = this.#dialing.get(address);
    if (dialing === undefined) {
      dialing = this.#dial(address).finally(() => this.#dialing.delete(address));
      this.#dialing.set(address, dialing);
    }
    return dialing;
  }

  /** Opens a socket for datagrams at the address that this node listens at, if there can be one. */
  async datagrams(receive: DatagramReceiver): Promise<DatagramSocket | undefined> {
    if (this.#address === '') return undefined;
    return this.#options.transport.datagrams?.(this.boundAddress, receive);
  }

  /** Where this node listens, which may not be where others dial it; empty when it does not. */
  get boundAddress(): string {
    return this.#listener?.boundAddress ?? this.#address;
  }

  /** Makes a connection for a peer that has none. */
  async dialPeer(peer: Peer): Promise<void> {
    const { name, address } = peer.identity;
    if (address === '') throw new Error(`${name} does not listen for connections`);
    this.#peers.keep(peer); // Also one that was forgotten and is needed again.
    try {
      const found = await this.connect(address);
      if (found !== peer) throw new PeerReplaced(address, found.identity.name);
    } catch (error) {
      if (!peer.hasSession) this.#peers.letGo(peer);
      throw error;
    }
  }

  /**
   * The node has gone, or is taken to have. A session that goes on is let be, unless `reason` says
   * why it has to end. Should the same incarnation be heard of again, all that refers to it leads
   * there again, by a new session.
   */
  forget(identity: PeerIdentity, reason?: string): void {
    const peer = this.#peers.get(keyOf(identity));
    if (peer === undefined || (reason === undefined && peer.hasSession)) return;
    this.#peers.letGo(peer);
    if (reason !== undefined) peer.end(new Error(reason));
  }

  onConnected(peer: Peer): void {
    for (const waiter of this.#connectedWaiters) waiter(peer);
    this.#options.onConnected?.(peer);
  }

  onAlive(peer: Peer): void {
    this.#options.onAlive?.(peer);
  }

  onLost(peer: Peer, wasConnected: boolean): void {
    if (!this.#closed) this.#options.onLost?.(peer, wasConnected);
  }

  /**
   * The first step of an orderly end: tells every peer that nothing is begun here any more, and
   * lets what is under way be answered. `close` is the second, and says what was never begun.
   * @returns when no peer waits for an answer any more, or after `timeoutMs`
   */
  async drain(timeoutMs: number): Promise<void> {
    const left = Promise.all([...this.peers].map((peer) => peer.leave()));
    let timer: Timer | undefined;
    const timedOut = new Promise<void>((resolve) => {
      timer = this.system.env.setTimer(timeoutMs, resolve);
    });
    await Promise.race([left, timedOut]);
    timer?.cancel();
  }

  /** Stops listening and hangs up on every peer, after what was sent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#lifeTimer?.cancel();
    this.exchanges.close();
    this.lines.close();
    for (const peer of this.peers) peer.hangUp('the node is stopping');
    this.table.close();
    await this.#listener?.close();
  }

  async #listen(): Promise<void> {
    const { listen, transport, secret } = this.#options;
    if (listen === undefined) return;
    if (secretsOf(secret).length === 0 && transport.needsSecret(listen)) {
      throw new ListenFailed(
        listen,
        'beyond this machine a node listens only with a secret, which its peers must know, or ' +
          'with certificates; pass { secret } or { tls }, or listen on 127.0.0.1',
      );
    }
    this.#listener = await transport.listen(
      listen,
      (connection) => void this.#accept(connection),
      (from, error) => this.#refused(from, error),
    );
    this.#address = this.#listener.address;
    if (!isEverywhere(this.#address)) return;
    await this.#listener.close();
    // Why none of the machine's addresses is chosen stands in the DESIGN.md of @troupe/cluster.
    const advice =
      'others are told to connect there, which is to themselves; pass advertise, an address at ' +
      'which they reach this node, or listen on that';
    throw new BadOption('listen', listen, advice);
  }

  async #dial(address: string): Promise<Peer> {
    let found: PeerIdentity | undefined;
    let isFirst = false;
    const propose = (peer: PeerIdentity): Admission => {
      found = peer;
      isFirst = !this.#isKnown(peer);
      if (!isFirst) return { refuse: 'duplicate' };
      this.#answering.add(keyOf(peer));
      return this.isSelf(peer) ? NO_SESSION : this.peerOf(peer).proposeSession();
    };
    try {
      const link = await dialLink({
        ...this.#linkOptions(),
        propose,
        transport: this.#options.transport,
        address,
        timeoutMs: DIAL_TIMEOUT_MS,
      });
      if (!this.isSelf(link.agreement.peer)) return this.#adopt(link, true);
      link.close(new Error('a node needs no connection to itself'));
    } catch (cause) {
      const isDuplicate = cause instanceof HandshakeRefused && cause.reason === 'duplicate';
      if (isDuplicate && found !== undefined) return await this.#awaitPeer(found, cause);
      const reason = messageOf(cause);
      throw new Unreachable(address, reason, { cause });
    } finally {
      if (isFirst && found !== undefined) this.#answering.delete(keyOf(found));
    }
    throw new Unreachable(address, 'it is the address of this very node');
  }

  /** Makes a connection that is no session's. */
  #dialBeside<T extends Proved>(purpose: Purpose, address: string, make: Make<T>): Promise<T> {
    const { transport } = this.#options;
    const own = { ...this.#linkOptions(), compress: false, purpose, transport };
    return dialProved({ ...own, address, timeoutMs: DIAL_TIMEOUT_MS }, make);
  }

  async #accept(connection: Connection): Promise<void> {
    if (this.#handshakes >= HANDSHAKES_MAX) {
      // One line for all of them until there is room again: strangers do not fill the log.
      if (!this.#isCrowded) this.#refused('many', new HandshakeRefused('busy'));
      this.#isCrowded = true;
      connection.destroy();
      return;
    }
    this.#handshakes += 1;
    const linksBefore = this.#links;
    let admitted: string | undefined;
    const admit = (peer: PeerIdentity, proposed: SessionState, purpose: Purpose): Admission => {
      if (purpose === 'exchange') return this.exchanges.admit(peer, connection.caller);
      if (purpose === 'line') return this.lines.admit(peer, connection.caller);
      if (this.#isDuplicate(peer, linksBefore)) return { refuse: 'duplicate' };
      this.#admitted.add((admitted = keyOf(peer)));
      return this.peerOf(peer).admitSession(proposed);
    };
    try {
      const options = { ...this.#linkOptions(), admit };
      const proved = await acceptLink<Proved>(connection, options, (line, { peer, purpose }) =>
        (purpose === 'line' ? this.lines : this.exchanges).serve(line, peer),
      );
      if (proved instanceof Link) this.#adopt(proved, false);
    } catch (error) {
      if (!isInOrder(error, connection)) this.#refused(connection.remoteAddress, error);
    } finally {
      if (admitted !== undefined) this.#admitted.delete(admitted);
      this.#handshakes -= 1;
      this.#isCrowded = false;
    }
  }

  #refused(from: string, error: unknown): void {
    const reason = messageOf(error);
    this.system.log.warn({ from, reason }, 'a connection was refused');
  }

  /** It has dialled us meanwhile, or listens at another address that is being dialled too. */
  #isKnown(peer: PeerIdentity): boolean {
    const key = keyOf(peer);
    const isConnected = this.#peers.get(key)?.isConnected === true;
    return isConnected || this.#admitted.has(key) || this.#answering.has(key);
  }

  /**
   * When two nodes dial each other at once, the connection of the one whose key sorts first is
   * kept; the other node is told so by its own being refused, and waits for that one to arrive.
   * One that was made while the peer's handshake ran is kept too: the peer dialled before it knew.
   * An older one is not: the peer would not dial, had it not lost that.
   */
  #isDuplicate(peer: PeerIdentity, linksBefore: number): boolean {
    const key = keyOf(peer);
    if (this.#answering.has(key) && keyOf(this.identity) < key) return true;
    const known = this.#peers.get(key);
    return known?.isConnected === true && known.linkNumber > linksBefore;
  }

  /** The connection that is kept is here, or under way from the other side. */
  #awaitPeer(identity: PeerIdentity, cause: Error): Promise<Peer> {
    const awaited = this.peerOf(identity);
    if (awaited.isConnected) return Promise.resolve(awaited);
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#connectedWaiters.delete(waiter);
        timer.cancel();
      };
      const waiter = (peer: Peer): void => {
        if (peer !== awaited) return;
        done();
        resolve(peer);
      };
      const timer = this.system.env.setTimer(DIAL_TIMEOUT_MS, () => {
        done();
        reject(new Unreachable(identity.address, cause.message, { cause }));
      });
      this.#connectedWaiters.add(waiter);
    });
  }

  #adopt(link: Link, isDialler: boolean): Peer {
    const peer = this.peerOf(link.agreement.peer);
    this.#peers.keep(peer);
    this.#buryOlder(peer.identity);
    if (this.#closed) link.destroy(new Error('this node has stopped'));
    else peer.adopt(link, { isDialler, number: (this.#links += 1) });
    if (this.#lifeTimer === undefined) this.#watchLife();
    return peer;
  }

  /** A node that was started again has no session of its earlier life to go on with. */
  #buryOlder({ name, incarnation }: PeerIdentity): void {
    for (const { identity } of this.peers) {
      if (identity.name === name && identity.incarnation < incarnation) {
        this.forget(identity, 'the node was started again');
      }
    }
  }

  #linkOptions(): LinkOptions {
    const { secret, versions, compress } = this.#options;
    return {
      env: this.system.env,
      self: this.identity,
      secret,
      versions,
      compress,
    };
  }

  /** While there are connections, sees that somebody is alive at their other end. */
  #watchLife(): void {
    const pingAfterMs = this.#options.pingAfterMs ?? PING_AFTER_MS;
    const lostAfterMs = this.#options.lostAfterMs ?? LOST_AFTER_MS;
    const { env } = this.system;
    let lastLook = env.now();
    const look = (): void => {
      const now = env.now();
      // A loop of ours that stood still proves nothing about the others: their bytes may wait.
      const stalled = now - lastLook > 2 * pingAfterMs;
      lastLook = now;
      const connected = [...this.peers].filter((peer) => peer.isConnected);
      for (const peer of connected) {
        if (!stalled) peer.checkLife(now, { pingAfterMs, lostAfterMs });
      }
      this.#lifeTimer = connected.length > 0 ? env.setTimer(pingAfterMs, look) : undefined;
    };
    this.#lifeTimer = env.setTimer(pingAfterMs, look);
  }
}

/**
 * A refusal that is no reason to worry anybody: the other connection is kept, or a node stops, or
 * another thread of this process has waited in vain for this one, which was busy.
 */
function isInOrder(error: unknown, { tellsOfDeath = false }: Connection): boolean {
  if (!(error instanceof HandshakeRefused)) return false;
  return IN_ORDER.has(error.reason) || (tellsOfDeath && error.reason === 'busy');
}
