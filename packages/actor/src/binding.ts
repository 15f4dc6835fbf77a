import type { Cell } from './cell.ts';
import { isRef } from './ref-core.ts';
import { bound, type AnyRef } from './ref.ts';

/** How deep in a message references are looked for; an argument by itself has depth 0. */
const DEPTH_MAX = 2;
/** How many elements of one container are looked at. */
const ELEMENTS_MAX = 256;

/**
 * The arguments of a message as `owner` shall hold them: every reference in them is bound to it,
 * so that calls through it are part of the turn that `owner` is in by then. Looks into arrays and
 * plain objects, and copies those that hold a reference, never touching the sender's.
 */
export function boundArgs(args: readonly unknown[], owner: Cell): readonly unknown[] {
  for (let at = 0; at < args.length; at += 1) {
    const value = args[at];
    if (typeof value === 'object' && value !== null) return boundElements(args, owner, DEPTH_MAX);
  }
  return args;
}

/** A value that has come to `owner`, or to nobody in particular, with its references bound. */
export function boundValue(value: unknown, owner: Cell | undefined): unknown {
  return typeof value === 'object' && value !== null ? boundObject(value, owner, DEPTH_MAX) : value;
}

function boundObject(value: object, owner: Cell | undefined, depth: number): object {
  if (isRef(value)) return bound(value as AnyRef, owner);
  if (depth === 0) return value;
  if (Array.isArray(value)) return boundElements(value, owner, depth - 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return boundFields(value as Record<string, unknown>, owner, depth - 1);
}

function boundElements(
  values: readonly unknown[],
  owner: Cell | undefined,
  depth: number,
): readonly unknown[] {
  let copy: unknown[] | undefined;
  const seen = Math.min(values.length, ELEMENTS_MAX);
  for (let at = 0; at < seen; at += 1) {
    const value = values[at];
    if (typeof value !== 'object' || value === null) continue;
    const own = boundObject(value, owner, depth);
    if (own !== value) (copy ??= values.slice())[at] = own;
  }
  return copy ?? values;
}

function boundFields(
  fields: Record<string, unknown>,
  owner: Cell | undefined,
  depth: number,
): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  let seen = 0;
  for (const key in fields) {
    if ((seen += 1) > ELEMENTS_MAX) break;
    const value = fields[key];
    if (typeof value !== 'object' || value === null) continue;
    const own = boundObject(value, owner, depth);
    if (own !== value) (copy ??= { ...fields })[key] = own;
  }
  return copy ?? fields;
}
