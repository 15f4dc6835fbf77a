import { checkedElement, type Schema } from './arguments.ts';
import { type Receiver, ReceiverEnd, sendInto } from './channel.ts';
import { ChannelCore } from './channel-core.ts';
import { type Env, processDefault } from './env.ts';
import { BadOption, ChannelClosed, Overloaded, SubscriberLagged } from './errors.ts';
import { checkInteger } from './number-limits.ts';

/** Elements that may wait for one subscriber, unless it says otherwise. */
const CAPACITY = 64;
const SUBSCRIBERS_MAX = 65_536;

/**
 * What happens to a subscriber that is `capacity` elements behind: the publisher waits for it, it
 * loses the oldest or the newest element, or its subscription ends with `SubscriberLagged`.
 */
export type LagPolicy = 'wait' | 'drop-oldest' | 'drop-newest' | 'end';

const LAG_POLICIES: readonly LagPolicy[] = ['wait', 'drop-oldest', 'drop-newest', 'end'];

export interface SubscribeOptions {
  /** Elements that may wait for this subscriber, 1 … 2 ** 31. Default: 64. */
  readonly capacity?: number;
  /** Default: `'wait'`. */
  readonly whenFull?: LagPolicy;
}

export interface Subscription<out T> extends Receiver<T> {
  /** Elements that this subscriber has lost by being slow. */
  readonly dropped: number;
  /** Ends the subscription; what waits in it can still be received. Harmless when it has ended. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Every subscriber gets every element that is published from then on. */
export interface Topic<T> {
  /** Subscribers now. */
  readonly size: number;
  /**
   * Gives `value` to all subscribers. The promise waits for those that are to be waited for.
   * @throws {ChannelClosed} by the promise, when the topic is closed
   * @throws {BadArguments} by the promise: the topic's schema refuses the value, and nobody gets it
   */
  publish(value: T): Promise<void>;
  /** A topic holds on to its subscriptions: `close` one that is not to the topic's end. */
  subscribe(options?: SubscribeOptions): Subscription<T>;
  /** Ends all subscriptions, after what waits in them, with `error` if there is one. */
  close(error?: unknown): void;
}

export interface TopicOptions<T> {
  /** Checks, and may convert, each element once, for all subscribers; it must answer at once. */
  readonly schema?: Schema<T>;
  /** Subscribers at a time; one more is refused with `Overloaded`. Default: 65,536. */
  readonly subscribersMax?: number;
  /** Default: the process's own. */
  readonly env?: Env;
}

export function topic<T>(options: TopicOptions<T> = {}): Topic<T> {
  return new BroadcastTopic(options);
}

class BroadcastTopic<T> implements Topic<T> {
  readonly #env: Env;
  readonly #subscribersMax: number;
  readonly #schema: Schema<T> | undefined;
  readonly #subscribers = new Set<TopicSubscription<T>>();
  /** Never received from: it counts the operations, and it knows whether the topic is closed. */
  readonly #core: ChannelCore<T>;

  constructor({ subscribersMax = SUBSCRIBERS_MAX, schema, env = processDefault }: TopicOptions<T>) {
    checkInteger('subscribersMax', subscribersMax, [1, Number.MAX_SAFE_INTEGER]);
    this.#env = env;
    this.#schema = schema;
    this.#subscribersMax = subscribersMax;
    this.#core = new ChannelCore<T>(0, env);
  }

  get size(): number {
    return this.#subscribers.size;
  }

  publish(given: T): Promise<void> {
    if (this.#core.isClosed) return Promise.reject(new ChannelClosed());
    let value = given;
    try {
      if (this.#schema !== undefined) value = checkedElement(this.#schema, given, PUBLISH);
    } catch (error) {
      return Promise.reject(error);
    }
    let waits: Promise<void>[] | undefined;
    for (const subscriber of this.#subscribers) {
      const taken = subscriber.deliver(value);
      if (taken !== undefined) (waits ??= []).push(taken);
    }
    if (waits !== undefined) return Promise.all(waits).then(ignore);
    return this.#core.budget.spend() ? this.#core.afterIo(undefined) : DONE;
  }

  subscribe({ capacity = CAPACITY, whenFull = 'wait' }: SubscribeOptions = {}): Subscription<T> {
    checkInteger('capacity', capacity, [1, 2 ** 31]);
    if (!LAG_POLICIES.includes(whenFull)) {
      throw new BadOption('whenFull', whenFull, `give one of ${LAG_POLICIES.join(', ')}`);
    }
    if (this.#subscribers.size >= this.#subscribersMax) {
      throw new Overloaded('the topic', 'subscribers', this.#subscribersMax);
    }
    const core = new ChannelCore<T>(capacity, this.#env);
    const subscription = new TopicSubscription(core, whenFull);
    if (this.#core.isClosed) {
      core.close(this.#core.closeError);
    } else {
      this.#subscribers.add(subscription);
      core.whenClosed(() => this.#subscribers.delete(subscription));
    }
    return subscription;
  }

  close(error?: unknown): void {
    if (!this.#core.close(error)) throw new ChannelClosed();
    for (const subscriber of this.#subscribers) subscriber.core.close(error);
  }
}

class TopicSubscription<T> extends ReceiverEnd<T> implements Subscription<T> {
  readonly #whenFull: LagPolicy;
  #dropped = 0;

  constructor(core: ChannelCore<T>, whenFull: LagPolicy) {
    super(core);
    this.#whenFull = whenFull;
  }

  get dropped(): number {
    return this.#dropped;
  }

  close(): void {
    this.core.close();
  }

  override [Symbol.dispose](): void {
    this.core.close();
  }

  /** @returns a promise only where the publisher is to wait */
  deliver(value: T): Promise<void> | undefined {
    const { core } = this;
    if (core.offer(value)) return undefined;
    switch (this.#whenFull) {
      case 'wait':
        // A subscription that ends in the meantime is no failure of the publisher's.
        return sendInto(core, value).catch(ignore);
      case 'drop-oldest':
        core.poll();
        core.offer(value);
        break;
      case 'drop-newest':
        break;
      case 'end':
        core.close(new SubscriberLagged(core.capacity));
    }
    this.#dropped += 1;
    return undefined;
  }
}

const PUBLISH = ['topic', 'publish'] as const;

const DONE: Promise<void> = Promise.resolve();

function ignore(): void {}
