import { ChannelClosed, ChannelLost, type Env } from '@troupe/actor';
import { ChannelCore, CLOSED, EMPTY, type Waiter } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { BATCH_MAX, type EndWire, SEND_WINDOW } from './home-end.ts';

/** Elements that a receiving end may be sent ahead of being asked for them. */
const RECEIVE_WINDOW_MAX = 64;

/** The wire of an end whose channel lives elsewhere; it is opened by the first use. */
export interface RemoteWire extends EndWire {
  open(): void;
  /** One element as a frame, at the moment it is sent: later changes to it do not travel. */
  encode(value: unknown): Uint8Array;
  send(frames: readonly Uint8Array[]): void;
}

/** An end of a channel whose home is another node. */
export interface RemoteEnd {
  readonly core: ChannelCore<unknown>;
  items(values: readonly unknown[]): void;
  credit(count: number): void;
  /** The channel was closed at its home. */
  closed(error: unknown): void;
  /** The home is out of reach, or knows no such channel. */
  lost(reason: string): void;
}

/**
 * The sending end. What is sent waits in a window of its own until the home has room for it:
 * `send` resolves when the window has taken the element or, for a channel without a buffer, when
 * a receiver has.
 */
export class RemoteSenderEnd implements RemoteEnd {
  readonly core: ChannelCore<unknown>;
  readonly #wire: RemoteWire;
  #credit = SEND_WINDOW;
  /** Elements that have left and that the home has not acknowledged. */
  #unacknowledged = 0;
  /** Their senders, where these wait for the delivery. */
  readonly #awaiting: Waiter<unknown>[] = [];
  #isOpen = false;
  #pumpScheduled = false;
  #over = false;

  constructor(capacity: number, env: Env, wire: RemoteWire) {
    this.#wire = wire;
    this.core = new ChannelCore<unknown>(capacity === 0 ? 0 : SEND_WINDOW, env, {
      admitted: (value) => wire.encode(value),
      offered: () => this.#schedulePump(),
      closed: () => this.#schedulePump(),
    });
  }

  items(): never {
    throw new BadFrame('elements for an end that only sends');
  }

  credit(count: number): void {
    if (count > this.#unacknowledged) throw new BadFrame('more credit than elements sent');
    this.#credit += count;
    this.#unacknowledged -= count;
    for (const sender of this.#awaiting.splice(0, count)) sender.succeed(undefined);
    this.#schedulePump();
  }

  closed(): void {
    this.#finish(new ChannelClosed());
  }

  lost(reason: string): void {
    const inDoubt = this.#unacknowledged + this.core.length;
    this.#finish(new ChannelLost(reason, inDoubt));
  }

  #finish(error: Error): void {
    this.#over = true;
    for (const sender of this.#awaiting.splice(0)) sender.fail(error);
    this.core.fail(error);
  }

  /** In a microtask: what is sent in one turn leaves in one frame. */
  #schedulePump(): void {
    if (this.#pumpScheduled || this.#over) return;
    this.#pumpScheduled = true;
    void settled.then(() => this.#pump());
  }

  #pump(): void {
    this.#pumpScheduled = false;
    while (!this.#over && this.#credit > 0) {
      const batch = this.core.capacity === 0 ? this.#takeUndelivered() : this.#takeBuffered();
      if (batch.length === 0) break;
      this.#credit -= batch.length;
      this.#unacknowledged += batch.length;
      this.#openOnce();
      this.#wire.send(batch);
    }
    if (this.#over || !this.core.isClosed) return;
    if (this.core.length > 0 || this.#awaiting.length > 0) return;
    this.#over = true;
    this.#openOnce();
    this.#wire.end(this.core.closeError);
  }

  #openOnce(): void {
    if (!this.#isOpen) this.#wire.open();
    this.#isOpen = true;
  }

  #takeBuffered(): Uint8Array[] {
    const batch: Uint8Array[] = [];
    while (batch.length < Math.min(this.#credit, BATCH_MAX)) {
      const value = this.core.poll();
      if (value === EMPTY || value === CLOSED) break;
      batch.push(value as Uint8Array);
    }
    return batch;
  }

  /** Their senders go on waiting, for the home's word that somebody has received the element. */
  #takeUndelivered(): Uint8Array[] {
    const batch: Uint8Array[] = [];
    while (batch.length < Math.min(this.#credit, BATCH_MAX)) {
      const sender = this.core.senders.shift();
      if (sender === undefined) break;
      batch.push(sender.value as Uint8Array);
      this.#awaiting.push(sender);
    }
    return batch;
  }
}

/**
 * The receiving end. It asks for one element when somebody first waits for one, and for more ahead
 * the longer it is kept waiting, so that a loop runs at full speed and a single `receive` takes
 * nothing from other receivers.
 */
export class RemoteReceiverEnd implements RemoteEnd {
  readonly core: ChannelCore<unknown>;
  readonly #wire: RemoteWire;
  /** Asked for and not yet here. */
  #asked = 0;
  #window = 0;
  #isOpen = false;

  constructor(env: Env, wire: RemoteWire) {
    this.#wire = wire;
    this.core = new ChannelCore<unknown>(RECEIVE_WINDOW_MAX, env, {
      demanded: () => this.#demanded(),
      taken: () => this.#refill(),
    });
  }

  items(values: readonly unknown[]): void {
    if (values.length > this.#asked) throw new BadFrame('more elements than were asked for');
    this.#asked -= values.length;
    for (const value of values) this.core.offer(value);
  }

  credit(): never {
    throw new BadFrame('credit for an end that only receives');
  }

  closed(error: unknown): void {
    this.core.close(error);
  }

  lost(reason: string): void {
    this.core.close(new ChannelLost(reason, 0));
  }

  #demanded(): void {
    if (this.#asked > 0) return;
    this.#window = Math.min(RECEIVE_WINDOW_MAX, Math.max(1, this.#window * 2));
    this.#ask(this.#window);
  }

  /**
   * Half a window at a time, once there is a window to speak of; and at once while somebody waits
   * for whom nothing was asked, because another waited before.
   */
  #refill(): void {
    if (this.#asked === 0 && !this.core.receivers.isEmpty) return this.#demanded();
    const ahead = this.#asked + this.core.length;
    if (this.#window > 1 && ahead <= this.#window / 2) this.#ask(this.#window - ahead);
  }

  #ask(count: number): void {
    if (this.core.isClosed) return;
    if (!this.#isOpen) this.#wire.open();
    this.#isOpen = true;
    this.#asked += count;
    this.#wire.credit(count);
  }
}

const settled = Promise.resolve();
