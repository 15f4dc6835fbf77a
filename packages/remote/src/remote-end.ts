import {
  ChannelClosed,
  ChannelLost,
  type Env,
  type Overloaded,
  type SendOptions,
  type Timer,
} from '@troupe/actor';
import { ChannelCore, CLOSED, EMPTY, type Waiter } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { EncodedValue } from './codec.ts';
import { Gathering } from './gathering.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_MAX,
  BYTES_PER_ELEMENT,
  type EndWire,
  SEND_WINDOW,
  SEND_WINDOW_MAX,
} from './home-end.ts';

/** Elements that a receiving end may be sent ahead of being asked for them. */
const RECEIVE_WINDOW_MAX = 1_024;
/** What was fetched ahead and is wanted by nobody for so long goes back to the channel. */
const UNWANTED_MS = 1_000;

/** The wire of an end whose channel lives elsewhere; the first use opens it. */
export interface RemoteWire extends EndWire {
  /** Why no further end may be opened. One that only closes its channel may. */
  refusal(): Overloaded | undefined;
  open(): void;
  /** Whether something is under way, so that the end must live though nobody refers to it. */
  keep(isBusy: boolean): void;
  /** Nobody here uses the end any more; the channel goes on without it. */
  letGo(): void;
}

/** An end of a channel whose home is another node. */
export interface RemoteEnd {
  readonly core: ChannelCore<unknown>;
  items(values: readonly unknown[], bytes: number): void;
  credit(count: number, extra: number): void;
  /** What was given back has arrived. */
  returned(taken: number): void;
  /** The channel was closed at its home. */
  closed(error: unknown): void;
  /** The home is out of reach, or knows no such channel. */
  lost(reason: string): void;
}

/** Who waits for the delivery of one element. */
interface Awaiting {
  /** The element is the so manyeth of those that have left. */
  readonly element: number;
  readonly succeed: (value: undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** An element whose sender wants to know of its delivery. */
class Tracked extends EncodedValue {
  readonly delivered: Promise<void>;
  succeed!: (value: undefined) => void;
  fail!: (error: unknown) => void;

  constructor({ block, start, end }: EncodedValue) {
    super(block, start, end);
    this.delivered = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
    });
    // A send that nobody awaits must not end the process when the channel is closed.
    this.delivered.catch(() => undefined);
  }
}

/**
 * The sending end. What is sent waits in a window of its own until the home has room for it:
 * `send` resolves when the window has taken the element or, for a channel without a buffer and
 * with `{ ack: true }`, when the channel has.
 */
export class RemoteSenderEnd implements RemoteEnd {
  readonly core: ChannelCore<unknown>;
  readonly #wire: RemoteWire;
  #credit = SEND_WINDOW;
  #window = SEND_WINDOW;
  /** Elements that have left, and those of them that the channel has taken. */
  #left = 0;
  #taken = 0;
  /** Sizes of those that the channel has not taken, in order. */
  #sizes: number[] = [];
  #sizesHead = 0;
  #bytesUnderWay = 0;
  #awaiting: Awaiting[] = [];
  #isOpen = false;
  #isKept = false;
  #isReleased = false;
  readonly #gathering: Gathering;
  #over = false;

  constructor(capacity: number, env: Env, wire: RemoteWire) {
    this.#wire = wire;
    this.#gathering = new Gathering(env, this.#pump);
    this.core = new ChannelCore<unknown>(capacity === 0 ? 0 : SEND_WINDOW, env, {
      capacity,
      admitted: (value, options) => this.#admitted(value, options),
      delivery: (value) => (value instanceof Tracked ? value.delivered : undefined),
      offered: () => this.#offered(),
      closed: () => this.#gathering.added(),
      release: () => this.#release(),
    });
  }

  items(): never {
    throw new BadFrame('elements for an end that only sends');
  }

  returned(): never {
    throw new BadFrame('elements given back to an end that only sends');
  }

  credit(count: number, extra: number): void {
    if (count > this.#left - this.#taken) throw new BadFrame('more credit than elements sent');
    this.#window += extra;
    if (this.#window > SEND_WINDOW_MAX) throw new BadFrame('a window larger than any');
    this.#credit += count + extra;
    this.#taken += count;
    const end = this.#sizesHead + count;
    for (; this.#sizesHead < end; this.#sizesHead += 1) {
      this.#bytesUnderWay -= this.#sizes[this.#sizesHead] ?? 0;
    }
    if (this.#sizesHead === this.#sizes.length || this.#sizesHead > SEND_WINDOW_MAX) {
      this.#sizes = this.#sizes.slice(this.#sizesHead);
      this.#sizesHead = 0;
    }
    while (this.#awaiting[0] !== undefined && this.#awaiting[0].element <= this.#taken) {
      this.#awaiting.shift()?.succeed(undefined);
    }
    this.#pump();
    if (this.#taken < this.#left || this.core.length > 0 || !this.core.senders.isEmpty) return;
    this.#isKept = false;
    this.#wire.keep(false);
  }

  /** @param error why the home takes no more from this end, if that is not closed for all */
  closed(error: unknown): void {
    this.#finish(error instanceof Error ? error : new ChannelClosed());
  }

  lost(reason: string): void {
    const inDoubt = this.#left - this.#taken + this.core.length;
    this.#finish(new ChannelLost(reason, inDoubt));
  }

  #admitted(value: unknown, options: SendOptions | undefined): EncodedValue {
    const refusal = this.#isOpen ? undefined : this.#wire.refusal();
    if (refusal !== undefined) throw refusal;
    this.#openOnce(); // Or an element that was taken might find no way home.
    if (!this.#isKept) this.#wire.keep((this.#isKept = true));
    const encoded = this.#wire.encode(value);
    return options?.ack === true && this.core.capacity > 0 ? new Tracked(encoded) : encoded;
  }

  #finish(error: Error): void {
    this.#over = true;
    for (const waiting of this.#awaiting.splice(0)) waiting.fail(error);
    this.core.fail(error);
    for (let value = this.core.poll(); value instanceof EncodedValue; value = this.core.poll()) {
      if (value instanceof Tracked) value.fail(error);
    }
  }

  #offered(): void {
    if (this.core.length >= BATCH_MAX) this.#pump();
    else this.#gathering.added();
  }

  readonly #pump = (): void => {
    while (!this.#over && this.#credit > 0 && this.#hasBytes()) {
      if (!this.#wire.hasRoom(this.#pump)) return;
      const batch = this.core.capacity === 0 ? this.#takeUndelivered() : this.#takeBuffered();
      if (batch.length === 0) break;
      this.#wire.items(batch);
    }
    if (this.#over || !this.core.isClosed) return;
    if (this.core.length > 0 || this.#awaiting.length > 0) return;
    this.#over = true;
    if (this.#isReleased) return this.#wire.letGo();
    this.#openOnce();
    this.#wire.end(this.core.closeError);
  };

  /** What was sent leaves yet. */
  #release(): void {
    if (this.core.isClosed) return;
    this.#isReleased = true;
    this.core.close();
  }

  /** One element may always leave, however large it is. */
  #hasBytes(): boolean {
    return this.#bytesUnderWay < this.#window * BYTES_PER_ELEMENT;
  }

  #openOnce(): void {
    if (!this.#isOpen) this.#wire.open();
    this.#isOpen = true;
  }

  #takeBuffered(): EncodedValue[] {
    const batch: EncodedValue[] = [];
    let bytes = 0;
    while (this.#credit > 0 && batch.length < BATCH_MAX && bytes < BATCH_BYTES_MAX) {
      const value = this.core.poll();
      if (value === EMPTY || value === CLOSED) break;
      const encoded = value as EncodedValue;
      bytes += encoded.end - encoded.start;
      this.#leaves(encoded);
      batch.push(encoded);
      if (encoded instanceof Tracked) this.#await(encoded);
    }
    return batch;
  }

  /** Their senders go on waiting, for the home's word that somebody has received the element. */
  #takeUndelivered(): EncodedValue[] {
    const batch: EncodedValue[] = [];
    let bytes = 0;
    while (this.#credit > 0 && batch.length < BATCH_MAX && bytes < BATCH_BYTES_MAX) {
      const sender: Waiter<unknown> | undefined = this.core.senders.shift();
      if (sender === undefined) break;
      const encoded = sender.value as EncodedValue;
      bytes += encoded.end - encoded.start;
      this.#leaves(encoded);
      batch.push(encoded);
      this.#await({
        succeed: () => sender.succeed(undefined),
        fail: (error) => sender.fail(error),
      });
    }
    return batch;
  }

  #leaves({ start, end }: EncodedValue): void {
    this.#credit -= 1;
    this.#left += 1;
    this.#sizes.push(end - start);
    this.#bytesUnderWay += end - start;
  }

  #await({ succeed, fail }: Omit<Awaiting, 'element'>): void {
    this.#awaiting.push({ element: this.#left, succeed, fail });
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
  /** Received by somebody here, and the home has not been told. */
  #taken = 0;
  /** All that was under way goes back; until the home says so, nothing is asked for. */
  #isReturning = false;
  #isOpen = false;
  readonly #env: Env;
  /** Runs while something is here, or asked for, that nobody may want. */
  #unwanted: Timer | undefined;
  #takenSince = 0;

  constructor(capacity: number, env: Env, wire: RemoteWire) {
    this.#wire = wire;
    this.#env = env;
    this.core = new ChannelCore<unknown>(RECEIVE_WINDOW_MAX, env, {
      capacity,
      demanded: () => this.#demanded(),
      taken: () => this.#refill(),
      idle: () => this.#watch(),
      release: () => this.#release(),
    });
  }

  items(values: readonly unknown[]): void {
    if (values.length > this.#asked) throw new BadFrame('more elements than were asked for');
    this.#asked -= values.length;
    if (this.#isReturning) return; // They are in the channel again.
    for (const value of values) this.core.offer(value);
    this.#watch();
  }

  returned(): void {
    if (!this.#isReturning) throw new BadFrame('elements given back that were not');
    this.#isReturning = false;
    this.#asked = 0;
    if (this.core.receivers.isEmpty) this.#wire.keep(false);
    else this.#demanded();
  }

  credit(): never {
    throw new BadFrame('credit for an end that only receives');
  }

  closed(error: unknown): void {
    this.#unwanted?.cancel();
    this.core.close(error);
  }

  lost(reason: string): void {
    this.closed(new ChannelLost(reason, 0));
  }

  #release(): void {
    if (this.core.isClosed) return;
    if (this.#isOpen) this.#giveBack();
    this.#wire.letGo();
    this.closed(undefined);
  }

  #giveBack(): void {
    if (this.#isReturning || !this.#wire.canReturn()) return;
    this.#isReturning = true;
    this.#window = 0;
    this.core.drop();
    this.#wire.giveBack(this.#taken);
    this.#taken = 0;
  }

  /** Other receivers must not starve for what waits here, or for what this end has asked for. */
  #watch(): void {
    if (this.#unwanted !== undefined || this.core.isClosed) return;
    this.#takenSince = 0;
    this.#unwanted = this.#env.setTimer(UNWANTED_MS, () => {
      this.#unwanted = undefined;
      // While somebody waits all is well; when nobody does any more, `idle` begins anew.
      if (this.#isReturning || !this.core.receivers.isEmpty) return;
      if (this.#takenSince > 0) return this.#watch();
      if (this.#asked + this.core.length > 0) this.#giveBack();
      else this.#wire.keep(false);
    });
  }

  #demanded(): void {
    if (this.#asked > 0 || this.#isReturning) return;
    this.#window = Math.min(RECEIVE_WINDOW_MAX, Math.max(1, this.#window * 2));
    this.#ask(this.#window);
  }

  /**
   * Half a window at a time, once there is a window to speak of; and at once while somebody waits
   * for whom nothing was asked, because another waited before.
   */
  #refill(): void {
    this.#taken += 1;
    this.#takenSince += 1;
    if (this.#asked === 0 && !this.core.receivers.isEmpty) return this.#demanded();
    const ahead = this.#asked + this.core.length;
    if (this.#window > 1 && ahead <= this.#window / 2) this.#ask(this.#window - ahead);
  }

  #ask(count: number): void {
    if (this.core.isClosed) return;
    if (!this.#isOpen) {
      const refusal = this.#wire.refusal();
      if (refusal !== undefined) return void this.core.close(refusal);
      this.#wire.open();
    }
    this.#isOpen = true;
    this.#asked += count;
    this.#wire.keep(true);
    this.#wire.credit(count, this.#taken);
    this.#taken = 0;
  }
}
