/** One call of a client on one register: what it asked, what came of it, and when. */
export interface Call {
  readonly id: number;
  readonly key: string;
  readonly kind: 'read' | 'write' | 'swap';
  /** Swap: expected before. */
  readonly from: number;
  /** Write and swap: to be there afterwards. */
  readonly value: number;
  readonly calledAt: number;
  returnedAt: number;
  /** `'no'`: certainly had no effect. `'unknown'`: may have had one, or may still. */
  outcome: 'pending' | 'ok' | 'no' | 'unknown';
  /** What was read, or whether the swap found what it expected. */
  result: number | boolean | undefined;
}

/**
 * Looks for an order of `calls` in which each takes effect at one moment between its call and its
 * return, and every result is right (Wing & Gong 1993, with Lowe's memory of what was tried).
 * @returns what cannot be explained, a line; `undefined` when everything can
 */
export function findAnomaly(calls: readonly Call[]): string | undefined {
  for (const key of new Set(calls.map((call) => call.key))) {
    const relevant = calls.filter(
      (call) => call.key === key && call.outcome !== 'no' && !isUselessRead(call),
    );
    if (!isLinearizable(relevant)) {
      return `the calls on register ${key} are not linearizable:\n${relevant.map(show).join('\n')}`;
    }
  }
  return undefined;
}

function isUselessRead({ kind, outcome }: Call): boolean {
  return kind === 'read' && outcome !== 'ok';
}

function isLinearizable(calls: readonly Call[]): boolean {
  const open = calls.map((call) => ({ call, until: returnOf(call) }));
  open.sort((a, b) => a.call.calledAt - b.call.calledAt);
  const taken = new Uint8Array(open.length);
  const tried = new Set<string>();
  let left = open.filter(({ until }) => until < Infinity).length;
  const stack: Choice[] = [];
  let value = 0;
  let next = 0;
  while (left > 0) {
    const at = candidate(open, taken, { from: next, value });
    if (at === undefined) {
      const undone = stack.pop();
      if (undone === undefined) return false;
      taken[undone.at] = 0;
      if ((open[undone.at]?.until ?? 0) < Infinity) left += 1;
      value = undone.value;
      next = undone.at + 1;
      continue;
    }
    const { index, after } = at;
    taken[index] = 1;
    const state = `${after}:${taken.join('')}`;
    if (tried.has(state)) {
      taken[index] = 0;
      next = index + 1;
      continue;
    }
    tried.add(state);
    stack.push({ at: index, value });
    if ((open[index]?.until ?? 0) < Infinity) left -= 1;
    value = after;
    next = 0;
  }
  return true;
}

interface Choice {
  readonly at: number;
  readonly value: number;
}

interface Open {
  readonly call: Call;
  readonly until: number;
}

/** The next call that may take effect now: none that is still to come returned before it began. */
function candidate(
  open: readonly Open[],
  taken: Uint8Array,
  { from, value }: { readonly from: number; readonly value: number },
): { readonly index: number; readonly after: number } | undefined {
  let earliestReturn = Infinity;
  for (const [index, { until }] of open.entries()) {
    if (taken[index] === 0 && until < earliestReturn) earliestReturn = until;
  }
  for (let index = from; index < open.length; index += 1) {
    const each = open[index];
    if (each === undefined || each.call.calledAt > earliestReturn) return undefined;
    if (taken[index] === 1) continue;
    const after = effect(each.call, value);
    if (after !== undefined) return { index, after };
  }
  return undefined;
}

/** The register after `call`, or nothing when its result would be wrong. */
function effect({ kind, from, value, outcome, result }: Call, before: number): number | undefined {
  if (kind === 'read') return result === before ? before : undefined;
  if (kind === 'write') return value;
  const swaps = before === from;
  if (outcome === 'ok' && result !== swaps) return undefined;
  return swaps ? value : before;
}

function returnOf({ outcome, returnedAt }: Call): number {
  return outcome === 'ok' ? returnedAt : Infinity;
}

function show({ id, kind, from, value, calledAt, returnedAt, outcome, result }: Call): string {
  const what = kind === 'read' ? 'read' : kind === 'write' ? `write ${value}` : `${from}->${value}`;
  const end = outcome === 'ok' ? `${returnedAt} ${String(result)}` : '?';
  return `  #${id} ${calledAt} ${what} ${end}`;
}
