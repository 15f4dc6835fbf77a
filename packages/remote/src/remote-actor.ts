import {
  ActorDown,
  type ActorSystem,
  type AnyRef,
  type CallError,
  type Down,
  isCallError,
} from '@troupe/actor';
import { Answer, Caller, type Recipient, refTo } from '@troupe/actor/internal';
import type { Again, FailedCall } from './outgoing.ts';
import type { Peer } from './peer.ts';
import { PeerReplaced } from './peer-replaced.ts';
import { type Retry, retrying } from './retry.ts';

/** An actor of another node, by the id that its node gave it. */
export class RemoteActor implements Recipient, Again {
  readonly peer: Peer;
  readonly target: number;
  readonly kind: string;
  readonly ref: AnyRef = refTo(this);

  constructor(peer: Peer, target: number, kind: string) {
    this.peer = peer;
    this.target = target;
    this.kind = kind;
  }

  get system(): ActorSystem {
    return this.peer.system;
  }

  get address(): string {
    return `${this.peer.identity.name}/${this.kind}/#${this.target}`;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    const { peer } = this;
    if (!(caller.options?.idempotent ?? peer.isIdempotent(this.kind, method))) {
      return peer.outgoing.ask(this, method, { args, caller });
    }
    return peer.outgoing.ask(this, method, { args, caller, again: this });
  }

  instead(error: unknown, call: FailedCall): Promise<unknown> | undefined {
    if (!isCallError(error) || !this.#mayRetry(error)) return undefined;
    return retrying(this.#retry(call), error);
  }

  tell(method: string, args: readonly unknown[], caller: Caller): void {
    this.peer.tell(this, method, { args, caller });
  }

  monitor(onDown: (down: Down) => void): () => void {
    return this.peer.outgoing.monitor(this, onDown);
  }

  stop(): Promise<void> {
    return this.peer.outgoing.stop(this);
  }

  #mayRetry(error: CallError): boolean {
    return isRetryable(error) && !this.peer.isClosed;
  }

  #retry({ method, args, encodedArgs, caller, context, remainingMs }: FailedCall): Retry {
    const { system, outgoing } = this.peer;
    return {
      env: system.env,
      address: this.address,
      budgetMs: caller.options?.timeoutMs ?? system.callTimeoutMs,
      endsAt: system.env.now() + remainingMs,
      signal: caller.options?.signal,
      mayRetry: (error) => this.#mayRetry(error),
      attempt: (timeoutMs) => {
        const again = Caller.within(context, { ...caller.options, timeoutMs }, caller.from);
        return outgoing.ask(this, method, { args, encodedArgs, caller: again });
      },
    };
  }
}

/**
 * Whether the node may be back in a while; an actor does not outlive its incarnation. What was
 * executed has failed at another node.
 */
function isRetryable({ code, executed, cause }: CallError): boolean {
  if (executed === 'yes' || cause instanceof PeerReplaced) return false;
  return code === 'ERR_SESSION_LOST' || code === 'ERR_UNREACHABLE';
}

/** An actor of this node that had gone when a reference to it came back. */
export class GoneActor implements Recipient {
  readonly address: string;
  readonly ref: AnyRef = refTo(this);
  readonly system: ActorSystem;

  constructor(system: ActorSystem, id: number, kind: string) {
    this.system = system;
    this.address = `${system.name}/${kind}/#${id}`;
  }

  ask(): Answer {
    return Answer.refused(new ActorDown(this.address, 'no'));
  }

  tell(method: string): void {
    const reason = new ActorDown(this.address, 'no');
    this.system.deadLetter({ to: this.address, method, reason });
  }

  monitor(onDown: (down: Down) => void): () => void {
    let wanted = true;
    queueMicrotask(() => {
      if (wanted) onDown({ address: this.address, reason: { kind: 'no-actor' } });
    });
    return () => (wanted = false);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
