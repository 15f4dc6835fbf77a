import { ChannelLost } from '@troupe/actor';
import { type ChannelCore, CLOSED, EMPTY, Waiter } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import type { EncodedValue } from './codec.ts';
import { Gathering } from './gathering.ts';

/** Elements that may be under way to a channel's home and wait there for room, at first… */
export const SEND_WINDOW = 256;
/** …and at most, when the channel takes them faster than they come. */
export const SEND_WINDOW_MAX = 8_192;
/** Elements that a receiver may have been sent, or be owed, and not have said that it took. */
const CREDIT_MAX = 4_096;
/** Elements that leave in one frame, and bytes of them after which it is closed. */
export const BATCH_MAX = 256;
export const BATCH_BYTES_MAX: number = 16 * 1024;

/** Bytes of elements that may be under way to the home for each element of the window. */
export const BYTES_PER_ELEMENT = 1_024;
/** What a home takes beyond that: the frames around the elements, and what it cannot tell apart. */
const SLACK_PER_ELEMENT = 16;
const SLACK_BYTES: number = 64 * 1024;
/** Memory that an end takes besides the bytes of its elements, and each element. */
const END_OWN_BYTES = 1_024;
const ELEMENT_OWN_BYTES = 64;

/** How one end of a channel reaches the other, on another node. */
export interface EndWire {
  /**
   * @param extra of a sender's home, more than was given back: the window grows by so much; of a
   *   receiver, how many elements were taken since it said so last
   */
  credit(count: number, extra: number): void;
  /** Whether the other side knows of elements that are given back. */
  canReturn(): boolean;
  /**
   * Of a receiver: gives all elements back but those that were taken, `taken` of them since it said
   * so last. Of a home: those have gone back, and no credit remains.
   */
  giveBack(taken: number): void;
  items(values: readonly EncodedValue[]): void;
  /** One element at this moment: later changes to it do not travel. Throws `NotSerializable`. */
  encode(value: unknown): EncodedValue;
  /** Nothing more is said by this side. `error`: what the channel was closed with, if anything. */
  end(error: unknown): void;
  /** Whether more can be sent without piling up; if not, `run` is called once it can. */
  hasRoom(run: () => void): boolean;
}

/** What stands at a channel's home for an end elsewhere. */
export interface HomeEnd {
  items(values: readonly unknown[], bytes: number): void;
  credit(count: number, taken: number): void;
  /** A receiver gives back what it has not taken. */
  returned(taken: number): void;
  /** The other side has closed its end. */
  close(error: unknown): void;
  /** The other side has let go of its end, or is gone. */
  lost(): void;
  /** Memory taken by what has arrived and waits for the channel to have room. */
  readonly heldBytes: number;
  /** Calls `run`, and nobody that was named before, once nothing waits; at once if nothing does. */
  whenEmpty(run: () => void): void;
  /** Forgets what waits. */
  drop(): void;
}

/**
 * At a channel's home, the stand-in for a sender elsewhere: as a goroutine would, it takes what
 * arrives and sends it into the channel, waiting while that is full. It gives the window back as
 * the channel takes the elements, so that a full channel here makes the sender wait there. When
 * whole windows find nobody waiting before them, it is the way that limits: then the window grows,
 * and with it what is under way in one round trip.
 */
export class HomeSenderEnd extends Waiter<unknown> implements HomeEnd {
  readonly #core: ChannelCore<unknown>;
  readonly #wire: EndWire;
  #inbox: unknown[] = [];
  #next = 0;
  #window = SEND_WINDOW;
  /** Elements in a row that found all before them taken: the way is slower than the channel. */
  #awaitedHere = 0;
  #waiting = false;
  /** Sizes of the frames whose elements were not given back yet, oldest first. */
  readonly #frames: { count: number; bytes: number }[] = [];
  #bytesUnderWay = 0;
  /** Taken by the channel and not yet given back to the sender. */
  #owed = 0;
  /** While the channel is full: somebody may wait for the word that it has an element. */
  readonly #giving: Gathering;
  #closing: { readonly error: unknown } | undefined;
  #over = false;
  readonly #forget: () => void;
  #onEmpty: (() => void) | undefined;

  constructor(core: ChannelCore<unknown>, wire: EndWire) {
    super();
    this.#core = core;
    this.#wire = wire;
    this.#giving = new Gathering(core.env, this.#giveBack);
    this.#forget = core.whenClosed(() => this.#end());
  }

  credit(): never {
    throw new BadFrame('credit for an end that only sends');
  }

  returned(): never {
    throw new BadFrame('elements given back by an end that only sends');
  }

  items(values: readonly unknown[], bytes: number): void {
    if (this.#over) return;
    if (this.#inbox.length - this.#next + values.length > this.#window) {
      throw new BadFrame(`more than ${this.#window} elements sent without credit`);
    }
    this.#arrived(values.length, bytes);
    this.#awaitedHere = this.#inbox.length === 0 ? this.#awaitedHere + values.length : 0;
    for (const value of values) this.#inbox.push(value);
    if (!this.#waiting) this.#pump();
  }

  /** The sender closes the channel, after all that it sent. */
  close(error: unknown): void {
    this.#closing = { error };
    if (!this.#waiting) this.#pump();
  }

  /** What has arrived goes in, unless it is dropped; the channel stays open for others. */
  lost(): void {
    this.#over = true;
    this.#forget();
  }

  get heldBytes(): number {
    const count = this.#inbox.length - this.#next;
    if (count === 0) return 0;
    return END_OWN_BYTES + this.#bytesUnderWay + count * ELEMENT_OWN_BYTES;
  }

  whenEmpty(run: () => void): void {
    this.#onEmpty = run;
    if (this.#inbox.length === 0) this.#emptied();
  }

  /** A close that came after it closes the channel now, and says that something is missing. */
  drop(): void {
    const inDoubt = this.#inbox.length - this.#next;
    this.#core.senders.remove(this);
    this.#emptied();
    if (this.#closing === undefined) return;
    this.#core.close(new ChannelLost('who closed it is out of reach', inDoubt));
  }

  /** The channel has the element that waited. */
  succeed(): void {
    queueMicrotask(() => this.#waited(true));
  }

  /** The channel was closed. */
  fail(): void {
    queueMicrotask(() => this.#waited(false));
  }

  #pump(): void {
    while (this.#next < this.#inbox.length && !this.#core.isClosed) {
      let value: unknown;
      try {
        value = this.#core.admit(this.#inbox[this.#next]);
      } catch (error) {
        return this.#refuse(error);
      }
      if (!this.#core.offer(value)) {
        if (!this.#core.isClosed) this.#wait(value);
        break;
      }
      this.#took();
    }
    if (this.#closing !== undefined && !this.#waiting) this.#core.close(this.#closing.error);
  }

  #wait(value: unknown): void {
    this.#waiting = true;
    if (this.#owed > 0) this.#giving.added();
    this.#core.parkSender(this, value);
  }

  #waited(isTaken: boolean): void {
    this.#waiting = false;
    this.value = undefined;
    if (isTaken) this.#took();
    if (this.#core.isClosed) this.#end();
    else this.#pump();
  }

  #took(): void {
    this.#inbox[this.#next] = undefined;
    this.#next += 1;
    const isLast = this.#next === this.#inbox.length;
    if (isLast) this.#emptied();
    this.#owed += 1;
    // In batches of half a window, and whatever is left when the sender may be waiting for it.
    if (!isLast && this.#owed < this.#window / 2) return;
    this.#giveBack();
  }

  readonly #giveBack = (): void => {
    if (this.#owed === 0 || this.#over) return;
    const growth = this.#growth();
    this.#gone(this.#owed);
    this.#wire.credit(this.#owed, growth);
    this.#owed = 0;
  };

  /** One element may always come, however large it is: the bound is on those before it. */
  #arrived(count: number, bytes: number): void {
    const limit = this.#window * (BYTES_PER_ELEMENT + SLACK_PER_ELEMENT) + SLACK_BYTES;
    if (this.#bytesUnderWay >= limit) {
      throw new BadFrame(`more than ${limit} bytes of elements sent without credit`);
    }
    this.#frames.push({ count, bytes });
    this.#bytesUnderWay += bytes;
  }

  /** The window is given back for the first `count` elements: their bytes are under way no more. */
  #gone(count: number): void {
    for (let left = count; left > 0;) {
      const first = this.#frames[0];
      if (first === undefined) return;
      const part = Math.min(left, first.count);
      const bytes = (first.bytes * part) / first.count;
      left -= part;
      first.count -= part;
      first.bytes -= bytes;
      this.#bytesUnderWay -= bytes;
      if (first.count === 0) this.#frames.shift();
    }
  }

  /** What the channel's schema refuses ends this end, with the reason, and no other. */
  #refuse(error: unknown): void {
    this.#emptied();
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    // Whoever waits for the elements before it is to learn that these were taken.
    if (this.#owed > 0) this.#wire.credit(this.#owed, 0);
    this.#wire.end(error);
  }

  #growth(): number {
    if (this.#awaitedHere < 4 * this.#window || this.#window === SEND_WINDOW_MAX) return 0;
    this.#awaitedHere = 0;
    this.#window *= 2;
    return this.#window / 2;
  }

  #emptied(): void {
    this.#inbox = [];
    this.#next = 0;
    const run = this.#onEmpty;
    this.#onEmpty = undefined;
    run?.();
  }

  #end(): void {
    if (this.#waiting) return; // What waits is about to learn whether it was taken.
    this.#emptied();
    if (this.#over) return;
    this.#giveBack();
    this.#over = true;
    this.#wire.end(undefined);
  }
}

/**
 * At a channel's home, the stand-in for a receiver elsewhere: it takes elements out only while the
 * other side has given credit for them, so that nobody is robbed of what nobody there waits for.
 */
export class HomeReceiverEnd extends Waiter<unknown> implements HomeEnd {
  readonly #core: ChannelCore<unknown>;
  readonly #wire: EndWire;
  #credit = 0;
  /** Taken out one by one, to leave together. */
  #batch: EncodedValue[] = [];
  #batchBytes = 0;
  readonly #gathering: Gathering;
  /** Taken out for the other side, which has not said yet that somebody there has got it. */
  #unconfirmed: unknown[] = [];
  #over = false;
  readonly #forget: () => void;

  constructor(core: ChannelCore<unknown>, wire: EndWire) {
    super();
    this.#core = core;
    this.#wire = wire;
    this.#gathering = new Gathering(core.env, () => this.#flush());
    // Also when nobody there waits: what is closed and empty needs no ends. The last element may be
    // on its way to this very end.
    this.#forget = core.whenDrained(() => queueMicrotask(() => this.fail(core.closeError)));
  }

  items(): never {
    throw new BadFrame('elements from an end that only receives');
  }

  credit(count: number, taken: number): void {
    this.#confirm(taken);
    this.#credit += count;
    if (this.#credit + this.#unconfirmed.length > CREDIT_MAX) {
      throw new BadFrame(`more than ${CREDIT_MAX} elements asked for at a time`);
    }
    this.#pump();
  }

  /** In their order, and ahead of all others, so that nobody can tell that they were away. */
  returned(taken: number): void {
    this.#confirm(taken);
    const back = this.#unconfirmed;
    this.#unconfirmed = [];
    this.#credit = 0;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#core.receivers.remove(this);
    this.#wire.giveBack(0);
    this.#core.putBack(back);
  }

  close(): void {
    this.lost();
  }

  lost(): void {
    this.#over = true;
    this.#core.receivers.remove(this);
    this.#forget();
  }

  /** Nothing ever waits here for room. */
  get heldBytes(): number {
    return 0;
  }

  whenEmpty(run: () => void): void {
    run();
  }

  drop(): void {}

  /** An element came while this end waited in the channel's queue. */
  succeed(value: unknown): void {
    this.#take(value);
    this.#pump();
  }

  /** The channel was closed while this end waited, or this end cannot go on. */
  fail(error: unknown): void {
    this.#flush();
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    this.#wire.end(error);
  }

  readonly #pump = (): void => {
    while (this.#credit > 0 && !this.#over && this.list === undefined) {
      if (!this.#wire.hasRoom(this.#pump)) return;
      const value = this.#core.poll();
      if (value === CLOSED) this.fail(this.#core.closeError);
      else if (value === EMPTY) this.#core.parkReceiver(this);
      else this.#take(value);
    }
  };

  #confirm(taken: number): void {
    if (taken > this.#unconfirmed.length && this.#wire.canReturn()) {
      throw new BadFrame('more elements taken than were sent');
    }
    this.#unconfirmed.splice(0, taken);
  }

  #take(value: unknown): void {
    this.#credit -= 1;
    if (this.#wire.canReturn()) this.#unconfirmed.push(value);
    try {
      const encoded = this.#wire.encode(value);
      this.#batch.push(encoded);
      this.#batchBytes += encoded.end - encoded.start;
    } catch (error) {
      this.fail(error); // What cannot travel ends this end, with the reason, and no other.
      return;
    }
    const isFull = this.#batch.length >= BATCH_MAX || this.#batchBytes >= BATCH_BYTES_MAX;
    if (isFull) this.#flush();
    else this.#gathering.added();
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch.length === 0 || this.#over) return;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#wire.items(batch);
  }
}
