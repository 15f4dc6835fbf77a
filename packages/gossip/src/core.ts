import { Health } from './health.ts';
import { hashOf, type Member } from './member.ts';
import type { Alive, Message, Packet, Update, Way } from './message.ts';
import type { GossipEvent, Output } from './output.ts';
import { Roster, rowHash } from './roster.ts';
import { Rumors } from './rumors.ts';
import type { Settings } from './settings.ts';
import { packetBytes, updateBytes } from './size.ts';

/** Protocol versions that this code speaks. */
export const VERSIONS: Versions = { min: 1, max: 1 };

/** Pieces of news beyond which each is sent less often. */
const CROWD = 128;
const SENDS_MIN = 3;
/** Later lives of this name that a member outlives, with none for a while in between. */
const OUTLIVED_MAX = 8;
const OUTLIVED_FOR_MS = 60_000;

export interface SelfOptions {
  /** Unique in the cluster. */
  readonly name: string;
  /** Where datagrams and streams reach it. */
  readonly address: string;
  /** Greater than that of any earlier process of this name: a whole number up to 2 ** 53 - 1. */
  readonly generation: number;
  /**
   * Greater than any that was said before in this generation, which a core that takes the place of
   * another one must know: 0 … 2 ** 32 - 1. Default: 0.
   */
  readonly incarnation?: number;
  readonly meta: Uint8Array;
  /** Versions of this protocol that it speaks. Default: those of this code. */
  readonly versions?: Versions;
}

/** From one to another, both included. */
export interface Versions {
  readonly min: number;
  readonly max: number;
}

/** What the parts of one member share: who it is, whom it knows, and what it has to say. */
export class Core {
  readonly settings: Settings;
  readonly cluster: number;
  readonly random: () => number;
  readonly health: Health;
  readonly roster: Roster;
  readonly rumors: Rumors;
  readonly #hash: number;
  /** This member's own word about itself. */
  self: Alive;
  isLeaving = false;
  nowMs = 0;
  /** When an own probe was last answered: proof that this member both sends and hears. */
  ackedAtMs: number = -Infinity;
  /** When anything was last heard of anybody. */
  heardAtMs: number = -Infinity;
  changedAtMs = 0;
  #outlived = 0;
  #outlivedAtMs = -Infinity;
  /** Suspects of whom this member has not made up its own mind. */
  accused: Member[] = [];
  outputs: Output[] = [];

  constructor(
    self: SelfOptions,
    options: { settings: Settings; cluster: number; random: () => number },
  ) {
    const { settings, cluster, random } = options;
    const { incarnation = 0, versions = VERSIONS } = self;
    this.settings = settings;
    this.cluster = cluster;
    this.random = random;
    this.health = new Health(settings.healthMax);
    this.#hash = hashOf(self.name);
    this.roster = new Roster(this.#hash, random);
    this.rumors = new Rumors(updateBytes);
    this.self = {
      kind: 'alive',
      name: self.name,
      address: self.address,
      generation: self.generation,
      incarnation,
      meta: self.meta,
      versionMin: versions.min,
      versionMax: versions.max,
    };
    this.rumors.add(this.self);
  }

  /** Members that are present, this one included. */
  get size(): number {
    return this.roster.present.length + 1;
  }

  get digest(): number {
    const { generation, incarnation } = this.self;
    const state = this.isLeaving ? 'left' : 'alive';
    return (
      (this.roster.digest ^ rowHash({ hash: this.#hash, generation, incarnation, state })) >>> 0
    );
  }

  /** What this member says of itself, to the end. */
  get word(): Update {
    if (!this.isLeaving) return this.self;
    const { name, generation, incarnation } = this.self;
    return { kind: 'left', name, generation, incarnation };
  }

  /** How often one piece of news is sent: less when there is much, and exchanges do the rest. */
  get sendsMax(): number {
    const sends = this.settings.retransmitFactor * Math.ceil(Math.log10(this.size + 1));
    const crowd = this.rumors.size / CROWD;
    return crowd <= 1 ? sends : Math.max(SENDS_MIN, Math.floor(sends / crowd));
  }

  /**
   * Sends `message` with `first`, and as much other news as has room.
   * @param first is not counted as passed on
   */
  send(to: string, message: Message, options: { via?: Way; first?: readonly Update[] } = {}): void {
    const { via = 'datagram', first = [] } = options;
    const packet: Packet = {
      cluster: this.cluster,
      from: this.self.name,
      generation: this.self.generation,
      message,
      updates: first,
    };
    const room = this.settings.packetBytesMax - packetBytes(packet);
    const more = this.rumors.take(room, this.sendsMax);
    const updates = first.length === 0 ? more : [...first, ...more];
    this.outputs.push({ kind: 'send', via, to, packet: { ...packet, updates } });
  }

  /**
   * Counts a later life of this member's name that may be over. One whose clock was ahead is; but
   * what comes again and again is of another process, and they would outlive each other for ever.
   * @returns whether this member may begin a life after it
   */
  mayOutlive(): boolean {
    if (this.nowMs - this.#outlivedAtMs > OUTLIVED_FOR_MS) this.#outlived = 0;
    this.#outlived += 1;
    if (this.#outlived === OUTLIVED_MAX + 1) {
      this.tell({ kind: 'taken', address: this.self.address, isSure: true });
    }
    if (this.#outlived > OUTLIVED_MAX) return false;
    this.#outlivedAtMs = this.nowMs; // Not when refused: who outlives the other is not to end so.
    return true;
  }

  tell(event: GossipEvent): void {
    this.outputs.push({ kind: 'event', event });
  }

  /** More than 0 when something went wrong with this member itself. */
  doubt(by: number): void {
    const before = this.health.score;
    this.health.change(by);
    const { score } = this.health;
    const crossed = (before === 0) !== (score === 0) || (before < 4 && score >= 4);
    if (crossed) this.tell({ kind: 'degraded', health: score });
  }
}
