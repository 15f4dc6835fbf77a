import type { Actor } from './actor.ts';
import { isActorsOwn } from './actor-names.ts';
import { type ArgumentCheck, checkBySchema, checkByTypes } from './arguments.ts';
import type { IncomingInterceptor } from './interceptor.ts';
import { BadOption } from './errors.ts';
import { isReservedName } from './lazy-methods.ts';
import { MethodTable } from './method-table.ts';
import {
  EXCLUSIVE,
  INTERLEAVE,
  Method,
  type MethodBody,
  type MethodOptions,
  READONLY,
  type RpcOptions,
} from './method.ts';
import { checkInteger, type Limits } from './number-limits.ts';
import type { RemoteKeys } from './ref.ts';
import type { Supervision } from './supervision.ts';

/** Messages that wait for one actor, unless its class says otherwise. */
const MAILBOX_CAPACITY = 1_024;
const MAILBOX_CAPACITIES: Limits = [1, 2 ** 31 - 1];

/** What becomes of a message when the mailbox is full. */
export type WhenFull = 'refuse' | 'wait' | 'drop-oldest';

export interface ActorOptions {
  /** Names the class in addresses and on the wire: the same on every node. */
  readonly kind: string;
  /** Messages that may wait, 1 … 2 ** 31 - 1. Default: 1,024. */
  readonly mailboxCapacity?: number;
  /**
   * What a full mailbox does. `'refuse'`: the message fails with `MailboxFull`. `'wait'`: a call
   * waits for room until its deadline, as many calls as the mailbox has places, and a tell is
   * refused. `'drop-oldest'`: the one that has waited longest fails in its place. Default:
   * `'refuse'`.
   */
  readonly whenFull?: WhenFull;
  /** Of the children that actors of this class spawn. Default: a failure is reported, no more. */
  readonly supervision?: Supervision;
  /** Run around every method, the first outermost. */
  readonly interceptors?: readonly IncomingInterceptor[];
}

/** A class of actors, whatever its constructor takes. */
// oxlint-disable-next-line no-explicit-any -- only `any` matches every constructor's parameters
export type ActorClass<T extends Actor = Actor, A extends any[] = any[]> = new (...args: A) => T;

/** All that an actor's class says about its actors, looked up once a class. */
export interface Definition {
  /** From the decorator, or the class name; `named` tells which. */
  readonly kind: string;
  readonly named: boolean;
  readonly methods: MethodTable;
  readonly mailboxCapacity: number;
  readonly whenFull: WhenFull;
  readonly supervision: Supervision | undefined;
  readonly interceptors: readonly IncomingInterceptor[];
  /** Its actors have one queue, and one turn at a time. */
  readonly isPlain: boolean;
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
  if (typeof options !== 'object') {
    throw new TypeError("@actor needs a kind: @actor({ kind: '…' })");
  }
  return (target) => markActor(target, options);
}

/** Takes both the legacy and the standard call of a method decorator. */
export interface MethodDecorator {
  (method: (...args: never[]) => unknown, context: ClassMethodDecoratorContext): void;
  (prototype: object, name: string | symbol, property: PropertyDescriptor): void;
}

/**
 * Marks a method as callable from elsewhere; unmarked methods are private to the actor. By itself,
 * `@rpc`, or with options, `@rpc({ readonly: true })`.
 */
export function rpc(options: RpcOptions): MethodDecorator;
export function rpc(
  method: (...args: never[]) => unknown,
  context: ClassMethodDecoratorContext,
): void;
export function rpc(prototype: object, name: string | symbol, property: PropertyDescriptor): void;
export function rpc(
  target: object,
  where?: ClassMethodDecoratorContext | string | symbol,
  property?: PropertyDescriptor,
): MethodDecorator | undefined {
  if (target === undefined) throw new TypeError('@rpc stands without parentheses, or has options');
  if (where === undefined) return decorator(target);
  decorator({})(target, where as string, property as PropertyDescriptor);
}

/** The two calls of a method decorator differ in the second argument. */
function decorator(options: RpcOptions): MethodDecorator {
  return (
    target: object,
    where: ClassMethodDecoratorContext | string | symbol,
    property?: PropertyDescriptor,
  ): void => {
    if (typeof where === 'object') markMethod(target, where.name, options);
    else markMethod(property?.value, where, options);
  };
}

/** Which methods may be called: their names, or what else there is to say about each. */
export type RpcTable<T> = readonly RemoteKeys<T>[] | { readonly [K in RemoteKeys<T>]?: RpcOptions };

/** The decorators as a function: `defineActor({ kind: 'room', rpc: ['say'] }, class … {})`. */
export function defineActor<C extends ActorClass>(
  options: ActorOptions & { readonly rpc: RpcTable<InstanceType<C>> },
  target: C,
): C {
  const prototype = target.prototype as Record<string, unknown>;
  const table: Readonly<Record<string, RpcOptions>> = Array.isArray(options.rpc)
    ? Object.fromEntries(options.rpc.map((name: string) => [name, {}]))
    : (options.rpc as Readonly<Record<string, RpcOptions>>);
  for (const [name, how] of Object.entries(table)) {
    if (typeof prototype[name] !== 'function') {
      throw new TypeError(`rpc names '${name}', and class ${target.name} has no such method`);
    }
    markMethod(prototype[name], name, how);
  }
  markActor(target, options);
  return target;
}

function markActor(target: ActorClass, options: ActorOptions): void {
  const { kind, mailboxCapacity = MAILBOX_CAPACITY } = options;
  if (!/^[\w.-]{1,64}$/.test(kind)) {
    throw new TypeError(`kind must be 1 … 64 letters, digits, '_', '.' or '-', not '${kind}'`);
  }
  checkInteger('mailboxCapacity', mailboxCapacity, MAILBOX_CAPACITIES);
  const { whenFull = 'refuse' } = options;
  if (!['refuse', 'wait', 'drop-oldest'].includes(whenFull)) {
    throw new BadOption('whenFull', whenFull, "give 'refuse', 'wait' or 'drop-oldest'");
  }
  const mark: ActorOptions = { ...options, mailboxCapacity };
  Object.defineProperty(target, actorMark, { value: mark });
}

function markMethod(value: unknown, name: string | symbol, options: RpcOptions): void {
  if (typeof value !== 'function' || typeof name === 'symbol') {
    throw new TypeError(`@rpc marks methods with a string name, not ${String(name)}`);
  }
  if (isReservedName(name)) {
    throw new TypeError(`@rpc cannot mark '${name}': every reference has its own '${name}'`);
  }
  if (isActorsOwn(name)) {
    throw new TypeError(
      `@rpc cannot mark '${name}': every actor has its own '${name}', so name it otherwise`,
    );
  }
  if (options.readonly === true && options.interleave === true) {
    throw new TypeError(`@rpc of '${name}': interleave says more than readonly, not both`);
  }
  Object.defineProperty(value, rpcMark, { value: options });
}

const definitions = new WeakMap<ActorClass, Definition>();

/** What `target` and its superclasses declare; derived on first use. */
export function definitionOf(target: ActorClass): Definition {
  let definition = definitions.get(target);
  if (definition === undefined) definitions.set(target, (definition = derive(target)));
  return definition;
}

/** @throws {BadOption} when it is no class */
function derive(target: ActorClass): Definition {
  const isClass: boolean = typeof target === 'function' && typeof target.prototype === 'object';
  if (!isClass) throw new BadOption('target', target, 'give a class that extends Actor');
  // An own mark only: a subclass without one is a kind of its own, not its parent's.
  const mark = Object.getOwnPropertyDescriptor(target, actorMark)?.value as
    | ActorOptions
    | undefined;
  const methods = methodsOf(target);
  const whenFull = mark?.whenFull ?? 'refuse';
  const all = [...methods.values()];
  return {
    kind: mark?.kind ?? target.name,
    named: mark !== undefined,
    methods: new MethodTable(methods),
    mailboxCapacity: mark?.mailboxCapacity ?? MAILBOX_CAPACITY,
    whenFull,
    supervision: mark?.supervision,
    interceptors: mark?.interceptors ?? [],
    isPlain:
      whenFull !== 'wait' &&
      all.every(({ sharing, isControl }) => sharing === EXCLUSIVE && !isControl),
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
      const inherited = methods.get(name);
      const mark = (value as { [rpcMark]?: RpcOptions })[rpcMark];
      if (mark === undefined && inherited === undefined) continue;
      const options =
        mark === undefined
          ? inherited
          : { ...optionsOf(mark, owner, name), authorize: mark.authorize ?? inherited?.authorize };
      methods.set(name, new Method(name, value as MethodBody, options));
    }
  }
  return methods;
}

function optionsOf(
  { readonly, interleave, control = false, args, idempotent = false }: RpcOptions,
  owner: object,
  name: string,
): MethodOptions {
  const sharing = interleave === true ? INTERLEAVE : readonly === true ? READONLY : EXCLUSIVE;
  const check = args === undefined ? typeCheck(owner, name) : checkBySchema(args);
  return { sharing, isControl: control, check, isIdempotent: idempotent };
}

/** What `emitDecoratorMetadata` wrote down, if it did and reflect-metadata was there to keep it. */
function typeCheck(owner: object, name: string): ArgumentCheck | undefined {
  const { getMetadata } = Reflect as typeof Reflect & {
    getMetadata?: (key: string, target: object, property: string) => unknown;
  };
  const types = getMetadata?.('design:paramtypes', owner, name);
  return Array.isArray(types) ? checkByTypes(types) : undefined;
}
