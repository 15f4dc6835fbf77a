import type { Caller } from './caller.ts';
import type { Recipient } from './recipient.ts';
import type { AnyRef } from './ref.ts';

/** What every reference is made of; the methods come from the prototype. */
export class Ref {
  // Private, since every other name may be that of a method.
  readonly #recipient: Recipient;
  readonly #caller: Caller;

  constructor(recipient: Recipient, caller: Caller) {
    this.#recipient = recipient;
    this.#caller = caller;
  }

  static is(value: object): value is Ref {
    return #recipient in value;
  }

  static recipientOf(ref: Ref): Recipient {
    return ref.#recipient;
  }

  static callerOf(ref: Ref): Caller {
    return ref.#caller;
  }

  toString(): string {
    return this.#recipient.address;
  }
}

Object.defineProperty(Ref.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Ref) {
    return `Ref(${this.toString()})`;
  },
});

export function isRef(value: object): boolean {
  return Ref.is(value);
}

/** @throws {TypeError} when `ref` is no reference */
export function recipientOf(ref: AnyRef): Recipient {
  return Ref.recipientOf(refOf(ref));
}

/** `node/kind/id` of what the reference names, for people and logs. */
export function addressOf(ref: AnyRef): string {
  return recipientOf(ref).address;
}

/** @throws {TypeError} when `ref` is no reference */
export function refOf(ref: AnyRef): Ref {
  const value: object = ref;
  if (Ref.is(value)) return value;
  throw new TypeError('not a reference to an actor or an entity');
}
