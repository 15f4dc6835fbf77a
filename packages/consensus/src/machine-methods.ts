import type { MethodDecorator } from '@troupe/actor';
import { BadOption } from './errors.ts';
import { Machine, type MachineClass } from './machine.ts';

export interface CommandOptions {
  /**
   * The `version` of the class that brought the command: it is refused (`MembersOutdated`) until
   * all members of the group have said that they run it, or a later one. Default: 1. A
   * command that comes to mean something else is a new one, under a new name.
   */
  readonly since?: number;
}

/** Names that a replica keeps for itself, or that the language would call by itself. */
export type ReservedName = 'with' | 'close' | 'then' | 'toJSON' | keyof typeof Object.prototype;

// oxlint-disable-next-line no-explicit-any -- only `any` matches every method's parameters
type AnyMethod = (...args: any[]) => unknown;

declare const marked: unique symbol;

/** What `defineMachine` knows of a class: which of its methods are marked. No value has it. */
export interface Marked<K extends string> {
  readonly [marked]: K;
}

/** A class of which the types say which methods are marked. */
export type MarkedClass<C extends MachineClass, K extends string> = {
  readonly [P in keyof C]: C[P];
} & (new () => InstanceType<C> & Marked<K>);

/**
 * The names of `M` that a replica can call: those that `defineMachine` was given; of a class with
 * decorators, which types do not see, all public methods.
 */
export type ReplicaKeys<M> = M extends Marked<infer K> ? K : PublicMethods<M>;

/** The names of the public methods that a class of machines has itself. */
export type PublicMethods<M> = {
  [K in keyof M]-?: K extends string
    ? K extends ReservedName | keyof Machine
      ? never
      : M[K] extends AnyMethod
        ? K
        : never
    : never;
}[keyof M];

/** The methods of `M`, each a promise of what it returns. */
export type ReplicaMethods<M> = {
  readonly [K in ReplicaKeys<M> & keyof M]: M[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

interface CommandMark {
  readonly kind: 'command';
  readonly since: number;
}

interface QueryMark {
  readonly kind: 'query';
}

type Mark = CommandMark | QueryMark;

interface Body {
  readonly name: string;
  readonly body: (this: Machine, ...args: unknown[]) => unknown;
}

export type CommandMethod = CommandMark & Body;
export type MachineMethod = CommandMethod | (QueryMark & Body);

// On the function, so that it follows inheritance; `Symbol.for`, for another copy of this package.
const machineMark = Symbol.for('~troupe/machine');

const reserved: ReadonlySet<string> = new Set([
  'with',
  'close',
  'then',
  'toJSON',
  ...Object.getOwnPropertyNames(Object.prototype),
]);

/**
 * Marks a method as a command: it goes into the log, and changes the machine on every node. By
 * itself, `@command`, or with options, `@command({ since: 2 })`. Takes both the legacy
 * (`experimentalDecorators`) and the standard call of a method decorator.
 */
export function command(options: CommandOptions): MethodDecorator;
export function command(
  method: (...args: never[]) => unknown,
  context: ClassMethodDecoratorContext,
): void;
export function command(
  prototype: object,
  name: string | symbol,
  property: PropertyDescriptor,
): void;
export function command(
  target: object,
  where?: ClassMethodDecoratorContext | string | symbol,
  property?: PropertyDescriptor,
): MethodDecorator | undefined {
  if (where !== undefined) {
    mark(commandMark({}), target, { where, property });
    return;
  }
  const own = commandMark(target);
  return (
    method: object,
    place: ClassMethodDecoratorContext | string | symbol,
    descriptor?: PropertyDescriptor,
  ): void => mark(own, method, { where: place, property: descriptor });
}

/** Marks a method as a query: it looks at the machine of this node, and changes nothing. */
export function query(
  method: (...args: never[]) => unknown,
  context: ClassMethodDecoratorContext,
): void;
export function query(prototype: object, name: string | symbol, property: PropertyDescriptor): void;
export function query(
  target: object,
  where: ClassMethodDecoratorContext | string | symbol,
  property?: PropertyDescriptor,
): void {
  mark({ kind: 'query' }, target, { where, property });
}

/** Which methods are what: their names, or for commands what else there is to say about each. */
export interface MachineTable<M> {
  readonly commands:
    | readonly PublicMethods<M>[]
    | { readonly [K in PublicMethods<M>]?: CommandOptions };
  readonly queries?: readonly PublicMethods<M>[];
}

/** The names in a table. */
export type NamesOf<T> = T extends { readonly commands: infer C; readonly queries?: infer Q }
  ? (C extends readonly (infer N)[] ? N : keyof C) | (Q extends readonly (infer N)[] ? N : never)
  : never;

/**
 * The decorators as a function: `defineMachine({ commands: ['add'] }, class … {})`. A replica of
 * what it returns has the methods of the table and no others, for the compiler as well.
 */
export function defineMachine<
  C extends MachineClass,
  const T extends MachineTable<InstanceType<C>>,
>(table: T, target: C): MarkedClass<C, NamesOf<T> & string>;
export function defineMachine<C extends MachineClass>(
  { commands, queries = [] }: MachineTable<InstanceType<C>>,
  target: C,
): C {
  const table: Readonly<Record<string, CommandOptions>> = Array.isArray(commands)
    ? Object.fromEntries(commands.map((name: string) => [name, {}]))
    : (commands as Readonly<Record<string, CommandOptions>>);
  for (const [name, how] of Object.entries(table)) {
    markMethod(methodOf(target, name, 'command'), name, commandMark(how));
  }
  for (const name of queries) {
    markMethod(methodOf(target, name, 'query'), name, { kind: 'query' });
  }
  return target;
}

function methodOf(target: MachineClass, name: string, kind: Mark['kind']): unknown {
  const value: unknown = Reflect.get(target.prototype, name);
  if (typeof value === 'function') return value;
  throw new BadOption(`@${kind}`, name, `class ${target.name} has no such method`);
}

/**
 * The table of the methods that are marked, and the only way from a name in the log to code. An
 * override of a marked method is what that is, although it bears no mark itself.
 */
export function methodsOf(target: MachineClass): ReadonlyMap<string, MachineMethod> {
  const methods = new Map<string, MachineMethod>();
  for (const [name, body] of functionsOf(target)) {
    const own = (body as { [machineMark]?: Mark })[machineMark] ?? methods.get(name);
    if (own !== undefined) methods.set(name, { ...own, name, body });
  }
  return methods;
}

/** What a replica has no method for, although its type says so: methods without a mark. */
export function unmarkedOf(target: MachineClass): readonly string[] {
  const methods = methodsOf(target);
  const names = functionsOf(target).map(([name]) => name);
  return [...new Set(names)].filter((name) => {
    return !methods.has(name) && !reserved.has(name) && !(name in Machine.prototype);
  });
}

/** The methods of `target` and of its superclasses, those of the highest first. */
function functionsOf(target: MachineClass): readonly [string, MachineMethod['body']][] {
  const chain: object[] = [];
  let prototype = target.prototype as object;
  while (prototype !== Object.prototype) {
    chain.push(prototype);
    prototype = Object.getPrototypeOf(prototype) as object;
  }
  return chain.reverse().flatMap((owner) => {
    return Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(
      ([name, { value }]): [string, MachineMethod['body']][] =>
        typeof value === 'function' ? [[name, value as MachineMethod['body']]] : [],
    );
  });
}

function commandMark({ since = 1 }: CommandOptions): Mark {
  if (Number.isSafeInteger(since) && since > 0) return { kind: 'command', since };
  throw new BadOption('since', since, 'give the version of the class that brought the command');
}

/** The two calls of a method decorator differ in the second argument. */
function mark(
  own: Mark,
  target: object,
  {
    where,
    property,
  }: {
    readonly where: ClassMethodDecoratorContext | string | symbol;
    readonly property: PropertyDescriptor | undefined;
  },
): void {
  if (typeof where === 'object') markMethod(target, where.name, own);
  else markMethod(property?.value, where, own);
}

function markMethod(value: unknown, name: string | symbol, own: Mark): void {
  if (typeof value !== 'function' || typeof name === 'symbol') {
    throw new BadOption(`@${own.kind}`, name, 'mark methods with a string name');
  }
  if (reserved.has(name)) {
    throw new BadOption(`@${own.kind}`, name, 'every replica has its own, so name it otherwise');
  }
  Object.defineProperty(value, machineMark, { value: own });
}
