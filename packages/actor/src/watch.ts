import { checkedElement, type Schema } from './arguments.ts';
import { type Receiver, ReceiverEnd } from './channel.ts';
import { ChannelCore } from './channel-core.ts';
import { type Env, processDefault } from './env.ts';
import { ChannelClosed } from './errors.ts';

/**
 * One value that changes, and whoever wants to know its latest. Values in between are skipped by
 * who is slow, never the last one.
 */
export interface Watch<T> {
  readonly value: T;
  /**
   * @throws {ChannelClosed} when the watch is closed
   * @throws {BadArguments} when its schema refuses the value, and the present one stays
   */
  set(value: T): void;
  /** Sets what `change` makes of the present value. */
  update(change: (value: T) => T): void;
  /**
   * A receiver of the present value first, then of the latest whenever it has changed. It needs
   * no end: one that nobody waits on is known to nobody.
   */
  subscribe(): Receiver<T>;
  /** Subscribers get the last value, if they have not had it, then the end, or `error`. */
  close(error?: unknown): void;
}

export interface WatchOptions<T> {
  /** Checks, and may convert, each value, the first one too; it must answer at once. */
  readonly schema?: Schema<T>;
  /** Default: the process's own. */
  readonly env?: Env;
}

export function watch<T>(initial: T, options: WatchOptions<T> = {}): Watch<T> {
  return new WatchedValue(initial, options);
}

class WatchedValue<T> implements Watch<T> {
  readonly env: Env;
  readonly #schema: Schema<T> | undefined;
  #value: T;
  #version = 1;
  #closing: { readonly error: unknown } | undefined = undefined;
  /** Those that somebody waits on. */
  readonly #waiting = new Set<Subscriber<T>>();

  constructor(initial: T, { schema, env = processDefault }: WatchOptions<T>) {
    this.#schema = schema;
    this.#value = this.#checked(initial);
    this.env = env;
  }

  get value(): T {
    return this.#value;
  }

  get version(): number {
    return this.#version;
  }

  get closing(): { readonly error: unknown } | undefined {
    return this.#closing;
  }

  set(value: T): void {
    if (this.#closing !== undefined) throw new ChannelClosed();
    this.#value = this.#checked(value);
    this.#version += 1;
    this.#tellAll();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  subscribe(): Receiver<T> {
    return new Subscriber(this);
  }

  close(error?: unknown): void {
    if (this.#closing !== undefined) throw new ChannelClosed();
    this.#closing = { error };
    this.#tellAll();
  }

  waits(subscriber: Subscriber<T>): void {
    this.#waiting.add(subscriber);
  }

  waitsNoMore(subscriber: Subscriber<T>): void {
    this.#waiting.delete(subscriber);
  }

  #checked(value: T): T {
    return this.#schema === undefined ? value : checkedElement(this.#schema, value, SET);
  }

  #tellAll(): void {
    for (const subscriber of this.#waiting) subscriber.refresh();
  }
}

const SET = ['watch', 'set'] as const;

class Subscriber<T> extends ReceiverEnd<T> {
  readonly #watch: WatchedValue<T>;
  /** Versions of the value: the one received, and the one that is buffered. */
  #offered = 0;

  constructor(watch: WatchedValue<T>) {
    super(
      new ChannelCore<T>(1, watch.env, {
        refresh: () => this.refresh(),
        demanded: () => watch.waits(this),
        idle: () => watch.waitsNoMore(this),
      }),
    );
    this.#watch = watch;
  }

  refresh(): void {
    const { version, value, closing } = this.#watch;
    if (this.#offered !== version) {
      this.#offered = version;
      this.core.replace(value);
    }
    if (closing !== undefined) this.core.close(closing.error);
  }
}
