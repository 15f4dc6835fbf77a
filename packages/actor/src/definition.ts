import type { Actor } from './actor.ts';
import { isReservedName } from './lazy-methods.ts';
import type { RemoteKeys } from './ref.ts';

/** Messages that wait for one actor, unless its class says otherwise. */
const MAILBOX_CAPACITY = 1_024;

export interface ActorOptions {
  /** Names the class in addresses and on the wire: the same on every node. */
  readonly kind: string;
  /** Messages that may wait, 1 … 2 ** 31 - 1; one more is refused. Default: 1,024. */
  readonly mailboxCapacity?: number;
}

/** A class of actors, whatever its constructor takes. */
// oxlint-disable-next-line no-explicit-any -- only `any` matches every constructor's parameters
export type ActorClass<T extends Actor = Actor, A extends any[] = any[]> = new (...args: A) => T;

type MethodBody = (this: Actor, ...args: unknown[]) => unknown;

/** One method that may be called from elsewhere. */
export interface Method {
  readonly name: string;
  readonly body: MethodBody;
}

/** All that an actor's class says about its actors, looked up once a class. */
export interface Definition {
  /** From the decorator, or the class name; `named` tells which. */
  readonly kind: string;
  readonly named: boolean;
  readonly methods: ReadonlyMap<string, Method>;
  readonly mailboxCapacity: number;
}

// Marks live on the class and its functions, so that they follow inheritance and need no registry.
// `Symbol.for`: a class decorated by one copy of this package works with another.
const rpcMark = Symbol.for('~troupe/rpc');
const actorMark = Symbol.for('~troupe/actor');

/**
 * Marks a class as an actor and names its kind: `@actor({ kind: 'room' })`. Takes both the legacy
 * (`experimentalDecorators`) and the standard call of a class decorator.
 */
export function actor(
  options: ActorOptions,
): (target: ActorClass, context?: ClassDecoratorContext) => void {
  return (target) => markActor(target, options);
}

/**
 * Marks a method as callable from elsewhere; unmarked methods are private to the actor. Takes both
 * the legacy and the standard call of a method decorator, which differ in the second argument.
 */
export function rpc(
  method: (...args: never[]) => unknown,
  context: ClassMethodDecoratorContext,
): void;
export function rpc(prototype: object, name: string | symbol, property: PropertyDescriptor): void;
export function rpc(
  target: object,
  where: ClassMethodDecoratorContext | string | symbol,
  property?: PropertyDescriptor,
): void {
  if (typeof where === 'object') markMethod(target, where.name);
  else markMethod(property?.value, where);
}

/** The decorators as a function: `defineActor({ kind: 'room', rpc: ['say'] }, class … {})`. */
export function defineActor<C extends ActorClass>(
  options: ActorOptions & { readonly rpc: readonly RemoteKeys<InstanceType<C>>[] },
  target: C,
): C {
  const prototype = target.prototype as Record<string, unknown>;
  for (const name of options.rpc) markMethod(prototype[name], name);
  markActor(target, options);
  return target;
}

function markActor(target: ActorClass, options: ActorOptions): void {
  const { kind, mailboxCapacity = MAILBOX_CAPACITY } = options;
  if (!/^[\w.-]{1,64}$/.test(kind)) {
    throw new TypeError(`kind must be 1 … 64 letters, digits, '_', '.' or '-', not '${kind}'`);
  }
  if (!Number.isSafeInteger(mailboxCapacity) || mailboxCapacity < 1) {
    throw new RangeError(`mailboxCapacity must be a positive integer, not ${mailboxCapacity}`);
  }
  Object.defineProperty(target, actorMark, { value: { kind, mailboxCapacity } });
}

function markMethod(value: unknown, name: string | symbol): void {
  if (typeof value !== 'function' || typeof name === 'symbol') {
    throw new TypeError(`@rpc marks methods with a string name, not ${String(name)}`);
  }
  if (isReservedName(name)) {
    throw new TypeError(`@rpc cannot mark '${name}': every reference has its own '${name}'`);
  }
  Object.defineProperty(value, rpcMark, { value: true });
}

const definitions = new WeakMap<ActorClass, Definition>();

/** What `target` and its superclasses declare; derived on first use. */
export function definitionOf(target: ActorClass): Definition {
  let definition = definitions.get(target);
  if (definition === undefined) definitions.set(target, (definition = derive(target)));
  return definition;
}

function derive(target: ActorClass): Definition {
  // An own mark only: a subclass without one is a kind of its own, not its parent's.
  const mark = Object.getOwnPropertyDescriptor(target, actorMark)?.value as
    | Required<ActorOptions>
    | undefined;
  return {
    kind: mark?.kind ?? target.name,
    named: mark !== undefined,
    methods: methodsOf(target),
    mailboxCapacity: mark?.mailboxCapacity ?? MAILBOX_CAPACITY,
  };
}

/**
 * The table of callable methods, and the only way from a name to code: a peer's string never
 * indexes an object. An override of a marked method is callable although it bears no mark itself.
 */
function methodsOf(target: ActorClass): ReadonlyMap<string, Method> {
  const chain: object[] = [];
  let prototype = target.prototype as object;
  while (prototype !== Object.prototype) {
    chain.push(prototype);
    prototype = Object.getPrototypeOf(prototype) as object;
  }
  const methods = new Map<string, Method>();
  for (const owner of chain.reverse()) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (typeof value !== 'function') continue;
      if (!(rpcMark in value) && !methods.has(name)) continue;
      methods.set(name, { name, body: value as MethodBody });
    }
  }
  return methods;
}
