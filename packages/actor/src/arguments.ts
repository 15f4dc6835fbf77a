import { BadArguments } from './errors.ts';
import { messageOf } from './thrown.ts';

/** What a schema of any library that follows Standard Schema offers (standardschema.dev). */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** One schema for the list of arguments, or one for each of them. */
export type ArgumentSchema = Schema | readonly Schema[];

/** What the arguments are after the check; a string is what is wrong with them. */
export type ArgumentCheck = (args: readonly unknown[]) => readonly unknown[] | string;

/**
 * Checks a value by a schema.
 * @param at what the value is called, for example `args[0]`
 * @returns what the schema makes of it
 * @throws {TypeError} saying what is wrong where, or that the schema is asynchronous
 */
export function checked<Output>(schema: Schema<Output>, value: unknown, at: string): Output {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    result.catch(() => undefined); // Nobody waits for what it says.
    // Waiting for it would let later messages overtake this one.
    throw new TypeError(`the schema of ${at} is asynchronous: use one that answers at once`);
  }
  if (result.issues === undefined) return result.value;
  throw new TypeError(result.issues.map((issue) => issueText(issue, at)).join('; '));
}

export function checkBySchema(schema: ArgumentSchema): ArgumentCheck {
  return (args) => {
    try {
      if ('~standard' in schema) return argumentsOf(checked(schema, args, 'args'));
      if (args.length > schema.length) return `${args.length} arguments, not ${schema.length}`;
      return schema.map((one, at) => checked(one, args[at], `args[${at}]`));
    } catch (error) {
      // A schema that fails itself passes nothing, and is not felt by whoever delivers.
      return messageOf(error);
    }
  };
}

/** @param types what the compiler noted of each parameter, as `design:paramtypes` */
export function checkByTypes(types: readonly unknown[]): ArgumentCheck | undefined {
  const checks = types.map(checkOfType);
  if (checks.every((check) => check === undefined)) return undefined;
  return (args) => {
    for (const [at, check] of checks.entries()) {
      const value = args[at];
      // The compiler leaves out that a parameter is optional or may be null.
      if (check === undefined || value === undefined || value === null) continue;
      if (!check.accepts(value)) return `args[${at}] must be ${check.name}, not ${kindOf(value)}`;
    }
    return args;
  };
}

/**
 * Checks an element of a channel, a topic or a watched value by its schema.
 * @throws {BadArguments} saying what is wrong where
 */
export function checkedElement<T>(
  schema: Schema<T>,
  value: unknown,
  [to, method]: readonly [to: string, method: string] = ['channel', 'send'],
): T {
  try {
    return checked(schema, value, 'element');
  } catch (error) {
    throw new BadArguments(to, method, messageOf(error), { cause: error });
  }
}

export function badArguments(to: string, method: string, issue: string): BadArguments {
  return new BadArguments(to, method, issue, { cause: new TypeError(issue) });
}

interface TypeCheck {
  readonly name: string;
  readonly accepts: (value: unknown) => boolean;
}

const primitives: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [BigInt, 'bigint'],
  [Symbol, 'symbol'],
  [Function, 'function'],
]);

/** Types of which the compiler notes too little, or whose values may stand for one another. */
const vague: ReadonlySet<unknown> = new Set([Object, Promise]);

function checkOfType(type: unknown): TypeCheck | undefined {
  const primitive = primitives.get(type);
  if (primitive !== undefined) {
    return { name: `a ${primitive}`, accepts: (value) => typeof value === primitive };
  }
  if (typeof type !== 'function' || vague.has(type)) return undefined;
  if (type === Array) return { name: 'an array', accepts: Array.isArray };
  return { name: `a ${type.name}`, accepts: (value) => value instanceof type };
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' ? `a ${constructor.name}` : 'an object';
}

function argumentsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError('the schema of args yields no array');
}

function issueText({ message, path = [] }: SchemaIssue, at: string): string {
  const keys = path.map((step) => (typeof step === 'object' ? step.key : step));
  return `${at}${keys.map((key) => `[${String(key)}]`).join('')}: ${message}`;
}
