import { BadBytes, DEFAULT_CODEC_LIMITS, type ValuePort } from '@troupe/remote';

/** As deep as anything can be written; what lies deeper is refused by who writes it. */
const DEPTH_MAX = DEFAULT_CODEC_LIMITS.depthMax;
const TAG = 0;

/** A state, and what is at several places of it: there it has a `SharedRef` instead. */
export interface Unshared {
  readonly state: unknown;
  /** Each refers to earlier ones at most. */
  readonly shared: readonly unknown[];
}

/** Stands for one of the objects that are at several places. */
class SharedRef {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

/** Plain data, and those. */
export class SharingData implements ValuePort {
  /** Those that it has read. */
  refs = 0;

  dehydrate(value: object): { readonly tag: number; readonly content: unknown } | undefined {
    return value instanceof SharedRef ? { tag: TAG, content: value.index } : undefined;
  }

  hydrate(tag: number, content: unknown): SharedRef {
    if (tag !== TAG || typeof content !== 'number') {
      throw new BadBytes(`a value of kind ${tag} in a snapshot`);
    }
    this.refs += 1;
    return new SharedRef(content);
  }
}

/**
 * Takes what is at several places of `state` out of it: written as it is, it would come back as
 * several objects, and a command that changes one of them would leave the others as they are on
 * the nodes that a snapshot was sent to, and on no other. The state itself is left as it is.
 */
export function unshare(state: unknown): Unshared {
  const survey = new Survey();
  survey.visit(state, 0);
  const { shared } = survey;
  if (survey.isBeyondMeans || shared.length === 0) return { state, shared: [] };
  const indexes = new Map<unknown, number>(shared.map((object, index) => [object, index]));
  const copy = (value: unknown): unknown => {
    const index = indexes.get(value);
    return index === undefined ? mapped(value, copy) : new SharedRef(index);
  };
  return { state: copy(state), shared: shared.map((object) => mapped(object, copy)) };
}

/**
 * Puts what was taken out back to its places.
 * @throws {BadBytes} when it refers to what is not there
 */
export function reshare({ state, shared }: Unshared): unknown {
  const whole: unknown[] = [];
  const restore = (value: unknown): unknown => {
    if (!(value instanceof SharedRef)) return mapped(value, restore);
    if (value.index in whole) return whole[value.index];
    throw new BadBytes(`a snapshot refers to object ${value.index}, of ${whole.length}`);
  };
  for (const object of shared) whole.push(restore(object));
  return restore(state);
}

/** Which objects of a state are at several places, those that others hold before the others. */
class Survey {
  /** In the order in which they were left; 0 for one that is not left yet. */
  readonly #orders = new Map<object, number>();
  readonly #shared = new Set<object>();
  #left = 0;
  /** It contains itself, or is too deep: nobody can write it. */
  isBeyondMeans = false;

  get shared(): readonly object[] {
    const order = (object: object): number => this.#orders.get(object) ?? 0;
    return [...this.#shared].sort((a, b) => order(a) - order(b));
  }

  visit(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null || this.isBeyondMeans) return;
    const order = this.#orders.get(value);
    if (order !== undefined) {
      this.#shared.add(value);
      this.isBeyondMeans ||= order === 0;
      return;
    }
    this.#orders.set(value, 0);
    if (depth > DEPTH_MAX) this.isBeyondMeans = true;
    else for (const part of partsOf(value)) this.visit(part, depth + 1);
    this.#orders.set(value, (this.#left += 1));
  }
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value as unknown[];
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].flat();
  if (value instanceof Set) return value;
  return isRecord(value) ? Object.values(value) : [];
}

/** The same with other parts; what has no parts is the same. */
function mapped(value: unknown, change: (part: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => change(part));
  if (value instanceof Set) return new Set([...value].map(change));
  if (value instanceof Map) {
    const entries: [unknown, unknown][] = [...value];
    return new Map(entries.map(([key, item]) => [change(key), change(item)]));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, change(part)]));
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
