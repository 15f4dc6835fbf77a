import type { Env, Log, Timer } from '@troupe/actor';
import { checkDuration, guardedLog, messageOf } from '@troupe/actor/internal';
import { isRefusal, isTransient } from './exchange-failure.ts';
import {
  isSameNode,
  type Member,
  type MemberEvent,
  type MemberMeta,
  type MemberView,
} from './member.ts';
import { isPresent, MemberTable } from './member-table.ts';
import { NameClaimant } from './name-claim.ts';
import type { ClusterObserver } from './cluster-event.ts';
import type { Evidence, Membership, MembershipDeps, MembershipNet } from './membership.ts';
import { isDigest, type Digest } from './digest.ts';
import { type SeedProvider, seedProvider } from './seeds.ts';

export interface StaticMembersOptions {
  /**
   * Addresses of nodes that may be in the cluster, `host:port`, or what finds them, which is asked
   * once. Silent ones are tried again. Default: what `join` of the node says.
   */
  readonly seeds?: readonly string[] | SeedProvider;
  /** Time between two heartbeats to one member, in milliseconds. Default: 1,000. */
  readonly intervalMs?: number;
  /** Silence after which a member is suspected, in milliseconds. Default: 2,500. */
  readonly suspectAfterMs?: number;
  /** How long a suspect has to answer before it is down, in milliseconds. Default: 2,500. */
  readonly downAfterMs?: number;
  /** The same for a suspect whose address refuses connections: it is gone. Default: 500. */
  readonly refusedDownAfterMs?: number;
}

const TIMES = ['intervalMs', 'suspectAfterMs', 'downAfterMs', 'refusedDownAfterMs'] as const;
/** How long one that is gone is remembered, so that old news of it is known as old. */
const TOMBSTONE_MS = 60_000;
/** Of what a peer may say that an address is. */
const ADDRESS_CHARS_MAX = 256;

/**
 * A list of addresses, and heartbeats: every node sends every other one all it knows, once an
 * interval, and judges by itself who is alive. Simple and quick for a dozen nodes; the traffic
 * grows with the square of their number. A partition heals, because both sides keep calling those
 * they lost.
 * @throws {BadOption} when a time is none
 */
export function staticMembers(options: StaticMembersOptions = {}): Membership {
  return new StaticMembers(options);
}

/** What one node remembers of its contacts with another. */
interface Contact {
  readonly incarnation: string;
  heardAt: number;
  suspectAt: number;
  goneAt: number;
  refused: boolean;
  exchanging: boolean;
}

class StaticMembers implements Membership {
  readonly kind = 'static';
  readonly guarantees = { liveness: 'probed', view: 'eventual', heals: true } as const;
  readonly #seeds: StaticMembersOptions['seeds'];
  readonly #options: Required<Omit<StaticMembersOptions, 'seeds'>>;
  readonly #contacts = new Map<string, Contact>();
  /** Seeds that have not answered, and whether the log has been told. */
  readonly #silentSeeds = new Map<string, boolean>();
  #env!: Env;
  #log!: Log;
  #net!: MembershipNet;
  #table!: MemberTable;
  #claimant: NameClaimant | undefined;
  #timer: Timer | undefined;
  #running = false;
  #hasJoined = false;

  constructor(options: StaticMembersOptions) {
    for (const name of TIMES) {
      if (options[name] !== undefined) checkDuration(name, options[name]);
    }
    this.#seeds = options.seeds;
    this.#options = {
      intervalMs: options.intervalMs ?? 1_000,
      suspectAfterMs: options.suspectAfterMs ?? 2_500,
      downAfterMs: options.downAfterMs ?? 2_500,
      refusedDownAfterMs: options.refusedDownAfterMs ?? 500,
    };
  }

  async start(self: Member, { env, net, seeds = [] }: MembershipDeps): Promise<void> {
    this.#running = true;
    this.#env = env;
    this.#log = guardedLog(env.log);
    this.#net = net;
    this.#table = new MemberTable(self);
    for (const seed of await seedProvider(this.#seeds ?? seeds)()) {
      if (seed !== self.address) this.#silentSeeds.set(seed, false);
    }
    net.onExchange((payload) => this.#answer(payload));
    const called = [...this.#silentSeeds.keys()];
    const claimant = new NameClaimant({
      name: self.name,
      env,
      log: this.#log,
      ask: async () => void (await Promise.all(called.map((seed) => this.#callSeed(seed)))),
      isTakenIn: () => this.#others().some(({ state }) => state === 'alive'),
    });
    this.#claimant = claimant;
    await claimant.run();
    this.#hasJoined = true;
    this.#schedule();
  }

  view(): MemberView {
    return this.#table.view;
  }

  watch(signal: AbortSignal): AsyncIterable<MemberEvent> {
    return this.#table.watch(signal);
  }

  setMeta(meta: MemberMeta): void {
    this.#table.setMeta(meta);
    void this.#round();
  }

  observe(observer: ClusterObserver): () => void {
    return this.#table.observe(observer);
  }

  report({ peer, event }: Evidence): void {
    if (!this.#running) return;
    const member = this.#table.get(peer.name);
    if (member === undefined || !isSameNode(member, peer)) return;
    const contact = this.#contactOf(member);
    contact.refused = event === 'refused';
    if (event === 'ok') {
      contact.heardAt = this.#env.now();
      if (member.state === 'suspect') this.#table.put({ ...member, state: 'alive' });
    }
    if (event === 'ok' || !isPresent(member.state)) return;
    this.#suspect(member);
    void this.#callMember(member); // It may be well: ask at once rather than at the next round.
  }

  async leave({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    this.#table.setState(this.#table.view.self.name, 'left');
    const others = this.#others().filter((member) => isPresent(member.state));
    const told = others.map((member) =>
      this.#net.exchange(member.address, this.#digest(), timeoutMs).catch((error: unknown) => {
        this.#log.debug({ member: member.name, error }, 'could not be told of the leaving');
      }),
    );
    await Promise.all(told);
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#claimant?.stop();
    this.#timer?.cancel();
  }

  #digest(): Digest {
    const { self, members } = this.#table.view;
    return { from: self, members };
  }

  /** @param delayMs to the next round; by default an interval, less or more by a tenth at random */
  #schedule(delayMs = this.#options.intervalMs * (0.9 + 0.2 * this.#env.random())): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#running || !this.#hasJoined) return;
    // Alone and with nobody to look for: a timer would only keep the process alive.
    if (this.#others().length === 0 && this.#silentSeeds.size === 0) return;
    this.#timer = this.#env.setTimer(delayMs, () => {
      void this.#round();
      this.#schedule();
    });
  }

  async #round(): Promise<void> {
    this.#judge();
    const members = this.#others().map((member) => this.#callMember(member));
    const seeds = [...this.#silentSeeds.keys()].map((seed) => this.#callSeed(seed));
    await Promise.all([...members, ...seeds]).catch((error: unknown) => {
      this.#log.error({ error }, 'this node can no longer take part in the cluster');
    });
  }

  /** Silence makes suspects, and suspects that stay silent are down. */
  #judge(): void {
    const now = this.#env.now();
    for (const member of this.#others()) {
      const contact = this.#contactOf(member);
      if (member.state === 'alive') {
        if (now - contact.heardAt >= this.#options.suspectAfterMs) this.#suspect(member);
      } else if (member.state === 'suspect') {
        const { downAfterMs, refusedDownAfterMs } = this.#options;
        const graceMs = contact.refused ? refusedDownAfterMs : downAfterMs;
        if (now - contact.suspectAt < graceMs) continue;
        contact.goneAt = now;
        this.#table.setState(member.name, 'down');
        this.#log.warn({ member: member.name, address: member.address }, 'a member is down');
      } else if (now - contact.goneAt >= TOMBSTONE_MS) {
        this.#contacts.delete(member.name);
        this.#table.forget(member.name);
      }
    }
  }

  #suspect(member: Member): void {
    if (member.state !== 'alive') return;
    this.#contactOf(member).suspectAt = this.#env.now();
    this.#table.setState(member.name, 'suspect');
    this.#schedule(Math.min(this.#options.intervalMs, this.#options.refusedDownAfterMs));
  }

  async #callMember(member: Member): Promise<void> {
    if (member.address === '' || member.state === 'left') return;
    const contact = this.#contactOf(member);
    if (contact.exchanging) return;
    contact.exchanging = true;
    try {
      await this.#exchange(member.address);
    } catch (error) {
      // Silence is judged as it lasts; a host that refuses says that nobody is there.
      contact.refused = isRefusal(error);
      this.#log.debug({ member: member.name, error }, 'no answer to a heartbeat');
    } finally {
      contact.exchanging = false;
      // One that others only speak of is no member here until it has answered.
      if (this.#table.get(member.name) === undefined) this.#contacts.delete(member.name);
    }
  }

  async #callSeed(seed: string): Promise<void> {
    try {
      if (await this.#exchange(seed)) this.#silentSeeds.delete(seed);
    } catch (error) {
      if (!isTransient(error)) throw error;
      const logged = this.#silentSeeds.get(seed);
      if (logged === false) {
        this.#silentSeeds.set(seed, true);
        const { intervalMs } = this.#options;
        const reason = messageOf(error);
        this.#log.warn({ seed, reason }, `no answer from a seed: trying every ${intervalMs} ms`);
      }
    }
  }

  /** @returns whether who is there has taken this node in, rather than refused its name */
  async #exchange(address: string): Promise<boolean> {
    const answer = await this.#net.exchange(address, this.#digest(), this.#timeoutMs);
    const holder = holderSaid(answer);
    if (holder === undefined) this.#learn(answer);
    else this.#refused(address, holder);
    return holder === undefined;
  }

  /** Who is at `by` says that the name of this node is that of one at `holder`. */
  #refused(by: string, holder: string): void {
    this.#claimant?.refused({ address: holder, isSure: by === holder });
    if (!this.#hasJoined && by !== holder && holder !== '') void this.#askHolder(holder);
  }

  /** Others may not have missed it yet: it alone is sure that it is there. */
  async #askHolder(holder: string): Promise<void> {
    try {
      const answer = await this.#net.exchange(holder, this.#digest(), this.#timeoutMs);
      const isSure = holderSaid(answer) === holder;
      if (isSure && !this.#hasJoined) this.#claimant?.refused({ address: holder, isSure });
    } catch (error) {
      this.#log.debug({ holder, error }, 'who has the name of this node does not answer');
    }
  }

  get #timeoutMs(): number {
    return Math.max(this.#options.suspectAfterMs, this.#options.intervalMs);
  }

  #answer(payload: unknown): unknown {
    if (!isDigest(payload)) throw new TypeError('not a heartbeat');
    const { from } = payload;
    const holder = this.#holderOf(from);
    if (holder === undefined) {
      this.#learn(payload);
      return this.#digest();
    }
    if (holder.name !== this.#table.view.self.name) void this.#look(holder);
    return { nameTakenBy: holder.address };
  }

  /** Somebody claims the name of `member`, which may have ended a moment ago. */
  async #look(member: Member): Promise<void> {
    await this.#callMember(member);
    const known = this.#table.get(member.name);
    const isRefused = this.#contacts.get(member.name)?.refused === true;
    if (isRefused && known !== undefined && isSameNode(known, member)) this.#suspect(known);
  }

  /** The member, if any, that has the caller's name, is not given up, and is somebody else. */
  #holderOf(from: Member): Member | undefined {
    const holder = this.#table.get(from.name);
    if (holder === undefined || !isPresent(holder.state) || isSameNode(holder, from)) {
      return undefined;
    }
    // Two processes cannot listen at one address: who does now has followed who did before.
    const follows = holder.address === from.address && holder.incarnation < from.incarnation;
    return follows && from.address !== '' ? undefined : holder;
  }

  #learn(payload: unknown): void {
    const { self } = this.#table.view;
    if (!isDigest(payload)) throw new TypeError('not an answer to a heartbeat');
    const { from, members } = payload;
    this.#heard(from);
    for (const member of members) {
      // Of others this says that they exist, or said goodbye; who lives, each node sees itself.
      if (member.name === self.name || member.name === from.name) continue;
      const known = this.#table.get(member.name);
      if (known !== undefined && known.incarnation >= member.incarnation) {
        if (isSameNode(known, member) && member.state === 'left') this.#gone(member);
      } else if (member.state === 'alive') {
        void this.#callMember(member);
      }
    }
  }

  /** `from` itself has spoken. */
  #heard(from: Member): void {
    const known = this.#table.get(from.name);
    if (known !== undefined && known.incarnation > from.incarnation) return; // Of an earlier life.
    if (from.state === 'left') return this.#gone(from);
    const contact = this.#contactOf(from);
    contact.heardAt = this.#env.now();
    contact.refused = false;
    this.#table.put({ ...from, state: 'alive' });
    this.#silentSeeds.delete(from.address);
    if (this.#timer === undefined) this.#schedule();
  }

  #gone(member: Member): void {
    this.#contactOf(member).goneAt = this.#env.now();
    this.#table.put({ ...member, state: 'left' });
  }

  #others(): readonly Member[] {
    const { self, members } = this.#table.view;
    return members.filter((member) => member.name !== self.name);
  }

  #contactOf({ name, incarnation }: Member): Contact {
    let contact = this.#contacts.get(name);
    if (contact?.incarnation !== incarnation) {
      const now = this.#env.now();
      contact = {
        incarnation,
        heardAt: now,
        suspectAt: now,
        goneAt: now,
        refused: false,
        exchanging: false,
      };
      this.#contacts.set(name, contact);
    }
    return contact;
  }
}

/** Where somebody else of this node's name is, as an answer to its heartbeat may say. */
function holderSaid(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('nameTakenBy' in answer)) return undefined;
  const { nameTakenBy } = answer;
  return typeof nameTakenBy === 'string' ? nameTakenBy.slice(0, ADDRESS_CHARS_MAX) : undefined;
}
