import {
  type CallError,
  Cancelled,
  DeadlineExceeded,
  type AnyRef,
  type CallOptions,
  type Down,
  isCallError,
} from '@troupe/actor';
import {
  type Answer,
  type CallContext,
  Caller,
  type Recipient,
  refTo,
} from '@troupe/actor/internal';
import type { Entities } from './entities.ts';
import type { EntityId } from './placement.ts';

/** First and longest pause before a refused call is tried again. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 250;

/** Refusals that another node, or the same one a little later, may well not repeat. */
const RETRYABLE: ReadonlySet<string> = new Set([
  'ERR_MOVED',
  'ERR_UNREACHABLE',
  'ERR_ACTOR_DOWN',
  'ERR_DRAINING',
  'ERR_NO_SUCH_ACTOR',
]);

/**
 * What stands behind an `EntityRef`: a kind and a key, and for each call the node they are on by
 * then. A call that certainly had no effect is tried again until its deadline, wherever the entity
 * has gone meanwhile; any other outcome is the caller's.
 */
export class Entity implements Recipient {
  readonly id: EntityId;
  readonly ref: AnyRef = refTo(this);
  readonly #entities: Entities;

  constructor(entities: Entities, id: EntityId) {
    this.#entities = entities;
    this.id = id;
  }

  get address(): string {
    return `${this.id.kind}/${this.id.key}`;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    // The first attempt leaves at once, so that calls of one sender keep their order.
    const startedAt = this.#entities.env.now();
    const context = caller.contextIn(this.#entities.system);
    const { options } = caller;
    // Calls on the result follow the first attempt; should it fail, they wait for the others.
    const instead = (error: unknown): Promise<unknown> | undefined => {
      if (!isRetryable(error)) return undefined;
      return this.#again({ method, args, options, context, startedAt, error });
    };
    return this.#entities.attempt(this.id, method, { args, caller, instead });
  }

  tell(method: string, args: readonly unknown[], caller: Caller): void {
    this.#entities.tell(this.id, method, args, { hops: 0, caller });
  }

  /** Watches the activation of this moment, which it makes if there is none. */
  monitor(onDown: (down: Down) => void): () => void {
    let forget: (() => void) | undefined;
    let wanted = true;
    this.#activation().then(
      (activation) => {
        if (wanted) forget = activation.monitor(onDown);
      },
      (error: unknown) => {
        if (wanted) onDown({ address: this.address, reason: { kind: 'node-down', error } });
      },
    );
    return () => {
      wanted = false;
      forget?.();
    };
  }

  async stop(): Promise<void> {
    const activation = await this.#activation();
    await activation.stop();
  }

  async #activation(): Promise<Recipient> {
    const startedAt = this.#entities.env.now();
    for (let round = 0; ; round += 1) {
      try {
        return await this.#entities.activation(this.id);
      } catch (error) {
        const waitedMs = this.#entities.env.now() - startedAt;
        const isLast = this.#entities.isClosed || waitedMs >= this.#entities.callTimeoutMs;
        if (!isRetryable(error) || isLast) throw error;
        await this.#pause(round, undefined);
      }
    }
  }

  async #again(call: {
    readonly method: string;
    readonly args: readonly unknown[];
    readonly options: CallOptions | undefined;
    readonly context: CallContext | undefined;
    readonly startedAt: number;
    readonly error: unknown;
  }): Promise<unknown> {
    const { method, args, options, context, startedAt } = call;
    const { env } = this.#entities;
    const budgetMs = options?.timeoutMs ?? this.#entities.callTimeoutMs;
    let { error } = call;
    for (let round = 0; isRetryable(error) && !this.#entities.isClosed; round += 1) {
      // Who points to another node is followed at once, the first time.
      if (round > 0 || error.code !== 'ERR_MOVED') await this.#pause(round, options?.signal);
      if (options?.signal?.aborted === true) {
        const cause: unknown = options.signal.reason;
        throw new Cancelled(this.address, 'no', { cause });
      }
      const timeoutMs = Math.floor(budgetMs - (env.now() - startedAt));
      if (timeoutMs < 1) throw new DeadlineExceeded(this.address, budgetMs, 'no', { cause: error });
      try {
        const again = Caller.within(context, { ...options, timeoutMs });
        return await this.#entities.attempt(this.id, method, { args, caller: again });
      } catch (next) {
        error = next;
      }
    }
    throw error;
  }

  #pause(round: number, signal: AbortSignal | undefined): Promise<void> {
    const { env } = this.#entities;
    const pauseMs = Math.min(PAUSE_MS * 2 ** round, PAUSE_MS_MAX) * (0.5 + env.random());
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = env.setTimer(pauseMs, done);
      signal?.addEventListener('abort', done);
    });
  }
}

function isRetryable(error: unknown): error is CallError {
  if (!isCallError(error) || error.executed !== 'no' || !RETRYABLE.has(error.code)) return false;
  // An activation that fails will fail again; one that was stopped will be made anew.
  return error.code !== 'ERR_ACTOR_DOWN' || error.cause === undefined;
}
