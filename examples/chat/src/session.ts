import {
  Actor,
  actor,
  after,
  type Channel,
  channel,
  ChannelClosed,
  type EntityRef,
  go,
  isCallError,
  rpc,
  select,
  type Sender,
} from 'troupe';
import {
  LIMITS,
  type Line,
  nickProblem,
  type Person,
  type Refusal,
  roomProblem,
  type Stamp,
  textProblem,
  tidyNick,
  tidyRoom,
} from './line.ts';
import type { Entered, Room } from './room.ts';
import type { RoomView, ScreenEvent } from './screen.ts';
import { SeatLost } from './seat-lost.ts';

const SAY_TIMEOUT_MS = 4_000;
/** Between two attempts to find a room that went away. */
const LOOK_AGAIN_MS = 300;

export interface SessionOptions {
  /** The node that the person came in by. */
  readonly node: string;
  readonly room: (name: string) => EntityRef<Room>;
  /** What the person sees. Whoever reads it slowly makes the room wait, up to its bound. */
  readonly screen: Sender<ScreenEvent>;
}

/** A place in a room, until the person leaves it; a room that moves is followed. */
interface Seat {
  readonly room: string;
  readonly id: string;
  readonly who: Person;
  readonly left: AbortController;
  lines: Channel<Line>;
  forgetRoom: () => void;
  home: string;
  people: Set<string>;
}

/**
 * One person's part of the chat, as an actor on the node that they came in by. It takes what they
 * do as calls; what their room says reaches it through a channel, wherever the room lives.
 */
@actor({ kind: 'session' })
export class Session extends Actor {
  readonly #options: SessionOptions;
  #seat: Seat | undefined;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
  }

  /**
   * Leaves the room they are in, if any, and enters another.
   * @param id of the browser tab or terminal, see `Guest`
   */
  @rpc async enter(room: string, nick: string, id: string): Promise<Refusal | undefined> {
    const seat: Seat = {
      room: tidyRoom(room),
      id,
      who: { nick: tidyNick(nick), node: this.#options.node },
      left: new AbortController(),
      lines: channel<Line>(LIMITS.linesAhead),
      forgetRoom: () => {},
      home: '',
      people: new Set(),
    };
    const problem = nickProblem(seat.who.nick) ?? roomProblem(seat.room);
    if (problem !== undefined) return problem;
    const previous = this.#standUp();
    const keepsPlace = previous?.room === seat.room && previous.id === id;
    if (previous !== undefined && !keepsPlace) this.#tellLeaving(previous);
    const entered = await this.#firstSit(seat);
    if ('refused' in entered) {
      if (keepsPlace) this.#tellLeaving(previous);
      return entered;
    }
    this.#seat = seat;
    go(() => this.#follow(seat, entered), {
      onFailure: (error) => this.log.error({ error }, 'the lines of a room got stuck'),
    });
    return undefined;
  }

  @rpc leave(): void {
    const seat = this.#standUp();
    if (seat !== undefined) this.#tellLeaving(seat);
  }

  @rpc async say(text: string, ref: string): Promise<Stamp | Refusal> {
    const problem = textProblem(text);
    if (problem !== undefined) return problem;
    const seat = this.#seat;
    if (seat === undefined) return { refused: 'not-here', why: 'you are in no room' };
    const room = this.#options.room(seat.room).with({ timeoutMs: SAY_TIMEOUT_MS });
    return room.say(seat.id, text, ref);
  }

  /** The room they are in, for the list of rooms. */
  @rpc view(): RoomView | undefined {
    if (this.#seat === undefined) return undefined;
    const { room, home, people } = this.#seat;
    return { name: room, people: people.size, home };
  }

  /** The room monitors this session, and needs no other word of its end. */
  override stopping(): void {
    this.#standUp();
  }

  /** A room that does not answer may have let them in all the same, and is told otherwise. */
  async #firstSit(seat: Seat): Promise<Entered | Refusal> {
    try {
      return await this.#sitDown(seat, { back: false });
    } catch (error) {
      this.#tellLeaving(seat);
      throw error;
    }
  }

  /**
   * A fresh channel each time: one that a room has closed stays closed. Whoever leaves meanwhile
   * withdraws the call, or it might come to the room after the word that they have left.
   */
  async #sitDown(seat: Seat, { back }: { readonly back: boolean }): Promise<Entered | Refusal> {
    const lines = channel<Line>(LIMITS.linesAhead);
    const { id, who } = seat;
    const { signal } = seat.left;
    const guest = { id, who, session: this.self<Session>(), lines: lines.sender, back };
    try {
      const entered = await this.#options.room(seat.room).with({ signal }).enter(guest);
      if ('refused' in entered || signal.aborted) return entered;
      seat.lines = lines;
      seat.home = entered.home;
      seat.people = new Set(entered.people.map(({ nick }) => nick));
      // Whatever it sent before it went down comes first, then the end of the lines.
      const onDown = (): void => void lines.tryClose(new SeatLost('room-moved'));
      seat.forgetRoom = this.monitor(entered.room, onDown);
      return entered;
    } finally {
      if (seat.lines !== lines) lines.tryClose(); // Nobody will read them.
    }
  }

  /** Ends the goroutine that follows the seat. */
  #standUp(): Seat | undefined {
    const seat = this.#seat;
    this.#seat = undefined;
    seat?.left.abort();
    seat?.lines.tryClose();
    seat?.forgetRoom();
    return seat;
  }

  #tellLeaving({ room, id }: Seat): void {
    this.#options.room(room).tell.leave(id);
  }

  /** A goroutine: brings a room's lines to the screen, from the welcome to the farewell. */
  async #follow(seat: Seat, first: Entered): Promise<void> {
    const { room } = seat;
    const { screen } = this.#options;
    let entered = first;
    let movedFrom: string | undefined;
    try {
      while (!seat.left.signal.aborted) {
        const moved = movedFrom === undefined ? {} : { movedFrom };
        await screen.send({ kind: 'welcome', ...entered, room, ...moved });
        const why = await this.#showLines(seat);
        if (seat.left.signal.aborted) return;
        if (why !== undefined) return await this.#out(seat, why);
        movedFrom = seat.home;
        await screen.send({ kind: 'lost', room, home: seat.home });
        const again = await this.#lookForRoom(seat);
        if (again === undefined) return;
        if ('refused' in again) return await this.#out(seat, again.why);
        entered = again;
      }
    } catch (error) {
      if (!(error instanceof ChannelClosed)) throw error;
      // The screen is gone: nobody looks any more, and the session is about to be stopped.
    }
  }

  /** @returns why the room let them go; undefined when the room is out of reach, or they left */
  async #showLines(seat: Seat): Promise<string | undefined> {
    try {
      for await (const line of seat.lines) {
        if (seat.left.signal.aborted) return undefined;
        if (line.kind === 'joined') seat.people.add(line.who.nick);
        if (line.kind === 'left') seat.people.delete(line.who.nick);
        await this.#options.screen.send({ kind: 'line', room: seat.room, line });
      }
      return 'the room let you go';
    } catch (error) {
      if (!(error instanceof SeatLost)) throw error;
      return error.reason === 'room-moved' ? undefined : error.message;
    }
  }

  /** Entering again by the same id is harmless, so any failed attempt may be repeated. */
  async #lookForRoom(seat: Seat): Promise<Entered | Refusal | undefined> {
    while (!seat.left.signal.aborted) {
      try {
        return await this.#sitDown(seat, { back: true });
      } catch (error) {
        if (!isCallError(error)) throw error;
        await select({ pause: after(LOOK_AGAIN_MS), left: seat.left.signal });
      }
    }
    return undefined;
  }

  async #out(seat: Seat, why: string): Promise<void> {
    if (this.#seat === seat) this.#seat = undefined;
    await this.#options.screen.send({ kind: 'out', room: seat.room, why });
  }
}
