import { ActorDown, type ActorSystem, type AnyRef, type Down } from '@troupe/actor';
import { Answer, type Caller, type Recipient, refTo } from '@troupe/actor/internal';
import type { Peer } from './peer.ts';

/** An actor of another node, by the id that its node gave it. */
export class RemoteActor implements Recipient {
  readonly peer: Peer;
  readonly target: number;
  readonly kind: string;
  readonly ref: AnyRef = refTo(this);

  constructor(peer: Peer, target: number, kind: string) {
    this.peer = peer;
    this.target = target;
    this.kind = kind;
  }

  get address(): string {
    return `${this.peer.identity.name}/${this.kind}/#${this.target}`;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    return this.peer.outgoing.ask(this, method, { args, caller });
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
}

/** An actor of this node that had gone when a reference to it came back. */
export class GoneActor implements Recipient {
  readonly address: string;
  readonly ref: AnyRef = refTo(this);
  readonly #system: ActorSystem;

  constructor(system: ActorSystem, id: number, kind: string) {
    this.#system = system;
    this.address = `${system.name}/${kind}/#${id}`;
  }

  ask(): Answer {
    return Answer.refused(new ActorDown(this.address, 'no'));
  }

  tell(method: string): void {
    const reason = new ActorDown(this.address, 'no');
    this.#system.deadLetter({ to: this.address, method, reason });
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
