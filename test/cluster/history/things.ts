import {
  checkLinearizable,
  type ListInput,
  lists,
  type LockInput,
  locks,
  type Model,
  type Operation,
  type RegisterInput,
  registers,
} from '@troupe/sim';
import type { Line } from './line.ts';

/** Of a list, when it is told. */
const ITEMS_MAX = 8;

/** Whether there is an order of a key's operations; `undecided` after too many attempts. */
export type Verdict = 'linearizable' | 'violated' | 'undecided';

export interface Ask {
  /** What was before the first of them is unknown. */
  readonly fromAnywhere: boolean;
  readonly stepsMax: number;
}

/** A kind of thing that clients share, and what its operations may come to. */
export interface Thing {
  judge(lines: readonly Line[], ask: Ask): Verdict;
  /** It has changed nothing, whatever it was told. */
  isLook(line: Line): boolean;
  /** How a person would say it, of one whose outcome is known. */
  tell(line: Line): string;
}

interface ThingParts<State, In, Out> {
  readonly model: Model<State, In, Out>;
  readonly isLook: (line: Line) => boolean;
  readonly input: (line: Line) => In;
  /** Of one whose outcome is known. */
  readonly output: (line: Line) => Out;
  /** What it is after an operation, if that alone says so. */
  readonly after: (input: In, output: Out | undefined) => State | undefined;
  readonly tell: (line: Line) => string;
}

function thing<State, In, Out>(parts: ThingParts<State, In, Out>): Thing {
  const anywhere = fromAnywhere(parts);
  return {
    isLook: parts.isLook,
    judge(lines, { fromAnywhere, stepsMax }) {
      const operations = lines
        .filter((line) => line.outcome !== 'fail' && !(isUnknown(line) && parts.isLook(line)))
        .map((line) => operationOf(line, parts));
      return fromAnywhere
        ? checkLinearizable(anywhere, operations, { stepsMax }).kind
        : checkLinearizable(parts.model, operations, { stepsMax }).kind;
    },
    tell: parts.tell,
  };
}

function operationOf<State, In, Out>(
  line: Line,
  { input, output }: ThingParts<State, In, Out>,
): Operation<In, Out> {
  const { client, call: callMs } = line;
  return {
    client,
    input: input(line),
    callMs,
    returnMs: line.return ?? Infinity,
    output: isUnknown(line) ? undefined : output(line),
  };
}

function isUnknown({ outcome }: Line): boolean {
  return outcome === 'unknown';
}

/** The same, but nothing is known of the state until an operation tells. */
function fromAnywhere<State, In, Out>({
  model,
  after,
}: ThingParts<State, In, Out>): Model<{ readonly state: State | undefined }, In, Out> {
  return {
    initial: { state: undefined },
    step({ state }, input, output) {
      if (state === undefined) return { state: after(input, output) };
      const next = model.step(state, input, output);
      return next === undefined ? undefined : { state: next };
    },
    describe: ({ state }) => (state === undefined ? '?' : model.describe(state)),
  };
}

const register = thing<unknown, RegisterInput, { value?: unknown; swapped?: boolean }>({
  model: registers(),
  isLook: ({ op, value }) => op === 'read' || (op === 'cas' && swap(value)[2] === false),
  input({ op, key, value }) {
    if (op === 'read') return { kind: 'read', key };
    if (op === 'write') return { kind: 'write', key, value };
    const [from, to] = swap(value);
    return { kind: 'cas', key, from: from ?? undefined, to };
  },
  output({ op, value }) {
    if (op === 'read') return { value: value ?? undefined };
    return op === 'write' ? {} : { swapped: swap(value)[2] === true };
  },
  after(input, output) {
    if (input.kind === 'write') return { value: input.value };
    if (input.kind === 'read') return output === undefined ? undefined : { value: output.value };
    return output?.swapped === true ? { value: input.to } : undefined;
  },
  tell({ op, value }) {
    if (op === 'read') return `read: ${text(value)}`;
    if (op === 'write') return `write ${text(value)}`;
    const [from, to, swapped] = swap(value);
    return `from ${text(from)} to ${text(to)}: ${swapped === true ? 'done' : 'it was not that'}`;
  },
});

const list = thing<readonly unknown[], ListInput, readonly unknown[] | null>({
  model: lists(),
  isLook: ({ op }) => op === 'read',
  input: ({ op, key, value }) =>
    op === 'read' ? { kind: 'read', key } : { kind: 'append', key, value: value as number },
  output: ({ op, value }) => (op === 'read' ? (value as readonly unknown[]) : null),
  after: (input, output) => (input.kind === 'read' ? (output ?? undefined) : undefined),
  tell: ({ op, value }) =>
    op === 'read' ? `read: ${listed(value as readonly unknown[])}` : `append ${text(value)}`,
});

/** Each addition is of one, and returns the total that it has made. */
const counter = thing<number, 'add' | 'read', number>({
  model: {
    initial: 0,
    step(total, input, output) {
      const after = input === 'add' ? total + 1 : total;
      return output === undefined || output === after ? after : undefined;
    },
    describe: String,
  },
  isLook: ({ op }) => op === 'read',
  input: ({ op }) => (op === 'read' ? 'read' : 'add'),
  output: ({ value }) => value as number,
  after: (_, output) => output,
  tell: ({ op, value }) => `${op}: ${text(value)}`,
});

const lock = thing<
  { readonly holder: string | undefined; readonly token: number },
  LockInput,
  number | boolean | null
>({
  model: locks(),
  isLook: ({ op, value, outcome }) =>
    outcome !== 'unknown' && (op === 'acquire' ? value === null : value === false),
  input: ({ op, key, client: by }) => ({
    kind: op === 'release' ? 'release' : 'acquire',
    lock: key,
    by,
  }),
  output: ({ value }) => value as number | boolean | null,
  after({ kind, by }, output) {
    if (typeof output === 'number') return { holder: by, token: output };
    return kind === 'release' && output === true ? { holder: undefined, token: 0 } : undefined;
  },
  tell({ op, value }) {
    if (op === 'release') return value === true ? 'release' : 'release: it is not held';
    return value === null ? 'acquire: it is held' : `acquire: token ${text(value)}`;
  },
});

/** A lock of `Coordination`, taken, held for a while and released, all in one call. */
interface Hold {
  readonly token: number;
  /** By the clock that all processes of the machine share. */
  readonly from: number;
  /** Until when the holder was certain that nobody else had it; null when it was not. */
  readonly until: number | null;
}

const mutex = thing<{ readonly token: number; readonly until: number }, 'hold', Hold | null>({
  model: {
    initial: { token: 0, until: 0 },
    step(state, _, output) {
      if (output === undefined || output === null) return state;
      const { token, from, until } = output;
      if (token <= state.token || from < state.until) return undefined;
      return { token, until: until ?? state.until };
    },
    describe: ({ token, until }) => `${token} ${until}`,
  },
  isLook: ({ value }) => value === null, // Who cannot tell its token has left no trace either.
  input: () => 'hold',
  output: ({ value }) => value as Hold | null,
  after: (_, output) => (output ? { token: output.token, until: output.until ?? 0 } : undefined),
  tell({ value }) {
    if (value === null) return 'hold: somebody else does';
    const { token, from, until } = value as Hold;
    return `hold: token ${token}, from ${from} to ${until ?? 'nobody knows when'}`;
  },
});

const things: Readonly<Record<string, Thing>> = { register, list, counter, lock, mutex };

/** @returns undefined when nobody knows what a thing of that name is */
export function thingOf(key: string): Thing | undefined {
  return things[key.split('/')[0] ?? ''];
}

function listed(items: readonly unknown[]): string {
  const shown = items.slice(-ITEMS_MAX).join(' ');
  return items.length > ITEMS_MAX ? `[${items.length} items, at last ${shown}]` : `[${shown}]`;
}

function swap(value: unknown): readonly [number | null, number, boolean | null] {
  return value as readonly [number | null, number, boolean | null];
}

function text(value: unknown): string {
  return value === null ? 'nothing' : String(value);
}
