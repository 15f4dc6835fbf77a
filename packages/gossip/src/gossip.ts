import { Core, type SelfOptions } from './core.ts';
import { INCARNATION_MAX, type Member, type MemberStatus } from './member.ts';
import type { Packet, Ping, Way } from './message.ts';
import { learn, speakAnew } from './news.ts';
import type { Evidence, Input, Output } from './output.ts';
import { Probes } from './probes.ts';
import { type Settings, settingsOf, type Profile } from './settings.ts';
import type { Suspicion } from './suspicion.ts';
import { Sync } from './sync.ts';
import { Trials } from './trials.ts';
import { ADDRESS_BYTES_MAX, META_BYTES_MAX, NAME_BYTES_MAX } from './limits.ts';

export interface GossipOptions extends SelfOptions {
  /** Where the members are. Default: `lan`. */
  readonly profile?: Profile;
  /** What differs from the profile. */
  readonly settings?: Partial<Settings>;
  /** Members with other numbers are never heard: two clusters do not become one. Default: 0. */
  readonly cluster?: number;
  /** Yields numbers in [0, 1). Give each member other ones. */
  readonly random: () => number;
  /** The time, in milliseconds of any clock that never goes back. */
  readonly nowMs: number;
}

/**
 * One member of a cluster, as a value: it is told the time and what arrives, and says what to send
 * and what has become of the others. It does nothing by itself; call `step` with a tick whenever
 * `nextDeadlineMs` has come.
 */
export class Gossip {
  readonly #core: Core;
  readonly #probes: Probes;
  readonly #trials: Trials;
  readonly #sync: Sync;
  #gossipAtMs = Infinity;
  #suspectAtMs = Infinity;
  #stableAtMs = Infinity;
  /** When this process last stood still, or began. */
  #heldUpAtMs: number;
  /** Times in a row that it was late. */
  #excuses = 0;
  #watched: readonly Member[] = [];
  readonly #answeredAtMs = new Map<string, number>();

  constructor(options: GossipOptions) {
    const { profile = 'lan', settings, cluster = 0, random, nowMs, meta } = options;
    if (meta.length > META_BYTES_MAX) {
      throw new RangeError(`meta is ${meta.length} bytes: give ${META_BYTES_MAX} at most`);
    }
    const { incarnation = 0 } = options;
    if (!(Number.isInteger(incarnation) && incarnation >= 0 && incarnation <= INCARNATION_MAX)) {
      throw new RangeError(`incarnation is ${incarnation}: give 0 … ${INCARNATION_MAX}`);
    }
    checkText('name', options.name, NAME_BYTES_MAX);
    checkText('address', options.address, ADDRESS_BYTES_MAX);
    this.#core = new Core(options, { settings: settingsOf(profile, settings), cluster, random });
    this.#core.nowMs = nowMs;
    this.#heldUpAtMs = nowMs;
    this.#probes = new Probes(this.#core, nowMs);
    this.#trials = new Trials(this.#core, this.#probes);
    this.#sync = new Sync(this.#core, nowMs);
  }

  get self(): MemberStatus {
    return { ...this.#core.self, state: this.#core.isLeaving ? 'left' : 'alive' };
  }

  /** All others that are known, those that are gone included. */
  *members(): Generator<MemberStatus> {
    for (const member of this.#core.roster.all()) yield member;
  }

  get(name: string): MemberStatus | undefined {
    return this.#core.roster.get(name);
  }

  /** Members that are present, this one included. */
  get size(): number {
    return this.#core.size;
  }

  /** How unwell this member thinks itself to be. */
  get health(): number {
    return this.#core.health.score;
  }

  /** Pieces of news that wait to be passed on. */
  get untold(): number {
    return this.#core.rumors.size;
  }

  /** Equal for equal views. */
  get digest(): number {
    return this.#core.digest;
  }

  /** When the next tick is due. */
  get nextDeadlineMs(): number {
    return Math.min(
      this.#probes.dueAtMs,
      this.#trials.dueAtMs,
      this.#sync.dueAtMs,
      this.#gossipAtMs,
      this.#suspectAtMs,
      this.#stableAtMs,
    );
  }

  /**
   * What follows from `input` at `nowMs`; to be carried out in order.
   * @param nowMs never less than before
   */
  step(nowMs: number, input: Input): readonly Output[] {
    const core = this.#core;
    const changedAtMs = core.changedAtMs;
    core.outputs = [];
    core.nowMs = Math.max(core.nowMs, nowMs);
    this.#take(input);
    this.#lookAtAccused();
    const isQuiet = core.changedAtMs === changedAtMs && core.roster.suspects.size === 0;
    if (!isQuiet || input.kind === 'tick') this.#afterChange();
    if (core.rumors.size > 0 && this.#gossipAtMs === Infinity && core.size > 1) {
      // At once but for a breath: the sooner news goes on, the sooner all have it.
      this.#gossipAtMs = core.nowMs + core.random() * core.settings.gossipPeriodMs;
    }
    return core.outputs;
  }

  #take(input: Input): void {
    switch (input.kind) {
      case 'tick':
        return this.#tick();
      case 'packet':
        return this.#receive(input.packet, input);
      case 'evidence':
        return this.#weigh(input);
      case 'join':
        return this.#sync.join(input.seeds);
      case 'meta':
        if (input.meta.length > META_BYTES_MAX) {
          throw new RangeError(
            `meta is ${input.meta.length} bytes: give ${META_BYTES_MAX} at most`,
          );
        }
        this.#core.self = { ...this.#core.self, meta: input.meta };
        return speakAnew(this.#core, this.#core.self.incarnation + 1);
      case 'stalled':
        return this.#excuse(input.forMs);
      case 'leave':
        return this.#leave();
    }
  }

  /** Who watches one that is accused sees for itself at once: it confirms, or the other objects. */
  #lookAtAccused(): void {
    const { accused, roster, settings, self } = this.#core;
    for (const member of accused) {
      const isOwn = member.suspicion?.by === self.name;
      if (!isOwn && roster.isAfter(member, settings.observers)) this.#probes.start(member);
    }
    accused.length = 0;
  }

  #tick(): void {
    const { nowMs, settings } = this.#core;
    const lateMs = nowMs - this.nextDeadlineMs;
    if (lateMs > settings.lateMs && this.#isExcused(lateMs)) return this.#excuse(lateMs);
    if (lateMs <= settings.lateMs) this.#excuses = 0;
    this.#probes.tick();
    this.#trials.tick();
    this.#judge();
    if (nowMs >= this.#gossipAtMs) this.#gossip();
    this.#sync.tick();
    if (nowMs >= this.#stableAtMs) {
      this.#stableAtMs = Infinity;
      this.#core.tell({ kind: 'stable', members: this.#core.size });
    }
  }

  /**
   * One that is late each time is not held up but slow: if it waited for a better time it would
   * never probe or judge again. Its bad health makes it slow to judge.
   */
  #isExcused(lateMs: number): boolean {
    if (lateMs > this.#core.settings.periodMs) return true;
    this.#excuses += 1;
    return this.#excuses <= EXCUSES_MAX;
  }

  /**
   * This process stood still. What waits in its sockets was there in time, and timers run before
   * sockets are read: nobody is to be judged by now.
   */
  #excuse(pauseMs: number): void {
    const { roster, nowMs } = this.#core;
    this.#heldUpAtMs = nowMs;
    this.#probes.forget(pauseMs);
    this.#trials.forget();
    for (const { suspicion } of roster.suspects) suspicion?.postpone(pauseMs + BREATH_MS);
    this.#core.doubt(1 + Math.floor(pauseMs / 1_000));
    this.#postponed();
  }

  #postponed(): void {
    const soon = this.#core.nowMs + BREATH_MS;
    if (this.#gossipAtMs !== Infinity) this.#gossipAtMs = Math.max(this.#gossipAtMs, soon);
    this.#suspectAtMs = Math.max(this.#suspectAtMs, soon);
    if (this.#stableAtMs !== Infinity) this.#stableAtMs = Math.max(this.#stableAtMs, soon);
    this.#sync.postpone(soon);
  }

  /** Those who have had their time are given up. */
  #judge(): void {
    const { nowMs, roster, settings, self } = this.#core;
    for (const member of roster.suspects) {
      const { suspicion } = member;
      if (suspicion === undefined || suspicion.dueAtMs > nowMs) continue;
      if (settings.passiveEvidence && member.heardAtMs > suspicion.startedAtMs) {
        // It lives, and only its objection is late: unless it is silent again when it is asked.
        suspicion.beginAnew(nowMs);
        this.#probes.start(member);
        continue;
      }
      if (this.#isDoubtful(suspicion)) {
        // The fault may be this member's own, which shows when it asks somebody else.
        suspicion.postpone(nowMs - suspicion.dueAtMs + settings.probeTimeoutMs);
        const [other] = roster.some(1, ({ state }) => state !== 'alive');
        if (other !== undefined) this.#probes.start(other);
        continue;
      }
      const { name, generation, incarnation } = member;
      const by = self.name;
      learn(this.#core, { kind: 'failed', name, generation, incarnation, by, proof: false });
    }
  }

  /**
   * After a long silence all suspects have their time anew: their objections were not heard. Nobody
   * repeats them either, so they are asked.
   */
  #listenAgain(): void {
    const { nowMs, roster, settings } = this.#core;
    if (!settings.selfDoubt) return;
    this.#probes.repeat();
    for (const member of roster.suspects) {
      member.suspicion?.renew(nowMs);
      this.#probes.start(member);
    }
  }

  /**
   * Whether this member has no proof that it has both sent and heard since it suspects somebody, or
   * of late. When nobody speaks it is alone, and when only those speak who do not answer it is as
   * good as that.
   */
  #isDoubtful({ startedAtMs }: Suspicion): boolean {
    const { settings, nowMs, ackedAtMs, heardAtMs, size } = this.#core;
    if (!settings.selfDoubt || size <= 3) return false;
    const { lonelyAfterMs, periodMs } = settings;
    if (ackedAtMs >= Math.max(startedAtMs, nowMs - 2 * periodMs)) return false;
    if (nowMs - heardAtMs > lonelyAfterMs) return false;
    return nowMs - Math.max(ackedAtMs, this.#heldUpAtMs) <= DOUBTS_MAX * lonelyAfterMs;
  }

  #gossip(): void {
    const { settings, roster, rumors, nowMs } = this.#core;
    this.#gossipAtMs = Infinity;
    const targets = roster.some(settings.gossipFanout);
    for (const { address, isDeaf } of targets) {
      if (rumors.size === 0) return;
      this.#core.send(address, { kind: 'gossip' }, { via: isDeaf ? 'stream' : 'datagram' });
    }
    if (rumors.size > 0 && targets.length > 0) this.#gossipAtMs = nowMs + settings.gossipPeriodMs;
  }

  #receive(packet: Packet, { from, via }: { from: string; via: Way }): void {
    const core = this.#core;
    if (packet.cluster !== core.cluster || this.#isNamesake(packet, from)) return;
    const { message } = packet;
    if (message.kind === 'states') this.#sync.onStates(from, message, packet);
    // Who is not taken in takes in nobody: it would tell those of itself.
    else if (message.kind === 'taken') this.#onTaken(from, message.address);
    else if (!this.#refuses(packet, from)) {
      for (const update of packet.updates) learn(core, update);
    } else return;
    if (core.nowMs - core.heardAtMs > 2 * core.settings.periodMs) this.#listenAgain();
    core.heardAtMs = core.nowMs;
    const sender = core.roster.get(packet.from);
    if (sender !== undefined) this.#heard(sender, packet.generation, from);
    switch (message.kind) {
      case 'gossip':
      case 'states':
      case 'taken':
        break;
      case 'ping':
        this.#answer(message, from, via);
        this.#sync.onDigest(from, message.digest);
        break;
      case 'ack':
        this.#trials.onAck(message.sequence);
        this.#probes.onAck(message.sequence, via);
        break;
      case 'nack':
        this.#probes.onNack(message.sequence);
        break;
      case 'refused':
        this.#trials.onWitness(packet.from, message.sequence);
        break;
      case 'ping-request':
        this.#probes.onPingRequest(from, message);
        break;
      case 'sync':
        this.#sync.onSync(from, message);
        break;
      case 'rows':
        this.#sync.onRows(from, message.rows);
        break;
    }
  }

  #onTaken(from: string, address: string): void {
    this.#core.tell({ kind: 'taken', address, isSure: false });
    this.#sync.onTaken(from, address);
  }

  /** Who asks to join under the name of this very member is told so, and hears it. */
  #isNamesake({ from: name, generation, message, updates }: Packet, from: string): boolean {
    const { self } = this.#core;
    if (name !== self.name) return false;
    const [word] = updates;
    const isElsewhere = word?.kind === 'alive' && word.address !== self.address;
    if (message.kind === 'taken' && generation !== self.generation) {
      this.#core.tell({ kind: 'taken', address: message.address, isSure: true });
    } else if (message.kind === 'sync' && message.join && isElsewhere) {
      this.#core.send(from, { kind: 'taken', address: self.address }, { via: 'stream' });
    }
    return true;
  }

  /**
   * Who asks to join under the name of a member is told so, and not taken in, for as long as that
   * is not given up: a suspect may only stand still. It may have ended unnoticed, too, and this be
   * the process that was started in its place; its host shows that at once, by refusing.
   */
  #refuses(packet: Packet, from: string): boolean {
    const { message, updates } = packet;
    if (message.kind !== 'sync' || !message.join) return false;
    const [word] = updates;
    if (word?.kind !== 'alive' || word.name !== packet.from) return true;
    const holder = this.#core.roster.get(word.name);
    const isTaken =
      holder?.isPresent === true &&
      holder.generation !== word.generation &&
      holder.address !== word.address;
    if (!isTaken) return false;
    this.#core.send(from, { kind: 'taken', address: holder.address }, { via: 'stream' });
    this.#probes.inquire(holder);
    return true;
  }

  #heard(sender: Member, generation: number, from: string): void {
    const { nowMs, self } = this.#core;
    if (sender.generation === generation) sender.heardAtMs = Math.floor(nowMs);
    const knowsLess = sender.generation > generation || !sender.isPresent;
    if (!knowsLess || sender.generation < generation) return;
    // It lives, and does not know what is said of it: it must, in order to object.
    const last = this.#answeredAtMs.get(sender.name) ?? -Infinity;
    if (nowMs - last < this.#core.settings.periodMs) return;
    if (this.#answeredAtMs.size >= ANSWERED_MAX) this.#answeredAtMs.clear();
    this.#answeredAtMs.set(sender.name, nowMs);
    // Of a later life that is over it begins one after that, wherever it is now.
    const isLater = sender.generation > generation && sender.isPresent;
    const news = isLater ? sender.said : sender.news(self.name);
    this.#core.send(from, { kind: 'gossip' }, { first: [news] });
  }

  #answer(ping: Ping, from: string, via: Way): void {
    const { self } = this.#core;
    const { sequence } = ping;
    const isMeant = ping.target === self.name && ping.generation === self.generation;
    if (isMeant && !this.#core.isLeaving) this.#core.send(from, { kind: 'ack', sequence }, { via });
    // Its address is this one's now, or it is this one of an earlier life.
    else this.#core.send(from, { kind: 'gossip' }, { via, first: [this.#core.word] });
  }

  #weigh({ name, generation, event }: Evidence): void {
    const member = this.#core.roster.get(name);
    if (member === undefined) return;
    if (generation !== 0 && generation !== member.generation) return;
    if (event === 'heard') this.#heard(member, member.generation, member.address);
    else if (event === 'reset') this.#trials.onReset(member);
    else this.#trials.onRefused(member);
  }

  #leave(): void {
    const core = this.#core;
    if (core.isLeaving) return;
    core.isLeaving = true;
    const { word } = core;
    core.rumors.add(word);
    // A few at once, since the process may end as soon as this is sent.
    for (const { address } of core.roster.some(2 * core.settings.gossipFanout)) {
      core.send(address, { kind: 'gossip' }, { first: [word] });
    }
    core.changedAtMs = core.nowMs;
  }

  #afterChange(): void {
    const { roster, settings, changedAtMs, nowMs } = this.#core;
    let due = Infinity;
    for (const { suspicion } of roster.suspects) due = Math.min(due, suspicion?.dueAtMs ?? due);
    this.#suspectAtMs = due;
    if (changedAtMs === nowMs) this.#stableAtMs = nowMs + settings.stableAfterMs;
    if (settings.observers === 0) return;
    const watched = roster.after(settings.observers);
    if (isSameList(watched, this.#watched)) return;
    this.#watched = watched;
    this.#core.outputs.push({ kind: 'watch', members: watched.map((member) => member.status()) });
  }
}

function checkText(what: string, text: string, max: number): void {
  if (text.length <= max && /^[\x21-\x7e]+$/.test(text)) return;
  throw new RangeError(`${what} must be 1 … ${max} printable ASCII letters, not '${text}'`);
}

/** For what waits in the sockets of a process that stood still. */
const BREATH_MS = 10;
/** Ticks in a row that are late by less than a period, after which it is the rule. */
const EXCUSES_MAX = 8;
/** How many times as long as in silence one doubts itself that hears others, but no answer. */
const DOUBTS_MAX = 3;
/** Members told of late what is said of them. */
const ANSWERED_MAX = 1_024;

function isSameList(a: readonly Member[], b: readonly Member[]): boolean {
  return a.length === b.length && a.every((member, i) => member === b[i]);
}
