import type { CallerIdentity } from '@troupe/actor';
import {
  type CallContext,
  packContext,
  type TurnName,
  unpackContext,
} from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';

/** What travels with a call beside its arguments; keys that are not known are left alone. */
export interface CallHeader {
  /** The turns that wait, outermost first. */
  readonly chain?: readonly (readonly [address: string, method: string, turn: number])[];
  readonly trace?: string;
  readonly values?: Readonly<Record<string, string>>;
  /** The outsider whose call a node passes on; it is believed of nodes only. */
  readonly from?: CallerIdentity;
}

/** @returns undefined when there is nothing to tell, as with most calls */
export function headerOf(
  context: CallContext | undefined,
  from: CallerIdentity | undefined,
): CallHeader | undefined {
  if (context === undefined && from?.kind !== 'outsider') return undefined;
  const header: { -readonly [K in keyof CallHeader]: CallHeader[K] } = {};
  if (context !== undefined) {
    const { chain, trace, values = {} } = packContext(context);
    if (chain.length > 0) {
      header.chain = chain.map(({ address, method, turn }) => [address, method, turn] as const);
    }
    if (trace !== undefined) header.trace = trace;
    if (Object.keys(values).length > 0) header.values = values;
  }
  if (from?.kind === 'outsider') header.from = from;
  return Object.keys(header).length > 0 ? header : undefined;
}

/** @throws {BadFrame} when a peer sends what no honest one does */
export function readHeader(
  header: unknown,
  peer: CallerIdentity,
): { readonly context: CallContext | undefined; readonly from: CallerIdentity } {
  if (header === undefined) return { context: undefined, from: peer };
  if (typeof header !== 'object' || header === null) throw new BadFrame('call header');
  const { chain = [], trace, values, from } = header as Record<string, unknown>;
  if (!Array.isArray(chain)) throw new BadFrame('call chain');
  try {
    const context = unpackContext({
      chain: chain.map(turnFrom),
      trace: trace === undefined ? undefined : textFrom(trace),
      values: values === undefined ? undefined : valuesFrom(values),
    });
    const isPassedOn = from !== undefined && peer.kind === 'node';
    return { context, from: isPassedOn ? outsiderFrom(from) : peer };
  } catch (cause) {
    throw new BadFrame('call header', { cause });
  }
}

function outsiderFrom(from: unknown): CallerIdentity {
  if (typeof from !== 'object' || from === null) throw new BadFrame('call header');
  const { name, claims } = from as Record<string, unknown>;
  const outsider: CallerIdentity = { kind: 'outsider', name: textFrom(name) };
  if (claims === undefined) return outsider;
  if (typeof claims !== 'object' || claims === null) throw new BadFrame('call header');
  return { ...outsider, claims: claims as Readonly<Record<string, unknown>> };
}

/** `[address, method, number]` */
export function turnFrom(fields: unknown): TurnName {
  if (!Array.isArray(fields)) throw new BadFrame('call chain');
  const [address, method, turn] = fields as unknown[];
  if (!Number.isSafeInteger(turn)) throw new BadFrame('call chain');
  return { address: textFrom(address), method: textFrom(method), turn: turn as number };
}

function textFrom(value: unknown): string {
  if (typeof value === 'string' && value.length <= 2_048) return value;
  throw new BadFrame('call header');
}

function valuesFrom(values: unknown): Readonly<Record<string, string>> {
  if (typeof values !== 'object' || values === null) throw new BadFrame('call header');
  return values as Record<string, string>; // `unpackContext` looks at each.
}
