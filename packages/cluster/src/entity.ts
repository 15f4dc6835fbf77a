import {
  type ActorSystem,
  type AnyRef,
  type CallError,
  type Down,
  isCallError,
} from '@troupe/actor';
import { type Answer, Caller, type Recipient, refTo } from '@troupe/actor/internal';
import { type Again, type FailedCall, pause, retrying } from '@troupe/remote';
import type { Entities } from './entities.ts';
import type { EntityId } from './placement.ts';

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
 * then. A call that certainly had no effect, or may be run twice, is tried again until its
 * deadline, wherever the entity has gone meanwhile; any other outcome is the caller's.
 */
export class Entity implements Recipient, Again {
  readonly id: EntityId;
  readonly ref: AnyRef = refTo(this);
  readonly #entities: Entities;

  constructor(entities: Entities, id: EntityId) {
    this.#entities = entities;
    this.id = id;
  }

  get system(): ActorSystem {
    return this.#entities.system;
  }

  get address(): string {
    return `${this.id.kind}/${this.id.key}`;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    // The first attempt leaves at once, so that calls of one sender keep their order.
    return this.#entities.attempt(this.id, method, { args, caller, again: this });
  }

  /** Calls on the result follow the first attempt; should it fail, they wait for the others. */
  instead(error: unknown, call: FailedCall): Promise<unknown> | undefined {
    if (!this.#mayRetry(error, call)) return undefined;
    const { env, callTimeoutMs } = this.#entities;
    const { method, args, encodedArgs, caller, context, remainingMs } = call;
    const { options } = caller;
    const retry = {
      env,
      address: this.address,
      budgetMs: options?.timeoutMs ?? callTimeoutMs,
      endsAt: env.now() + remainingMs,
      signal: options?.signal,
      mayRetry: (next: CallError) => this.#mayRetry(next, call),
      isHint: ({ code }: CallError) => code === 'ERR_MOVED',
      attempt: (timeoutMs: number) => {
        const again = Caller.within(context, { ...options, timeoutMs }, caller.from);
        return this.#entities.attempt(this.id, method, { args, encodedArgs, caller: again });
      },
    };
    return retrying(retry, error);
  }

  tell(method: string, args: readonly unknown[], caller: Caller): void {
    this.#entities.tell(this.id, method, args, { hops: 0, caller });
  }

  /** Watches the activation of this moment, which it makes if there is none. */
  monitor(onDown: (down: Down) => void): () => void {
    let forget: (() => void) | undefined;
    let wanted = true;
    this.#activation()
      .then((activation) => {
        if (wanted) forget = activation.monitor(onDown);
      })
      .catch((error: unknown) => {
        if (wanted) onDown({ address: this.address, reason: { kind: 'node-down', error } });
      });
    return () => {
      wanted = false;
      forget?.();
    };
  }

  async stop(): Promise<void> {
    const activation = await this.#activation();
    await activation.stop();
  }

  #mayRetry(error: unknown, { method, caller }: FailedCall): boolean {
    if (this.#entities.isClosed) return false;
    if (isRetryable(error)) return true;
    if (!isCallError(error) || !mayHaveRun(error)) return false;
    return caller.options?.idempotent ?? this.#entities.isIdempotent(this.id.kind, method);
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
        await pause(this.#entities.env, round);
      }
    }
  }
}

function isRetryable(error: unknown): error is CallError {
  if (!isCallError(error) || error.executed !== 'no' || !RETRYABLE.has(error.code)) return false;
  // An activation that fails will fail again; one that was stopped will be made anew.
  return error.code !== 'ERR_ACTOR_DOWN' || error.cause === undefined;
}

/** Nobody knows whether the call ran: its node, or its activation, was lost on the way. */
function mayHaveRun({ code, executed }: CallError): boolean {
  return executed === 'unknown' && (code === 'ERR_SESSION_LOST' || code === 'ERR_ACTOR_DOWN');
}
