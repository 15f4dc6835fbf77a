import type { GossipEvent, Input, MemberStatus, Output, Packet } from '@troupe/gossip';
import { packetBytes } from '@troupe/gossip';
import type { Observer, Process, World } from './world.ts';

/** What no correct core may do. The message says who did it. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

type Kind = GossipEvent['kind'];

interface Seen {
  readonly generation: number;
  readonly incarnation: number;
  readonly state: MemberStatus['state'];
}

const ORDER = { alive: 0, suspect: 1, failed: 2, left: 3 } as const;
const DATAGRAM_BYTES_MAX = 1_160;

/**
 * What must hold after every step of every member: of each transition of each row of each view, of
 * what it says of itself, of what it sends, and of what it tells its user.
 */
export class Specification implements Observer {
  readonly #world: World;
  /** By observer and subject. */
  readonly #seen = new Map<Process, Map<string, Seen>>();
  readonly #self = new Map<Process, Seen>();
  readonly #metas = new Map<string, string>();
  readonly #told = new Map<Process, Map<string, Kind>>();
  readonly #membersMax: number;
  /** Generations of members that nothing is wrong with: nobody may bury them. */
  readonly healthy: Set<number> = new Set();
  /** Whether a member cannot reach an address: only then may it give up who is there. */
  isApart: (process: Process, address: string) => boolean = () => true;
  /** Whether members that nothing is wrong with may not even be suspected. */
  isCalm = false;
  /** Whether members forget who is gone within the run: then an old word is news again. */
  forgets = false;
  checks = 0;

  constructor(world: World, options: { readonly membersMax: number }) {
    this.#world = world;
    this.#membersMax = options.membersMax;
    world.observers.push(this);
  }

  onStep(process: Process, input: Input): void {
    this.checks += 1;
    this.#checkSelf(process);
    this.#checkProgress(process, input);
    for (const name of touched(process, input)) this.#checkRow(process, name);
    if (input.kind === 'packet') this.#checkWords(process, input.packet);
  }

  /** What members say of themselves is taken in, unless it is a claim to a name that is taken. */
  #checkWords(process: Process, { from, message, updates }: Packet): void {
    if (from === process.name || message.kind === 'taken') return;
    const isClaim = message.kind === 'sync' && message.join;
    for (const update of updates) {
      const row = update.kind === 'alive' ? process.gossip.get(update.name) : undefined;
      if (row === undefined || update.kind !== 'alive') continue;
      if (isClaim && row.address !== update.address) continue;
      const { name, generation, incarnation } = update;
      const isOver = row.state === 'left' && row.generation === generation;
      const order = row.generation - generation || row.incarnation - incarnation;
      if (order < 0 && !isOver) {
        this.#refuse(process, `does not take in ${name}@${generation}.${incarnation}`);
      }
    }
  }

  #checkRow(process: Process, name: string): void {
    const now = process.gossip.get(name);
    if (now === undefined) return;
    let rows = this.#seen.get(process);
    if (rows === undefined) this.#seen.set(process, (rows = new Map<string, Seen>()));
    const before = rows.get(name);
    const { generation, incarnation, state, meta } = now;
    rows.set(name, { generation, incarnation, state });
    const life = `${name}@${generation}.${incarnation}`;
    if (state === 'alive') {
      const known = this.#metas.get(life);
      const word = `${now.address} ${meta.join()}`;
      if (known === undefined) this.#metas.set(life, word);
      else if (known !== word) this.#refuse(process, `two words of ${life}: ${known}, ${word}`);
    }
    if (before === undefined) return;
    const was = `${name}@${before.generation}.${before.incarnation} ${before.state}`;
    const order = generation - before.generation || incarnation - before.incarnation;
    if (order < 0) this.#refuse(process, `goes back from ${was} to ${life}`);
    if (order === 0 && ORDER[state] < ORDER[before.state] && !this.forgets) {
      this.#refuse(process, `revives ${was} by an old word, as ${state}`);
    }
    const isSameLife = generation === before.generation;
    if (isSameLife && before.state === 'left' && state !== 'left') {
      this.#refuse(process, `takes ${was} for ${state} again`);
    }
  }

  #checkSelf(process: Process): void {
    const { generation, incarnation, state } = process.gossip.self;
    const before = this.#self.get(process);
    this.#self.set(process, { generation, incarnation, state });
    if (before === undefined) return;
    const order = generation - before.generation || incarnation - before.incarnation;
    if (order < 0) this.#refuse(process, 'speaks with an earlier word than before');
    if (state === 'suspect' || state === 'failed') this.#refuse(process, 'thinks itself dead');
  }

  #checkProgress(process: Process, { kind }: Input): void {
    const { nextDeadlineMs, untold } = process.gossip;
    const { nowMs } = this.#world;
    if (Number.isNaN(nextDeadlineMs)) this.#refuse(process, 'has no next deadline');
    if (kind === 'tick' && nextDeadlineMs <= nowMs) this.#refuse(process, 'ticks without end');
    if (untold > this.#membersMax) this.#refuse(process, `has ${untold} pieces of news to tell`);
  }

  onSend(process: Process, { via, packet }: Output & { kind: 'send' }): void {
    const bytes = packetBytes(packet);
    if (via === 'datagram' && bytes > DATAGRAM_BYTES_MAX) {
      this.#refuse(process, `sends a datagram of ${bytes} bytes`);
    }
  }

  onEvent(process: Process, event: GossipEvent): void {
    if (!('member' in event) || event.kind === 'conflict') return;
    const { member, kind } = event;
    let told = this.#told.get(process);
    if (told === undefined) this.#told.set(process, (told = new Map<string, Kind>()));
    const before = told.get(member.name);
    const wasPresent = before !== undefined && before !== 'failed' && before !== 'left';
    if (kind === 'joined' ? wasPresent : !wasPresent) {
      this.#refuse(process, `tells that ${member.name} ${kind} after ${before ?? 'nothing'}`);
    }
    told.set(member.name, kind);
    if (kind === 'failed' && !this.isApart(process, member.address)) {
      this.#refuse(process, `gives up ${member.name}, which it can reach`);
    }
    if (!this.healthy.has(member.generation)) return;
    if (kind === 'suspected' && this.isCalm) {
      this.#refuse(process, `suspects ${member.name}, with which nothing is wrong`);
    }
    if (kind === 'failed') {
      this.#refuse(process, `gives up ${member.name}, with which nothing is wrong`);
    }
  }

  /** In the end all that run see each other, and nobody else. */
  converged(processes: readonly Process[]): string | undefined {
    for (const process of processes) {
      const present = new Map<string, MemberStatus>();
      for (const member of process.gossip.members()) {
        if (member.state === 'alive' || member.state === 'suspect') {
          present.set(member.name, member);
        }
      }
      for (const other of processes) {
        if (other === process) continue;
        const row = present.get(other.name);
        if (row === undefined) return `${process.name} does not see ${other.name}`;
        const { generation, incarnation, address } = other.gossip.self;
        if (row.generation !== generation || row.incarnation !== incarnation) {
          return `${process.name} has an old word of ${other.name}`;
        }
        if (row.state !== 'alive') return `${process.name} suspects ${other.name}`;
        if (row.address !== address) return `${process.name} has ${other.name} elsewhere`;
        present.delete(other.name);
      }
      for (const name of present.keys()) return `${process.name} still sees ${name}`;
    }
    return undefined;
  }

  #refuse(process: Process, what: string): never {
    throw new Broken(`at ${this.#world.nowMs.toFixed(1)} ms ${process.name} ${what}`);
  }
}

/** Members of whom a step may have changed what this one holds. */
function* touched(process: Process, input: Input): Generator<string> {
  if (input.kind === 'packet') {
    yield input.packet.from;
    for (const { name } of input.packet.updates) yield name;
    return;
  }
  if (input.kind === 'evidence') yield input.name;
  // A tick may give up suspects, who are few.
  for (const { name, state } of process.gossip.members()) {
    if (state !== 'alive') yield name;
  }
}
