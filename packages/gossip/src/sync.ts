import type { Core } from './core.ts';
import type { Member } from './member.ts';
import type { Message, Packet, Row, Update } from './message.ts';
import { learn } from './news.ts';
import { updateBytes } from './size.ts';

/** After an exchange that brought more than this part of the view, the next comes soon. */
const MUCH = 0.02;
/** Members that one may lack before it is told everything rather than what differs. */
const FEW = 0.25;
/** Members beyond which exchanges become rarer. */
const SCALE_FROM = 32;
/** Of the news in one packet; a stream carries 4 MiB at most. */
const STATES_BYTES_MAX = 512 * 1024;
/** Between the exchanges of a member whose view is far behind. */
const SOON_MS = 500;

type States = Extract<Message, { kind: 'states' }>;

/**
 * Whole views, compared two at a time by streams: what gossip has missed, the two sides of a healed
 * partition, and everything there is to know for one that joins. First the digests; only if they
 * differ the rows; and then the members that differ.
 */
export class Sync {
  readonly #core: Core;
  #seeds: readonly string[] = [];
  #dueAtMs: number;
  #reviveAtMs: number;
  #calledAtMs = -Infinity;
  /** Before views that differ are compared once more. */
  #pauseMs: number;
  #mayAskHolder = false;

  constructor(core: Core, nowMs: number) {
    this.#core = core;
    this.#pauseMs = core.settings.periodMs;
    this.#dueAtMs = nowMs + core.random() * core.settings.syncPeriodMs;
    this.#reviveAtMs =
      core.settings.reviveMs === 0 ? Infinity : nowMs + core.random() * core.settings.reviveMs;
  }

  get dueAtMs(): number {
    return Math.min(this.#dueAtMs, this.#reviveAtMs);
  }

  postpone(untilMs: number): void {
    this.#dueAtMs = Math.max(this.#dueAtMs, untilMs);
    this.#reviveAtMs = Math.max(this.#reviveAtMs, untilMs);
  }

  join(seeds: readonly string[]): void {
    this.#seeds = seeds.filter((seed) => seed !== this.#core.self.address);
    this.#mayAskHolder = true;
    for (const seed of this.#seeds) this.#call(seed, true);
  }

  /** Somebody knows a member of this name at `address`: only that one can say that it is there. */
  onTaken(from: string, address: string): void {
    // Once each time that it joins: whatever is answered, there is no end to it otherwise.
    if (!this.#mayAskHolder || from === address) return;
    this.#mayAskHolder = false;
    this.#call(address, true);
  }

  tick(): void {
    const { nowMs, roster, settings } = this.#core;
    if (nowMs >= this.#dueAtMs) {
      this.#dueAtMs = nowMs + this.#periodMs;
      const [partner] = roster.some(1, (member) => member.state !== 'alive');
      if (partner !== undefined) this.#call(partner.address, false);
      this.#forgetOld();
      this.#callLostSeed();
    }
    if (nowMs >= this.#reviveAtMs) {
      this.#reviveAtMs = nowMs + settings.reviveMs * (0.5 + this.#core.random());
      this.#callFailed();
      if (roster.present.length === 0) this.#callLostSeed();
    }
  }

  /** As with the size of the view grows what an exchange costs. */
  get #periodMs(): number {
    const { settings, size } = this.#core;
    const steps = size <= SCALE_FROM ? 1 : Math.ceil(Math.log2(size / SCALE_FROM)) + 1;
    return settings.syncPeriodMs * steps;
  }

  #soon(): void {
    const { nowMs, random } = this.#core;
    this.#dueAtMs = Math.min(this.#dueAtMs, nowMs + SOON_MS * (0.5 + random()));
  }

  #call(address: string, join: boolean): void {
    const { digest, size, word } = this.#core;
    const message = { kind: 'sync', digest, members: size, join } as const;
    this.#core.send(address, message, { via: 'stream', first: [word] });
  }

  /** Both sides of a partition think that the other has failed; somebody has to ask again. */
  #callFailed(): void {
    const { roster, self } = this.#core;
    const failed = roster.someFailed();
    if (failed === undefined) return;
    const { name, generation, address } = failed;
    const { digest } = this.#core;
    const ping = { kind: 'ping', sequence: 0, target: name, generation, digest } as const;
    this.#core.send(address, ping, { first: [failed.news(self.name)] });
  }

  /** A seed that is no member may have come up, or be all that is left of the other side. */
  #callLostSeed(): void {
    if (this.#seeds.length === 0) return;
    const seed = this.#seeds[Math.floor(this.#core.random() * this.#seeds.length)] as string;
    const { present } = this.#core.roster;
    if (!present.some(({ address }) => address === seed)) this.#call(seed, present.length === 0);
  }

  #forgetOld(): void {
    const { roster, settings, nowMs } = this.#core;
    for (const member of roster.all()) {
      const isOld = nowMs - member.changedAtMs > settings.tombstoneMs;
      if (!member.isPresent && isOld) roster.forget(member);
    }
  }

  /**
   * Views that still differ when nothing is left to tell have missed something. Unless comparing
   * them changes nothing: some members may not be admitted here.
   */
  onDigest(from: string, digest: number): void {
    const { settings, nowMs, changedAtMs, rumors } = this.#core;
    if (!settings.digestsInPings || digest === this.#core.digest || rumors.size > 0) return;
    const isQuiet = nowMs - changedAtMs > settings.probeTimeoutMs;
    const hasHelped = changedAtMs > this.#calledAtMs;
    if (hasHelped) this.#pauseMs = settings.periodMs;
    if (!isQuiet || nowMs - this.#calledAtMs < this.#pauseMs) return;
    if (!hasHelped) this.#pauseMs = Math.min(2 * this.#pauseMs, settings.syncPeriodMs);
    this.#calledAtMs = nowMs;
    this.#call(from, false);
  }

  onSync(from: string, message: Extract<Message, { kind: 'sync' }>): void {
    if (message.digest === this.#core.digest) return;
    const { roster, self, word, size, isLeaving } = this.#core;
    if (message.members <= size * FEW) {
      const updates = [word, ...Array.from(roster.present).flatMap((m) => this.#wordsOn(m))];
      return this.#sendStates(from, updates);
    }
    if (size <= message.members * FEW) return this.#call(from, false); // The other way round.
    const rows: Row[] = [rowOf({ ...self, state: isLeaving ? 'left' : 'alive' })];
    for (const member of roster.present) rows.push(rowOf(member));
    this.#core.send(from, { kind: 'rows', rows }, { via: 'stream' });
  }

  onRows(from: string, rows: readonly Row[]): void {
    const { roster, self, word } = this.#core;
    const wanted: string[] = [];
    const news: Update[] = [];
    const named = new Set<string>();
    for (const row of rows) {
      named.add(row.name);
      if (row.name === self.name) {
        if (row.generation !== self.generation || row.incarnation !== self.incarnation) {
          news.push(word);
        }
        if (row.state !== 'alive') learn(this.#core, accusationOf(row));
        continue;
      }
      const member = roster.get(row.name);
      if (member === undefined || isBehind(member, row)) wanted.push(row.name);
      else if (isAhead(member, row)) news.push(...this.#wordsOn(member));
    }
    if (!named.has(self.name)) news.push(word);
    for (const member of roster.present) {
      if (!named.has(member.name)) news.push(...this.#wordsOn(member));
    }
    if (wanted.length === 0 && news.length === 0) return;
    this.#sendStates(from, news, wanted);
  }

  /** @param packet whose updates have not been learned yet */
  onStates(from: string, message: States, packet: Packet): void {
    const { roster, self, word } = this.#core;
    const before = roster.present.length;
    const answer: Update[] = [];
    for (const update of packet.updates) {
      const knowsBetter = learn(this.#core, update);
      const member = roster.get(update.name);
      if (knowsBetter && member !== undefined) answer.push(...this.#wordsOn(member));
    }
    const { size } = this.#core;
    if (roster.present.length - before > size * MUCH) this.#soon();
    for (const name of message.wanted) {
      const member = roster.get(name);
      if (member !== undefined) answer.push(...this.#wordsOn(member));
      else if (name === self.name) answer.push(word);
    }
    if (answer.length === 0) return;
    this.#sendStates(from, answer);
  }

  /** In as many packets as it takes: with all their metadata, thousands of members are too much. */
  #sendStates(to: string, updates: readonly Update[], wanted: readonly string[] = []): void {
    let part: Update[] = [];
    let bytes = 0;
    let names = wanted;
    const send = (): void => {
      this.#core.send(to, { kind: 'states', wanted: names }, { via: 'stream', first: part });
      names = [];
      part = [];
      bytes = 0;
    };
    for (const update of updates) {
      bytes += updateBytes(update);
      if (bytes > STATES_BYTES_MAX) send();
      part.push(update);
    }
    send();
  }

  /** A suspect's own word goes along, for those who do not know it yet. */
  #wordsOn(member: Member): readonly Update[] {
    const news = member.news(this.#core.self.name);
    return member.state === 'suspect' ? [member.said, news] : [news];
  }
}

const ORDER = { alive: 0, suspect: 1, failed: 2, left: 3 } as const;

function isBehind(member: Member, row: Row): boolean {
  if (member.isAfter(row.generation, row.incarnation)) return false;
  const isSame = member.generation === row.generation && member.incarnation === row.incarnation;
  return !isSame || ORDER[member.state] < ORDER[row.state];
}

function isAhead(member: Member, row: Row): boolean {
  const isSame = member.generation === row.generation && member.incarnation === row.incarnation;
  return isSame
    ? ORDER[member.state] > ORDER[row.state]
    : member.isAfter(row.generation, row.incarnation);
}

function rowOf({ name, generation, incarnation, state }: Row): Row {
  return { name, generation, incarnation, state };
}

function accusationOf({ name, generation, incarnation }: Row): Update {
  return { kind: 'suspect', name, generation, incarnation, by: name, health: 255 };
}
