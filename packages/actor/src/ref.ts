import type { Actor } from './actor.ts';
import type { CallOptions, Recipient } from './recipient.ts';

// oxlint-disable-next-line no-explicit-any -- only `any` matches every method's parameters
type AnyMethod = (...args: any[]) => unknown;

/** The names of `T` that a reference can call: its own public methods, not those of `Actor`. */
export type RemoteKeys<T> = {
  [K in keyof T]-?: K extends string
    ? K extends keyof Actor | ReservedName
      ? never
      : T[K] extends AnyMethod
        ? K
        : never
    : never;
}[keyof T];

/**
 * The method as seen from elsewhere: the same, but always a promise. The *return type* is tested,
 * because `F extends (...) => Promise` would take a generic `<T>(x: T) => T` for asynchronous.
 */
export type RemoteMethod<F> = F extends AnyMethod
  ? ReturnsPromise<F> extends true
    ? F // The very type: keeps generics and overloads.
    : F extends (...args: infer A) => infer R
      ? (...args: A) => Promise<Awaited<R>>
      : never
  : never;

/** A method that only throws returns `never`, which extends everything and is yet no promise. */
type ReturnsPromise<F extends AnyMethod> = [ReturnType<F>] extends [never]
  ? false
  : ReturnType<F> extends Promise<unknown>
    ? true
    : false;

/** The methods of `T`, each a call. */
export type Remote<T> = { readonly [K in RemoteKeys<T>]: RemoteMethod<T[K]> };

/** The methods of `T`, each one-way: at most once, no answer, failures go to the dead letters. */
export type Tell<T> = {
  readonly [K in RemoteKeys<T>]: T[K] extends (...args: infer A) => unknown
    ? (...args: A) => void
    : never;
};

declare const refKind: unique symbol;

interface RefOperations<T, Kind extends 'actor' | 'entity'> {
  readonly [refKind]: Kind;
  /** One-way: `room.tell.say('ann', 'hello')`. */
  readonly tell: Tell<T>;
  /** The same reference with call options: `room.with({ timeoutMs: 500 }).say(…)`. */
  with(options: CallOptions): Remote<T> & RefOperations<T, Kind>;
}

/** Names one incarnation of one actor: once it is down, the reference stays dead. */
export type ActorRef<T> = Remote<T> & RefOperations<T, 'actor'>;

/** Names a kind and a key: wherever the cluster activates that entity, now and after a failure. */
export type EntityRef<T> = Remote<T> & RefOperations<T, 'entity'>;

/** Any reference, whatever its methods. */
export type AnyRef = RefOperations<never, 'actor' | 'entity'>;

/** Method names that a reference keeps for itself, or that the language would call by itself. */
export type ReservedName = 'tell' | 'with' | 'then' | 'toJSON' | keyof typeof Object.prototype;

const reserved: ReadonlySet<string> = new Set([
  'tell',
  'with',
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

export function isReservedName(name: string): boolean {
  return reserved.has(name);
}

const recipientKey = Symbol('recipient');
const optionsKey = Symbol('options');

/** What every reference is made of; the methods come from the prototype. */
class Ref {
  readonly [recipientKey]: Recipient;
  readonly [optionsKey]: CallOptions | undefined;

  constructor(recipient: Recipient, options: CallOptions | undefined) {
    this[recipientKey] = recipient;
    this[optionsKey] = options;
  }

  toString(): string {
    return this[recipientKey].address;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Ref(${this[recipientKey].address})`;
  }
}

class AskRef extends Ref {
  get tell(): TellRef {
    return new TellRef(this[recipientKey], undefined);
  }

  with(options: CallOptions): AskRef {
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !(timeoutMs >= 1 && timeoutMs < 2 ** 31)) {
      throw new RangeError(`timeoutMs must be in 1 … 2 ** 31 - 1, not ${timeoutMs}`);
    }
    return new AskRef(this[recipientKey], { ...this[optionsKey], ...options });
  }
}

class TellRef extends Ref {}

definesMethodsLazily(
  AskRef.prototype,
  (name) =>
    function ask(this: Ref, ...args) {
      return this[recipientKey].ask(name, args, this[optionsKey]);
    },
);
definesMethodsLazily(
  TellRef.prototype,
  (name) =>
    function tell(this: Ref, ...args) {
      this[recipientKey].tell(name, args);
    },
);

/**
 * Ends the prototype chain in a Proxy. The first use of a method name lands there and defines that
 * method on `prototype`; every later use is an ordinary property read, at an ordinary call's cost.
 */
function definesMethodsLazily(
  prototype: object,
  method: (name: string) => (this: Ref, ...args: unknown[]) => unknown,
): void {
  const end = new Proxy(Ref.prototype, {
    get(target, name, receiver): unknown {
      // `then` must stay undefined, or awaiting a reference would call its actor.
      if (typeof name !== 'string' || reserved.has(name)) {
        return Reflect.get(target, name, receiver);
      }
      const value = method(name);
      Object.defineProperty(prototype, name, { value });
      return value;
    },
  });
  Object.setPrototypeOf(prototype, end);
}

/** A new reference to `recipient`; its type is the caller's word. */
export function refTo(recipient: Recipient): AnyRef {
  return new AskRef(recipient, undefined) as object as AnyRef;
}

export function isRef(value: object): boolean {
  return recipientKey in value;
}

/** @throws {TypeError} when `ref` is no reference */
export function recipientOf(ref: AnyRef): Recipient {
  const value: object = ref;
  if (recipientKey in value) return (value as Ref)[recipientKey];
  throw new TypeError('not a reference to an actor or an entity');
}

/** `node/kind/id` of what the reference names, for people and logs. */
export function addressOf(ref: AnyRef): string {
  return recipientOf(ref).address;
}
