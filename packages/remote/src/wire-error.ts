import { type Executed, executedOf, isCallError, RemoteError } from '@troupe/actor';
import { BadBytes, isForbiddenKey } from './codec.ts';
import { knownError } from './known-errors.ts';

/** A class of errors that arrive as themselves: both sides list it, and know it by its `name`. */
export type ErrorClass = abstract new (...args: never[]) => Error;

export interface ErrorToWireOptions {
  /** Whether stacks go along: they tell strangers how the program is built. Default: false. */
  readonly stack?: boolean | undefined;
  /** Classes whose own fields go along, as those of call errors always do. Default: none. */
  readonly classes?: readonly ErrorClass[] | undefined;
}

/** An error in transit, as its description's outer shape promises. */
export interface WireError {
  readonly code: string | null;
  readonly name: string;
  readonly message: string;
  readonly executed: Executed;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: unknown;
  readonly stack: string | null;
  readonly errors: readonly unknown[] | null;
}

/** Errors behind one error: how deep causes go, and how many there are in all. */
const CAUSES_DEPTH_MAX = 8;
const ERRORS_MAX = 64;
/** Longer texts are cut. */
const TEXT_CHARS_MAX = 16 * 1024;
/** What a field of an error may hold; any other is left out. */
const FIELD_DEPTH_MAX = 4;
const FIELD_ITEMS_MAX = 256;

/** Fields that the description has places of their own for, or that belong to no error. */
const describedElsewhere: ReadonlySet<string> = new Set(['message', 'stack', 'cause', 'errors']);

/**
 * Plain content that describes `thrown`: `[code, name, message, executed, fields, cause, stack,
 * errors]`. Never throws, as it is needed most when much has failed already: what cannot be read or
 * sent is left out, and what is no error becomes one called `NonError`.
 */
export function errorToWire(thrown: unknown, options: ErrorToWireOptions = {}): unknown[] {
  return new Describer(options).describe(thrown, 0);
}

/**
 * Builds the error that `errorToWire` described. No constructor is called that the content names,
 * but for those of the framework's and the language's own errors: an error of one of `classes`
 * gets its class and its fields without its constructor being run, and any other becomes a
 * `RemoteError`. The stack where the error was thrown is in `remoteStack`.
 * @throws {BadBytes} when `content` is no such description
 */
export function errorFromWire(content: unknown, classes: readonly ErrorClass[] = []): Error {
  return new Builder(classes).build(content, 0);
}

class Describer {
  readonly #options: ErrorToWireOptions;
  #errorsLeft = ERRORS_MAX;

  constructor(options: ErrorToWireOptions) {
    this.#options = options;
  }

  describe(thrown: unknown, depth: number): unknown[] {
    this.#errorsLeft -= 1;
    if (!isError(thrown)) {
      return [null, 'NonError', textOfNonError(thrown), 'yes', null, null, null, null];
    }
    const { classes = [], stack = false } = this.#options;
    const own = classes.find((each) => each.prototype === Object.getPrototypeOf(thrown));
    const code = read(thrown, 'code');
    const executed = executedOf(thrown);
    return [
      typeof code === 'string' ? code : null,
      own?.name ?? nameOf(thrown),
      textOf(read(thrown, 'message')),
      isExecuted(executed) ? executed : 'unknown',
      own !== undefined || isCallError(thrown) ? fieldsOf(thrown) : null,
      this.#cause(thrown, depth),
      stack ? textOf(read(thrown, 'stack')) : null,
      this.#errors(thrown, depth),
    ];
  }

  #cause(error: Error, depth: number): unknown {
    const cause = read(error, 'cause');
    const goesOn = cause !== undefined && depth < CAUSES_DEPTH_MAX && this.#errorsLeft > 0;
    return goesOn ? this.describe(cause, depth + 1) : null;
  }

  #errors(error: Error, depth: number): unknown {
    const errors = read(error, 'errors');
    if (!(error instanceof AggregateError) || !Array.isArray(errors)) return null;
    const described: unknown[] = [];
    for (const each of errors) {
      if (depth >= CAUSES_DEPTH_MAX || this.#errorsLeft <= 0) break;
      described.push(this.describe(each, depth + 1));
    }
    return described;
  }
}

class Builder {
  readonly #classes: readonly ErrorClass[];
  #errorsLeft = ERRORS_MAX;

  constructor(classes: readonly ErrorClass[]) {
    this.#classes = classes;
  }

  build(content: unknown, depth: number): Error {
    this.#errorsLeft -= 1;
    if (this.#errorsLeft < 0 || depth > CAUSES_DEPTH_MAX) {
      throw new BadBytes('more errors behind one error than are ever sent');
    }
    const wire = wireErrorOf(content);
    const cause = wire.cause === null ? undefined : this.build(wire.cause, depth + 1);
    const errors = wire.errors?.map((each) => this.build(each, depth + 1));
    const options = cause === undefined ? undefined : { cause };
    const error = this.#construct(wire, options, errors);
    if (wire.stack !== null && !(error instanceof RemoteError)) {
      Object.defineProperty(error, 'remoteStack', { value: wire.stack, configurable: true });
    }
    return error;
  }

  #construct(
    wire: WireError,
    options: ErrorOptions | undefined,
    errors: Error[] | undefined,
  ): Error {
    const type = this.#classes.find((each) => each.name === wire.name);
    if (type !== undefined) return instanceOf(type, wire, options);
    if (wire.name === 'AggregateError' && errors !== undefined) {
      return new AggregateError(errors, wire.message, options);
    }
    const known = knownError(wire, options);
    if (known !== undefined) return known;
    const { name, message, stack, executed, code } = wire;
    const remoteCode = code === null ? {} : { remoteCode: code };
    return new RemoteError(name, message, stack ?? undefined, {
      ...options,
      executed,
      ...remoteCode,
    });
  }
}

/** An error of a listed class, made without its constructor, whose arguments are not known. */
function instanceOf(type: ErrorClass, wire: WireError, options: ErrorOptions | undefined): Error {
  const error = new Error(wire.message, options);
  Object.setPrototypeOf(error, type.prototype as object);
  for (const [key, value] of Object.entries(wire.fields)) {
    if (isForbiddenKey(key) || describedElsewhere.has(key)) continue;
    if (typeof Reflect.get(error, key) === 'function') continue; // A method stays one.
    Object.defineProperty(error, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return error;
}

function wireErrorOf(content: unknown): WireError {
  if (!Array.isArray(content)) throw new BadBytes('an error that is no array');
  const [code, name, message, executed, fields, cause, stack, errors] = content as unknown[];
  if (
    (code === null || typeof code === 'string') &&
    typeof name === 'string' &&
    typeof message === 'string' &&
    isExecuted(executed) &&
    (fields === null || isRecord(fields)) &&
    (stack === null || typeof stack === 'string') &&
    (errors === null || Array.isArray(errors))
  ) {
    return { code, name, message, executed, fields: fields ?? {}, cause, stack, errors };
  }
  throw new BadBytes('an error whose description has parts of other types');
}

/** What an error has of its own, as far as it is plain data. */
function fieldsOf(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(error)) {
    if (describedElsewhere.has(key) || isForbiddenKey(key)) continue;
    const value = read(error, key);
    if (new PlainData().includes(value, 0)) fields[key] = value;
  }
  return fields;
}

class PlainData {
  #itemsLeft = FIELD_ITEMS_MAX;

  includes(value: unknown, depth: number): boolean {
    this.#itemsLeft -= 1;
    if (this.#itemsLeft < 0 || depth > FIELD_DEPTH_MAX) return false;
    if (typeof value === 'string') return value.length <= TEXT_CHARS_MAX;
    if (typeof value !== 'object' || value === null) {
      return !['function', 'symbol', 'bigint'].includes(typeof value);
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Array.prototype) {
      return (value as unknown[]).every((item) => this.includes(item, depth + 1));
    }
    if (prototype !== Object.prototype) return false;
    return Object.keys(value).every(
      (key) => !isForbiddenKey(key) && this.includes(read(value, key), depth + 1),
    );
  }
}

/** The name that the error gives itself, or else its class's: many classes forget to set one. */
function nameOf(error: Error): string {
  const name = read(error, 'name');
  if (typeof name === 'string' && name !== '' && name !== 'Error') return cut(name);
  const type = read(error, 'constructor');
  return cut(typeof type === 'function' && type.name !== '' ? type.name : 'Error');
}

/** Errors of other realms, such as `node:vm` contexts, are errors too. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function isExecuted(value: unknown): value is Executed {
  return value === 'no' || value === 'yes' || value === 'unknown';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? cut(value) : '';
}

function textOfNonError(thrown: unknown): string {
  if (typeof thrown === 'string') return cut(thrown);
  if (typeof thrown === 'object' && thrown !== null) {
    return textOf(read(thrown, 'message')) || 'an object that is no error was thrown';
  }
  return typeof thrown === 'function' ? 'a function was thrown' : `${String(thrown)} was thrown`;
}

function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX)}…`;
}

/** Getters and proxies may throw; then there is nothing to tell. */
function read(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}
