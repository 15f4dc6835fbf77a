import { type CallContext, packContext, unpackContext } from '@troupe/actor/internal';
import { BadFrame } from './bad-frame.ts';

/** What travels with a call beside its arguments; keys that are not known are left alone. */
export interface CallHeader {
  /** The turns that wait, outermost first. */
  readonly chain?: readonly (readonly [address: string, method: string, turn: number])[];
  readonly trace?: string;
  readonly values?: Readonly<Record<string, string>>;
}

/** @returns undefined when there is nothing to tell, as with most calls */
export function headerOf(context: CallContext | undefined): CallHeader | undefined {
  if (context === undefined) return undefined;
  const { chain, trace, values = {} } = packContext(context);
  const header: { -readonly [K in keyof CallHeader]: CallHeader[K] } = {};
  if (chain.length > 0) {
    header.chain = chain.map(({ address, method, turn }) => [address, method, turn] as const);
  }
  if (trace !== undefined) header.trace = trace;
  if (Object.keys(values).length > 0) header.values = values;
  return Object.keys(header).length > 0 ? header : undefined;
}

/** @throws {BadFrame} when a peer sends what no honest one does */
export function contextFrom(header: unknown): CallContext | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'object' || header === null) throw new BadFrame('call header');
  const { chain = [], trace, values } = header as Record<string, unknown>;
  if (!Array.isArray(chain)) throw new BadFrame('call chain');
  try {
    return unpackContext({
      chain: chain.map(turnFrom),
      trace: trace === undefined ? undefined : textFrom(trace),
      values: values === undefined ? undefined : valuesFrom(values),
    });
  } catch (cause) {
    throw new BadFrame('call header', { cause });
  }
}

function turnFrom(fields: unknown): { address: string; method: string; turn: number } {
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
