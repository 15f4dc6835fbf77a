import type { Actor } from './actor.ts';
import { Answer } from './answer.ts';
import type { Caller } from './caller.ts';
import { NoSuchMethod } from './errors.ts';
import type { Down, Recipient } from './recipient.ts';
import { addressOf } from './ref-core.ts';
import { type ActorRef, type AnyRef, refTo, type RemoteKeys } from './ref.ts';

/** A message that a probe was sent. */
export interface ProbedMessage {
  readonly method: string;
  readonly args: readonly unknown[];
  /** The sender waits for an answer. */
  readonly isCall: boolean;
}

/**
 * Stands in for an actor in a test: `probe.ref` goes where a reference is wanted, and the probe
 * notes every message. Tells are noted, calls need an answer: `probe.answer('join', () => [])`.
 */
export class ActorProbe<T extends Actor> {
  readonly ref: ActorRef<T>;
  /** All messages, in the order they came. */
  readonly received: ProbedMessage[] = [];
  readonly #answers = new Map<string, (...args: unknown[]) => unknown>();
  readonly #waiting: ((message: ProbedMessage) => void)[] = [];
  readonly #monitors = new Set<(down: Down) => void>();
  #taken = 0;

  /** @param address what it is called in errors and logs */
  constructor(address: string = 'probe') {
    this.ref = new ProbeRecipient(this, address).ref as object as ActorRef<T>;
  }

  /** From now on calls of `method` are answered by `answer`. */
  answer<K extends RemoteKeys<T>>(method: K, answer: T[K]): void {
    this.#answers.set(method, answer as (...args: unknown[]) => unknown);
  }

  /** The next message that `next` has not given out yet, as soon as there is one. */
  next(): Promise<ProbedMessage> {
    const message = this.received[this.#taken];
    this.#taken += 1;
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Tells those who monitor the probe that it is down. */
  goDown(down: Partial<Down> = {}): void {
    for (const monitor of this.#monitors) {
      monitor({ address: addressOf(this.ref), reason: { kind: 'stopped' }, ...down });
    }
    this.#monitors.clear();
  }

  /** A message came. @returns how it is answered */
  note(message: ProbedMessage): ((...args: unknown[]) => unknown) | undefined {
    this.received.push(message);
    this.#waiting.shift()?.(message);
    return this.#answers.get(message.method);
  }

  monitor(onDown: (down: Down) => void): () => void {
    const monitor = (down: Down): void => onDown(down);
    this.#monitors.add(monitor);
    return () => this.#monitors.delete(monitor);
  }
}

class ProbeRecipient implements Recipient {
  readonly address: string;
  readonly ref: AnyRef = refTo(this);
  readonly #probe: ActorProbe<Actor>;

  constructor(probe: ActorProbe<Actor>, address: string) {
    this.#probe = probe;
    this.address = address;
  }

  ask(method: string, args: readonly unknown[], caller: Caller): Answer {
    const answer = this.#probe.note({ method, args, isCall: true });
    if (answer === undefined) return Answer.refused(new NoSuchMethod(this.address, method));
    return Answer.of(
      Promise.resolve().then(() => answer(...args)),
      caller,
    );
  }

  tell(method: string, args: readonly unknown[]): void {
    this.#probe.note({ method, args, isCall: false });
  }

  monitor(onDown: (down: Down) => void): () => void {
    return this.#probe.monitor(onDown);
  }

  stop(): Promise<void> {
    this.#probe.goDown();
    return Promise.resolve();
  }
}
