import { NotSerializable, Overloaded, SessionLost } from '@troupe/actor';
import { channelBehind, type ChannelCore, receiverOf, senderOf } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { EncodedValue } from './codec.ts';
import type { FrameReader } from './frames.ts';
import { type EndWire, type HomeEnd, HomeReceiverEnd, HomeSenderEnd } from './home-end.ts';
import { listOf } from './identity.ts';
import { LeavingEnds, type Leftovers } from './leaving-ends.ts';
import { isClass } from './loans.ts';
import * as wire from './outsider-frames.ts';
import { type FunctionsWire, OutsiderFunctions } from './outsider-functions.ts';
import { RemoteReceiverEnd, RemoteSenderEnd, type RemoteEnd } from './remote-end.ts';
import { readable, RemoteStream, StreamIntake } from './remote-stream.ts';
import { StreamSource } from './stream-source.ts';

/** How an END came about, and a FINISH. */
const CLOSED = 0;
const CLOSED_WITH_ERROR = 1;
const LET_GO = 3;
const DONE = 0;
const FAILED = 1;

/** One connection between a node and an outsider, as what they exchange sees it. */
export interface ExchangeWire extends FunctionsWire {
  readonly leftovers: Leftovers;
  encodeValue(value: unknown): EncodedValue;
  /** @returns bytes on the wire. @throws {NotSerializable} */
  send(frame: readonly unknown[]): number;
  /** The end of a stream failed whose reader had gone. */
  readonly failed: (error: unknown) => void;
  /** Calls `run` when there may be room again. */
  whenRoom(run: () => void): void;
}

/** An end that was given to this side. */
interface Held {
  readonly end: WeakRef<RemoteEnd>;
  /** The same while something is under way: then it is kept though nobody refers to it. */
  kept: RemoteEnd | undefined;
}

interface Given {
  readonly core: ChannelCore<unknown>;
  readonly sends: boolean;
  /** Once the other side has opened it. */
  end: HomeEnd | undefined;
}

/**
 * What a node and one outsider have given each other for the time of their connection: the ends of
 * channels and the streams, and by `OutsiderFunctions` the functions. Whoever gives an end or a
 * stream numbers it, anew each time; the lowest bit of the number on the wire says which side
 * speaks: 0 who was given it, 1 who gave it. All ends with the connection.
 */
export class OutsiderExchange {
  readonly #wire: ExchangeWire;
  readonly #given = new Map<number, Given>();
  readonly #leaving: LeavingEnds;
  readonly #held = new Map<number, Held>();
  readonly #sources = new Map<number, StreamSource>();
  readonly #intakes = new Map<number, StreamIntake>();
  readonly #functions: OutsiderFunctions;
  #lastId = 0;
  /** What the frame in hand has given, and how to take that back. */
  #fresh: (() => void)[] = [];

  constructor(exchangeWire: ExchangeWire) {
    this.#wire = exchangeWire;
    this.#leaving = new LeavingEnds(exchangeWire.leftovers);
    this.#functions = new OutsiderFunctions(exchangeWire);
  }

  /** Ends, streams and functions that are known to both sides. */
  get size(): number {
    const streams = this.#sources.size + this.#intakes.size;
    const given = this.#given.size + this.#leaving.size;
    return given + this.#held.size + streams + this.#functions.size;
  }

  /** Sends a frame by `send`; what it gives is taken back when that throws. */
  sending<T>(send: () => T): T {
    this.#fresh = [];
    try {
      return send();
    } catch (error) {
      for (const takeBack of this.#fresh) takeBack();
      throw error;
    }
  }

  /** Has `takeBack` called should the frame in hand not be sent. */
  unlessSent(takeBack: () => void): void {
    this.#fresh.push(takeBack);
  }

  /** @returns undefined when `value` is neither an end nor a stream nor a function */
  dehydrate(value: object): { tag: number; content: unknown } | undefined {
    if (typeof value === 'function') {
      return isClass(value) ? undefined : this.#lend(value as (...args: unknown[]) => unknown);
    }
    const behind = channelBehind(value);
    if (behind === undefined) {
      return Symbol.asyncIterator in value
        ? this.#give(value as AsyncIterable<unknown>)
        : undefined;
    }
    if (behind.end === 'both') {
      throw new NotSerializable('a channel', 'pass on its .sender or its .receiver');
    }
    this.#bound(this.#given.size + this.#leaving.size, 'ends of channels', wire.OUTSIDER_ENDS_MAX);
    const id = (this.#lastId += 1);
    const sends = behind.end === 'send';
    this.#given.set(id, { core: behind.core, sends, end: undefined });
    this.#fresh.push(() => this.#given.delete(id));
    return { tag: wire.CHANNEL_END, content: [id, sends, behind.core.capacity] };
  }

  /** @returns undefined when `tag` is none of these */
  hydrate(tag: number, content: unknown): object | undefined {
    if (tag === wire.CHANNEL_END) return this.#hydrateEnd(listOf(content));
    if (tag === wire.FUNCTION) return this.#functions.hydrate(content);
    return tag === wire.STREAM ? this.#hydrateStream(listOf(content)) : undefined;
  }

  /** @returns false when the frame is about nothing of this */
  receive(frame: FrameReader, bytes: number): boolean {
    switch (frame.type) {
      case wire.PULL:
        this.#sources.get(frame.number())?.pull(frame.number(), frame.number());
        return true;
      case wire.HALT:
        void this.#sources.get(frame.number())?.halt();
        return true;
      case wire.ITEM:
        this.#intakes.get(frame.number())?.push(frame.any());
        return true;
      case wire.FINISH:
        this.#onFinish(frame);
        return true;
      case wire.OPEN:
      case wire.ITEMS:
      case wire.CREDIT:
      case wire.RETURN:
      case wire.END:
        this.#onEndFrame(frame, bytes);
        return true;
      default:
        return this.#functions.receive(frame);
    }
  }

  /** The connection is over. */
  loseAll(reason: string): void {
    const error = new SessionLost(this.#wire.peer, reason);
    const [held, given] = [[...this.#held.values()], [...this.#given.values()]];
    const [intakes, sources] = [[...this.#intakes.values()], [...this.#sources.values()]];
    for (const all of [this.#held, this.#given, this.#intakes, this.#sources]) all.clear();
    this.#functions.loseAll(error);
    for (const each of held) endOf(each)?.lost(reason);
    this.#leaving.loseAll(given.flatMap(({ end }) => end ?? []));
    for (const intake of intakes) intake.lost(error);
    for (const source of sources) source.abandon().catch(this.#wire.failed);
  }

  #bound(size: number, what: string, max: number): void {
    if (size >= max) throw new Overloaded(this.#wire.peer, `${what} that it was given`, max);
  }

  #lend(body: (...args: unknown[]) => unknown): { tag: number; content: unknown } {
    const loan = this.#functions.dehydrate(body);
    this.#fresh.push(() => loan.takeBack());
    return { tag: wire.FUNCTION, content: loan.content };
  }

  #hydrateEnd([id, sends, capacity]: readonly unknown[]): object {
    if (typeof id !== 'number' || typeof capacity !== 'number' || this.#held.has(id)) {
      throw new BadFrame('channel end');
    }
    if (this.#held.size >= wire.OUTSIDER_ENDS_MAX) {
      throw new BadFrame('more ends than may be given');
    }
    const { env } = this.#wire;
    const wireId = id * 2;
    const remoteWire = {
      ...this.#endWire(wireId, () => this.#over(id)),
      open: () => void this.#wire.send([wire.OPEN, wireId]),
      refusal: () => undefined,
      keep: (isBusy: boolean) => (held.kept = isBusy ? end : undefined),
      letGo: () => this.#letGo(id),
    };
    const end: RemoteEnd =
      sends === true
        ? new RemoteSenderEnd(capacity, env, remoteWire)
        : new RemoteReceiverEnd(capacity, env, remoteWire);
    const held: Held = { end: new WeakRef(end), kept: undefined };
    this.#held.set(id, held);
    this.#letGoWith(end.core, id);
    return sends === true ? senderOf(end.core) : receiverOf(end.core);
  }

  /** Apart from where an end is made: what waits for its collection must not refer to it. */
  #letGoWith(core: ChannelCore<unknown>, id: number): void {
    this.#wire.env.whenCollected?.(core, () => this.#letGo(id));
  }

  #over(id: number): boolean {
    const held = this.#held.get(id);
    if (held !== undefined) held.kept = undefined;
    return this.#held.delete(id);
  }

  #letGo(id: number): void {
    if (this.#over(id)) this.#wire.send([wire.END, id * 2, LET_GO]);
  }

  #endWire(wireId: number, over: () => void): EndWire {
    return {
      hasRoom: (run) => {
        if (this.#wire.hasRoom()) return true;
        this.#wire.whenRoom(run);
        return false;
      },
      credit: (count, extra) => void this.#wire.send([wire.CREDIT, wireId, count, extra]),
      encode: (value) => this.#wire.encodeValue(value),
      items: (values) => void this.#wire.send([wire.ITEMS, wireId, values]),
      canReturn: () => true,
      giveBack: (taken) => void this.#wire.send([wire.RETURN, wireId, taken]),
      end: (error) => {
        over();
        const how = error === undefined ? [CLOSED] : [CLOSED_WITH_ERROR, error];
        this.#wire.send([wire.END, wireId, ...how]);
      },
    };
  }

  #onEndFrame(frame: FrameReader, bytes: number): void {
    const wireId = frame.number();
    const id = Math.floor(wireId / 2);
    const isOurs = wireId % 2 === 0;
    const given = this.#given.get(id);
    if (frame.type === wire.OPEN && isOurs) return given && this.#open(id, given);
    const end = isOurs ? given?.end : endOf(this.#held.get(id));
    if (frame.type === wire.END) return this.#onEnd(id, isOurs, frame);
    if (end === undefined) return; // It is over here, and the other side has not heard of it.
    if (frame.type === wire.ITEMS) end.items(frame.list(), bytes);
    else if (frame.type === wire.CREDIT) end.credit(frame.number(), frame.number());
    else end.returned(frame.number());
  }

  #open(id: number, given: Given): void {
    if (given.end !== undefined) throw new BadFrame(`end ${id} is open already`);
    const endWire = this.#endWire(id * 2 + 1, () => this.#given.delete(id));
    const { core, sends } = given;
    given.end = sends ? new HomeSenderEnd(core, endWire) : new HomeReceiverEnd(core, endWire);
  }

  #onEnd(id: number, isOurs: boolean, frame: FrameReader): void {
    const how = frame.number();
    const error = how === CLOSED_WITH_ERROR ? frame.any() : undefined;
    if (!isOurs) {
      const end = endOf(this.#held.get(id));
      this.#over(id);
      return end?.closed(error);
    }
    const given = this.#given.get(id);
    this.#given.delete(id);
    if (given === undefined) return;
    const { end, sends, core } = given;
    if (end === undefined) {
      if (sends && how !== LET_GO) core.close(error);
      return;
    }
    if (how === LET_GO) end.lost();
    else end.close(error);
    this.#leaving.add(end);
  }

  #give(stream: AsyncIterable<unknown>): { tag: number; content: unknown } {
    this.#bound(this.#sources.size, 'streams', wire.OUTSIDER_STREAMS_MAX);
    const id = (this.#lastId += 1);
    const source: StreamSource = new StreamSource(() => stream[Symbol.asyncIterator](), {
      item: (value) => this.#wire.send([wire.ITEM, id, value]),
      done: (value) => this.#finish(id, [DONE, value]),
      failed: (error) => this.#finish(id, [FAILED, error]),
      hasRoom: () => this.#wire.hasRoom(),
      whenRoom: (run) => this.#wire.whenRoom(run),
    });
    this.#sources.set(id, source);
    this.#fresh.push(() => this.#sources.delete(id)); // Nobody has asked it for anything yet.
    return { tag: wire.STREAM, content: [id, stream instanceof ReadableStream] };
  }

  #finish(id: number, how: readonly unknown[]): void {
    if (!this.#sources.delete(id)) return;
    try {
      this.#wire.send([wire.FINISH, id, ...how]);
    } catch (error) {
      this.#wire.send([wire.FINISH, id, FAILED, error]); // What it returned cannot travel.
    }
  }

  #hydrateStream([id, isReadable]: readonly unknown[]): object {
    if (typeof id !== 'number' || this.#intakes.has(id)) throw new BadFrame('stream');
    if (this.#intakes.size >= wire.OUTSIDER_STREAMS_MAX) {
      throw new BadFrame('more streams than may be given');
    }
    const { peer, env } = this.#wire;
    const intake = new StreamIntake(`a stream of ${peer}`, {
      pull: (taken, window) => void this.#wire.send([wire.PULL, id, taken, window]),
      halt: () => void this.#wire.send([wire.HALT, id]),
    });
    this.#intakes.set(id, intake);
    const stream = new RemoteStream(intake, env);
    return isReadable === true ? readable(stream) : stream;
  }

  #onFinish(frame: FrameReader): void {
    const id = frame.number();
    const failed = frame.number() === FAILED;
    const intake = this.#intakes.get(id);
    this.#intakes.delete(id);
    intake?.finish(failed ? { error: frame.any() } : { value: frame.any() });
  }
}

function endOf(held: Held | undefined): RemoteEnd | undefined {
  return held?.kept ?? held?.end.deref();
}
