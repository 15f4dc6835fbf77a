/**
 * One step from a value into what it holds: an index, a key, an entry of a Map or Set, `null` where
 * the bytes have a level that the value has not, or undefined where what follows is not the user's.
 */
export type Step = number | string | Entry | null | undefined;

interface Entry {
  readonly list: 'keys' | 'values';
  readonly index: number;
}

const identifier = /^[A-Za-z_$][\w$]*$/;

/** Reads like the expression that reaches the place: `args[0].lines[3]`, `args[1].keys()[0]`. */
export function pathText(steps: readonly Step[], fields: readonly string[]): string {
  const [first, ...rest] = steps;
  let text = 'the frame';
  if (typeof first === 'number') text = fields[first] ?? `frame[${first}]`;
  for (const step of rest) {
    if (step === undefined) break;
    if (step !== null) text += stepText(step);
  }
  return text;
}

function stepText(step: number | string | Entry): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object') return `.${step.list}()[${step.index}]`;
  return identifier.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** Whether the way along `steps` meets the same object twice. */
export function isCircular(root: object, steps: readonly Step[]): boolean {
  const seen = new Set<unknown>([root]);
  let at: unknown = root;
  for (const step of steps) {
    if (step === null) continue;
    if (step === undefined) return false;
    at = follow(at, step);
    if (typeof at !== 'object' || at === null) return false;
    if (seen.has(at)) return true;
    seen.add(at);
  }
  return false;
}

function follow(at: unknown, step: number | string | Entry): unknown {
  if (typeof step !== 'object') return Reflect.get(at as object, step);
  if (at instanceof Map || at instanceof Set) return [...at[step.list]()][step.index];
  return undefined;
}
