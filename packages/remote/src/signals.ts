import { Overloaded } from '@troupe/actor';
import { BadFrame } from './bad-frame.ts';
import type { Loan } from './loan.ts';

/** How signals of two nodes reach each other. */
export interface SignalWire {
  /** Name of the other node. */
  readonly peer: string;
  /**
   * Signal `id` is aborted, or (without a reason) never will be.
   * @param key of the frame that the signal went with, which this must not overtake
   */
  tell(id: number, aborted: { readonly reason: unknown } | undefined, key: unknown): void;
  /** Runs `run` when nothing refers to `value` any more, if that can be known. */
  whenCollected(value: object, run: () => void): void;
  /** How many each side may have lent the other. */
  readonly lentMax: number;
}

interface LentSignal {
  /** Nobody aborts a signal that nobody refers to. */
  readonly source: WeakRef<AbortSignal>;
  readonly onAbort: (this: AbortSignal) => void;
  /** Of the frame that it went with. */
  key: unknown;
}

/**
 * The abort signals that this node and one peer have lent each other. Whoever receives one cannot
 * know how long it will be listened to; so it is the side that aborts which says when it never
 * will any more: when the signal has been aborted, is forgotten, or the session is over.
 */
export class Signals {
  readonly #wire: SignalWire;
  /** By the number that the peer knows the signal by. */
  readonly #lent = new Map<number, LentSignal>();
  readonly #held = new Map<number, AbortController>();
  #lastId = 0;

  constructor(wire: SignalWire) {
    this.#wire = wire;
  }

  get lent(): number {
    return this.#lent.size;
  }

  get held(): number {
    return this.#held.size;
  }

  dehydrate(signal: AbortSignal): Loan {
    if (signal.aborted) return { content: [0, signal.reason], takeBack() {}, sentWith() {} };
    if (this.#lent.size >= this.#wire.lentMax) {
      throw new Overloaded(this.#wire.peer, 'signals that it listens to', this.#wire.lentMax);
    }
    const id = (this.#lastId += 1);
    const lent: LentSignal = { source: new WeakRef(signal), key: undefined, onAbort };
    const wire = this.#wire;
    const all = this.#lent;
    function onAbort(this: AbortSignal): void {
      all.delete(id);
      wire.tell(id, { reason: this.reason }, lent.key);
    }
    signal.addEventListener('abort', onAbort, { once: true });
    this.#lent.set(id, lent);
    this.#wire.whenCollected(signal, () => {
      if (this.#lent.delete(id)) this.#wire.tell(id, undefined, lent.key);
    });
    return {
      content: [id],
      takeBack: () => this.#cease(id),
      sentWith: (key) => (lent.key = key),
    };
  }

  hydrate(content: readonly unknown[]): AbortSignal {
    const [id, reason] = content;
    // A second one of that number would take the place of one that somebody may listen to.
    if (typeof id !== 'number' || this.#held.has(id)) throw new BadFrame('signal');
    if (id === 0) return AbortSignal.abort(reason);
    const { lentMax } = this.#wire;
    if (this.#held.size >= lentMax) {
      return AbortSignal.abort(new Overloaded(this.#wire.peer, 'signals of its', lentMax));
    }
    const controller = new AbortController();
    this.#held.set(id, controller);
    return controller.signal;
  }

  /** The peer says that signal `id` is aborted, or never will be. */
  told(id: number, aborted: { readonly reason: unknown } | undefined): void {
    const controller = this.#held.get(id);
    this.#held.delete(id);
    if (aborted !== undefined) controller?.abort(aborted.reason);
  }

  /** The session is over. Whoever listens to a signal of the peer's is told by an abort. */
  loseAll(reason: Error): void {
    for (const id of this.#lent.keys()) this.#cease(id);
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const controller of held) controller.abort(reason);
  }

  #cease(id: number): void {
    const lent = this.#lent.get(id);
    this.#lent.delete(id);
    if (lent !== undefined) lent.source.deref()?.removeEventListener('abort', lent.onAbort);
  }
}
