import { type ChannelCore, CLOSED, EMPTY, sendInto, Waiter } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';

/** Elements that may be under way to a channel's home, and wait there for room. */
export const SEND_WINDOW = 256;
/** Elements that leave in one frame. */
export const BATCH_MAX = 64;

/** How one end of a channel reaches the other, on another node. */
export interface EndWire {
  credit(count: number): void;
  items(values: readonly unknown[]): void;
  /** Nothing more is said by this side. `error`: what the channel was closed with, if anything. */
  end(error: unknown): void;
}

/** What stands at a channel's home for an end elsewhere. */
export interface HomeEnd {
  items(values: readonly unknown[]): void;
  credit(count: number): void;
  /** The other side has closed its end. */
  close(error: unknown): void;
  /** The node of the other side is gone. */
  lost(): void;
}

/**
 * At a channel's home, the stand-in for a sender elsewhere: as a goroutine would, it takes what
 * arrives and sends it into the channel, waiting while that is full. It gives the window back as
 * the channel takes the elements, so that a full channel here makes the sender wait there.
 */
export class HomeSenderEnd implements HomeEnd {
  readonly #core: ChannelCore<unknown>;
  readonly #wire: EndWire;
  readonly #inbox: unknown[] = [];
  #pumping = false;
  /** Taken by the channel and not yet given back to the sender. */
  #owed = 0;
  #closing: { readonly error: unknown } | undefined;
  #over = false;

  constructor(core: ChannelCore<unknown>, wire: EndWire) {
    this.#core = core;
    this.#wire = wire;
    core.whenClosed(() => this.#end());
  }

  credit(): never {
    throw new BadFrame('credit for an end that only sends');
  }

  items(values: readonly unknown[]): void {
    if (this.#over) return;
    if (this.#inbox.length + values.length > SEND_WINDOW) {
      throw new BadFrame(`more than ${SEND_WINDOW} elements sent without credit`);
    }
    this.#inbox.push(...values);
    if (!this.#pumping) void this.#pump();
  }

  /** The sender closes the channel, after all that it sent. */
  close(error: unknown): void {
    this.#closing = { error };
    if (!this.#pumping) this.#finish();
  }

  /** The sender's node is gone. What has arrived goes in; the channel stays open for others. */
  lost(): void {
    this.#over = true;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#inbox.length > 0 && !this.#core.isClosed) {
      const value = this.#inbox[0];
      if (!(await isTaken(this.#core, value))) break;
      this.#inbox.shift();
      this.#giveBack();
    }
    this.#pumping = false;
    this.#finish();
  }

  /** In batches of half a window, and whatever is left when the sender may be waiting for it. */
  #giveBack(): void {
    this.#owed += 1;
    const isLast = this.#inbox.length === 0;
    if (this.#over || this.#core.isClosed) return;
    if (this.#core.capacity > 0 && !isLast && this.#owed < SEND_WINDOW / 2) return;
    this.#wire.credit(this.#owed);
    this.#owed = 0;
  }

  #finish(): void {
    if (this.#closing !== undefined) this.#core.close(this.#closing.error);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#wire.end(undefined);
  }
}

/** @returns false when the channel was closed before anybody took `value` */
async function isTaken(core: ChannelCore<unknown>, value: unknown): Promise<boolean> {
  if (core.offer(value)) return true;
  return sendInto(core, value).then(
    () => true,
    () => false,
  );
}

/**
 * At a channel's home, the stand-in for a receiver elsewhere: it takes elements out only while the
 * other side has given credit for them, so that nobody is robbed of what nobody there waits for.
 */
export class HomeReceiverEnd extends Waiter<unknown> implements HomeEnd {
  readonly #core: ChannelCore<unknown>;
  readonly #wire: EndWire;
  #credit = 0;
  #over = false;

  constructor(core: ChannelCore<unknown>, wire: EndWire) {
    super();
    this.#core = core;
    this.#wire = wire;
  }

  items(): never {
    throw new BadFrame('elements from an end that only receives');
  }

  credit(count: number): void {
    this.#credit += count;
    this.#pump();
  }

  close(): void {
    this.lost();
  }

  lost(): void {
    this.#over = true;
    this.#core.receivers.remove(this);
  }

  /** An element came while this end waited in the channel's queue. */
  succeed(value: unknown): void {
    this.#credit -= 1;
    this.#send([value]);
    this.#pump();
  }

  /** The channel was closed while this end waited. */
  fail(error: unknown): void {
    this.#over = true;
    this.#wire.end(error);
  }

  #pump(): void {
    while (this.#credit > 0 && !this.#over && this.list === undefined) {
      const batch: unknown[] = [];
      let value: unknown;
      while (batch.length < Math.min(this.#credit, BATCH_MAX)) {
        value = this.#core.poll();
        if (value === EMPTY || value === CLOSED) break;
        batch.push(value);
      }
      this.#credit -= batch.length;
      if (batch.length > 0) this.#send(batch);
      if (value === CLOSED) this.fail(this.#core.closeError);
      else if (value === EMPTY) this.#core.parkReceiver(this);
    }
  }

  /** An element that cannot travel ends this end, with the reason, and no other. */
  #send(values: readonly unknown[]): void {
    try {
      this.#wire.items(values);
    } catch (error) {
      this.fail(error);
    }
  }
}
