import { randomUUID } from 'node:crypto';
import {
  Actor,
  type ActorRef,
  actor,
  addressOf,
  type AnyRef,
  type Down,
  rpc,
  type Sender,
} from 'troupe';
import {
  type Happening,
  type LeftReason,
  LIMITS,
  type Line,
  type Person,
  type Refusal,
  type Said,
  type Stamp,
} from './line.ts';
import { SeatLost } from './seat-lost.ts';

/** Somebody at the door. References and channel ends travel in calls like any other value. */
export interface Guest {
  /** Their tab's own: whoever comes by the same one again takes their old seat. */
  readonly id: string;
  readonly who: Person;
  /** While its actor lives, they are here. */
  readonly session: AnyRef;
  /** Where the room's lines go. */
  readonly lines: Sender<Line>;
  /** They were here before this room began anew. */
  readonly back: boolean;
}

/** What somebody needs to know who comes in; the lines after `number` follow one by one. */
export interface Entered {
  /** The very room they are in: unlike the entity's, this reference dies with it. */
  readonly room: ActorRef<Room>;
  readonly home: string;
  readonly life: string;
  readonly number: number;
  readonly people: readonly Person[];
  readonly history: readonly (Said & Stamp)[];
}

interface Seat {
  readonly who: Person;
  readonly lines: Sender<Line>;
  readonly forgetMonitor: () => void;
}

/**
 * One chat room: an entity, so there is one of each name in the whole cluster, and nobody has to
 * know where. Turns never overlap, so its state needs no lock.
 */
@actor({ kind: 'room' })
export class Room extends Actor {
  readonly #life = randomUUID();
  readonly #seats = new Map<string, Seat>();
  readonly #history: (Said & Stamp)[] = [];
  #number = 0;

  @rpc enter({ id, who, session, lines, back }: Guest): Entered | Refusal {
    const refusal = this.#refusalOf(id, who);
    if (refusal !== undefined) return refusal;
    const old = this.#takeSeat(id);
    old?.lines.tryClose(new SeatLost('replaced'));
    if (old !== undefined && old.who.nick !== who.nick) this.#tellOf(old.who, 'left');
    // A session that crashes, or whose node does, leaves by itself.
    const forgetMonitor = this.monitor(session, (down) => this.#leave(id, reasonOf(down)));
    this.#seats.set(id, { who, lines, forgetMonitor });
    this.#tell({ kind: 'joined', who, back: back || old?.who.nick === who.nick });
    return {
      room: this.self<Room>(),
      home: this.#home,
      life: this.#life,
      number: this.#number,
      people: [...this.#seats.values()].map((seat) => seat.who),
      history: [...this.#history],
    };
  }

  @rpc leave(id: string): void {
    this.#leave(id, 'left');
  }

  /** @returns where the line stands in the room, which by now has told everybody */
  @rpc say(id: string, text: string, ref: string): Stamp | Refusal {
    const seat = this.#seats.get(id);
    if (seat === undefined) return { refused: 'not-here', why: 'the room does not know you yet' };
    const line = this.#tell({ kind: 'said', by: seat.who, text, ref });
    return { number: line.number, at: line.at };
  }

  /** Addresses are `node/kind/key`. */
  get #home(): string {
    return addressOf(this.self<Room>()).split('/')[0] ?? '';
  }

  #refusalOf(id: string, { nick }: Person): Refusal | undefined {
    if (this.#seats.size >= LIMITS.membersPerRoom && !this.#seats.has(id)) {
      const why = `this room is full with ${LIMITS.membersPerRoom} people`;
      return { refused: 'room-full', why };
    }
    for (const [otherId, { who }] of this.#seats) {
      if (who.nick !== nick || otherId === id) continue;
      return { refused: 'nick-taken', why: `somebody here is called ${nick} already` };
    }
    return undefined;
  }

  /** Tells everybody, in one order for all. Who does not keep up with the room has to go. */
  #tell<H extends Happening>(happening: H): H & Stamp {
    const line = { ...happening, number: (this.#number += 1), at: Date.now() };
    if (line.kind === 'said') {
      this.#history.push(line);
      if (this.#history.length > LIMITS.historyLines) this.#history.shift();
    }
    const slow: string[] = [];
    for (const [id, { lines }] of this.#seats) {
      if (lines.trySend(line) === 'full') slow.push(id);
    }
    for (const id of slow) this.#leave(id, 'too-slow');
    return line;
  }

  #leave(id: string, why: LeftReason): void {
    const seat = this.#takeSeat(id);
    if (seat === undefined) return;
    seat.lines.tryClose(why === 'too-slow' ? new SeatLost('too-slow') : undefined);
    this.#tellOf(seat.who, why);
  }

  #tellOf(who: Person, why: LeftReason): void {
    this.#tell({ kind: 'left', who, why });
  }

  #takeSeat(id: string): Seat | undefined {
    const seat = this.#seats.get(id);
    seat?.forgetMonitor();
    this.#seats.delete(id);
    return seat;
  }
}

function reasonOf({ reason }: Down): LeftReason {
  if (reason.kind === 'node-down') return 'node-down';
  return reason.kind === 'failed' ? 'failed' : 'left';
}
