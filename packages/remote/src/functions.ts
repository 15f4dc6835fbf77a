import { type CallError, Overloaded, Unreachable } from '@troupe/actor';
import { thrownByMethod } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';
import { Lent } from './lent.ts';
import type { Loan } from './loan.ts';

type AnyFunction = (...args: unknown[]) => unknown;

/** Calls `body` for the other side, which is told of it as of a method: one that throws has run. */
export async function calledFromAfar(
  body: AnyFunction,
  args: readonly unknown[],
): Promise<unknown> {
  try {
    return await body(...args);
  } catch (error) {
    throw thrownByMethod(error);
  }
}

/** How functions of two nodes reach each other. */
export interface FunctionWire {
  /** Name of the other node. */
  readonly peer: string;
  /** Calls function `id` there. */
  invoke(id: number, args: readonly unknown[]): Promise<unknown>;
  /** Gives function `id` back, of which `count` were received. */
  release(id: number, count: number): void;
  /** Runs `run` when nothing refers to `value` any more, if that can be known. */
  whenCollected(value: object, run: () => void): void;
  /** How many each side may have lent the other. */
  readonly lentMax: number;
}

/** A function of the peer's that is in use here. */
interface Held {
  readonly id: number;
  /** How often it was received and not given back. */
  count: number;
  /** Why it can be called no more. */
  ended: string | undefined;
}

/**
 * The functions that this node and one peer have lent each other. They travel as numbers, counted:
 * a function stays known as long as the other side may still call it, which it ends by disposing
 * of it, by forgetting it, or with the session.
 */
export class Functions {
  readonly #wire: FunctionWire;
  readonly #lent: Lent<AnyFunction, AnyFunction>;
  readonly #held = new Map<number, { readonly held: Held; readonly stub: WeakRef<AnyFunction> }>();
  readonly #byStub = new WeakMap<AnyFunction, Held>();

  constructor(wire: FunctionWire) {
    this.#wire = wire;
    const { peer, lentMax } = wire;
    const refusal = (): CallError => new Overloaded(peer, 'functions that it may call', lentMax);
    this.#lent = new Lent(lentMax, refusal);
  }

  /** Functions that the peer may call. */
  get lent(): number {
    return this.#lent.size;
  }

  /** Functions of the peer's that may be called here. */
  get held(): number {
    return this.#held.size;
  }

  dehydrate(body: AnyFunction): Loan {
    const own = this.#byStub.get(body);
    if (own !== undefined && own.ended === undefined) {
      return { content: [own.id, true], takeBack() {}, sentWith() {} }; // It goes home.
    }
    const id = this.#lent.lend(body, body);
    return { content: [id], takeBack: () => this.released(id, 1), sentWith() {} };
  }

  hydrate(content: readonly unknown[]): AnyFunction {
    const [id, isOurs] = content;
    if (typeof id !== 'number') throw new BadFrame('function');
    if (isOurs === true) {
      return this.#lent.get(id) ?? (() => Promise.reject(this.#gone('it was given back')));
    }
    const known = this.#held.get(id);
    const stub = known?.stub.deref();
    if (known === undefined || stub === undefined) return this.#hold(id);
    known.held.count += 1;
    return stub;
  }

  /** The function that the peer wants to call; undefined when it was given back. */
  find(id: number): AnyFunction | undefined {
    return this.#lent.get(id);
  }

  /** The peer has given back `count` of function `id`. */
  released(id: number, count: number): void {
    this.#lent.takeBack(id, count);
  }

  /** The session is over; its numbers are never used again. */
  loseAll(): void {
    this.#lent.clear();
    for (const { held } of this.#held.values()) held.ended = 'the session that lent it is over';
    this.#held.clear();
  }

  #hold(id: number): AnyFunction {
    const { lentMax } = this.#wire;
    if (this.#held.size >= lentMax) {
      this.#wire.release(id, 1);
      const error = new Overloaded(this.#wire.peer, 'functions of its that are held', lentMax);
      return () => Promise.reject(error);
    }
    const held: Held = { id, count: 1, ended: undefined };
    const stub = async (...args: unknown[]): Promise<unknown> => {
      if (held.ended !== undefined) throw this.#gone(held.ended);
      return this.#wire.invoke(id, args);
    };
    Object.defineProperty(stub, Symbol.dispose, { value: () => this.#release(held) });
    this.#held.set(id, { held, stub: new WeakRef(stub) });
    this.#byStub.set(stub, held);
    this.#wire.whenCollected(stub, () => this.#release(held));
    return stub;
  }

  #release(held: Held): void {
    if (held.ended !== undefined) return;
    held.ended = 'it was given back';
    // Another stub may have taken its place, when this one was collected.
    if (this.#held.get(held.id)?.held === held) this.#held.delete(held.id);
    this.#wire.release(held.id, held.count);
  }

  #gone(why: string): CallError {
    return new Unreachable(`a function of ${this.#wire.peer}`, why);
  }
}
