import { BadOption } from './errors.ts';

/** Turns that may wait for one another in one chain of calls. */
export const CHAIN_MAX = 128;
/** User values that travel with a message. */
const VALUES_MAX = 32;
const KEY_CHARS_MAX = 64;
const VALUE_CHARS_MAX = 1_024;
/** W3C Trace Context, version 00. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Short texts of the user's that travel with a call and all calls it leads to. */
export type ContextValues = Readonly<Record<string, string>>;

/** One turn of a chain, in words; equal `address` and `turn` name the same turn on every node. */
export interface TurnName {
  readonly address: string;
  readonly method: string;
  readonly turn: number;
}

/**
 * What travels with a message beside its arguments: who waits for it, its trace and its values.
 * Each context is a link that points to the one before, so that calling on costs one object a
 * turn, however long the chain.
 */
export abstract class CallContext {
  /** The turn that waits for this one's. */
  readonly parent: CallContext | undefined;
  /** Turns up to here, this one included. */
  readonly depth: number;

  constructor(parent: CallContext | undefined, depth: number) {
    this.parent = parent;
    this.depth = depth;
  }

  /** Trace and values: what goes with one-way messages too. */
  abstract get origin(): Origin | undefined;

  /** The turn that waits; `undefined` for a context that came from outside of all actors. */
  abstract get name(): TurnName | undefined;

  /** False once the turn has ended: nothing in it waits any more. */
  abstract get isWaiting(): boolean;

  /** Milliseconds that its caller still gives the turn; `undefined`: nobody waits for it. */
  abstract get remainingMs(): number | undefined;

  /** The same turn with more in its baggage. */
  abstract with(origin: Origin): CallContext;

  /** The turns that wait, outermost first. */
  chain(): TurnName[] {
    const names: TurnName[] = [];
    for (let link = this as CallContext | undefined; link?.isWaiting; link = link.parent) {
      if (link.name !== undefined) names.push(link.name);
    }
    return names.reverse();
  }
}

/** The baggage of a message, and the whole context of one that no turn waits for. */
export class Origin extends CallContext {
  readonly trace: string | undefined;
  readonly values: ContextValues;

  /** @throws {BadOption} when a text is malformed or a bound is passed */
  constructor(trace: string | undefined, values: ContextValues = {}) {
    super(undefined, 0);
    checkTrace(trace);
    checkValues(values);
    this.trace = trace;
    this.values = values;
  }

  get origin(): this {
    return this;
  }

  get name(): undefined {
    return undefined;
  }

  get isWaiting(): false {
    return false;
  }

  get remainingMs(): undefined {
    return undefined;
  }

  /** Later texts replace earlier ones of the same key. */
  override with(origin: Origin): Origin {
    return new Origin(origin.trace ?? this.trace, { ...this.values, ...origin.values });
  }
}

/** A turn of another node that waits, as that node described it. */
export class DistantTurn extends CallContext {
  readonly name: TurnName;
  readonly origin: Origin | undefined;

  constructor(parent: CallContext | undefined, name: TurnName, origin: Origin | undefined) {
    super(parent, (parent?.depth ?? 0) + 1);
    this.name = name;
    this.origin = origin;
  }

  /** As far as this node knows: its end shows as the cancellation of what it asked for. */
  get isWaiting(): true {
    return true;
  }

  /** The time is counted by the call that came with it. */
  get remainingMs(): undefined {
    return undefined;
  }

  override with(origin: Origin): DistantTurn {
    return new DistantTurn(this.parent, this.name, merged(this.origin, origin));
  }
}

/** `room/lobby.say` */
export function wordsOf({ address, method }: TurnName): string {
  return `${address}.${method}`;
}

/** `more` on top of `origin`. */
export function merged(origin: Origin | undefined, more: Origin): Origin {
  return origin === undefined ? more : origin.with(more);
}

/** A context as plain data. The time that remains goes with each call by itself. */
export interface PackedContext {
  readonly chain: readonly TurnName[];
  readonly trace?: string | undefined;
  readonly values?: ContextValues | undefined;
}

export function packContext(context: CallContext): PackedContext {
  const { origin } = context;
  return { chain: context.chain(), trace: origin?.trace, values: origin?.values };
}

/**
 * The context that another node packed.
 * @returns `undefined` when nothing is in it
 * @throws {RangeError} when it is malformed or passes a bound; {BadOption} is one
 */
export function unpackContext(packed: PackedContext): CallContext | undefined {
  const { chain, trace, values = {} } = packed;
  if (chain.length > CHAIN_MAX) {
    throw new RangeError(`a call chain has at most ${CHAIN_MAX} turns, not ${chain.length}`);
  }
  const isBare = trace === undefined && Object.keys(values).length === 0;
  const origin = isBare ? undefined : new Origin(trace, values);
  let context: CallContext | undefined;
  for (const name of chain) context = new DistantTurn(context, name, origin);
  return context ?? origin;
}

function checkTrace(trace: unknown): void {
  if (trace === undefined || (typeof trace === 'string' && TRACEPARENT.test(trace))) return;
  throw new BadOption('trace', trace, 'a W3C traceparent is 00-<32 hex>-<16 hex>-<2 hex>');
}

function checkValues(values: unknown): void {
  if (typeof values !== 'object' || values === null) {
    throw new BadOption('values', values, 'they are texts by key');
  }
  const entries: readonly (readonly [string, unknown])[] = Object.entries(values);
  if (entries.length > VALUES_MAX) {
    throw new BadOption(
      'values',
      values,
      `a call has ${VALUES_MAX} at most, not ${entries.length}`,
    );
  }
  for (const [key, value] of entries) {
    if (key.length < 1 || key.length > KEY_CHARS_MAX) {
      const advice = `it has 1 … ${KEY_CHARS_MAX} characters, not ${key.length}`;
      throw new BadOption('a key of values', key, advice);
    }
    if (typeof value !== 'string') {
      throw new BadOption(`values.${key}`, value, 'it is a text');
    }
    if (value.length > VALUE_CHARS_MAX) {
      const advice = `it has ${VALUE_CHARS_MAX} characters at most, not ${value.length}`;
      throw new BadOption(`values.${key}`, value, advice);
    }
  }
}
