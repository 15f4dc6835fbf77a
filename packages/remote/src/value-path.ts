/**
 * One step from a value into what it holds: an index, a key, an entry of a Map or Set, `null` where
 * the bytes have a level that the value has not, or undefined where what follows is not the user's.
 */
export type Step = number | string | Entry | null | undefined;

interface Entry {
  readonly list: 'keys' | 'values';
  readonly index: number;
}

/** Nobody reads on. */
const STEPS_SHOWN_MAX = 32;

const identifier = /^[A-Za-z_$][\w$]*$/;

/** Reads like the expression that reaches the place: `args[0].lines[3]`, `args[1].keys()[0]`. */
export function pathText(steps: readonly Step[], fields: readonly string[]): string {
  const [first, ...rest] = steps;
  let text = 'the frame';
  if (typeof first === 'number') text = fields[first] ?? `frame[${first}]`;
  for (const [at, step] of rest.entries()) {
    if (step === undefined) break;
    if (at === STEPS_SHOWN_MAX) return `${text}…`;
    if (step !== null) text += stepText(step);
  }
  return text;
}

function stepText(step: number | string | Entry): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object') return `.${step.list}()[${step.index}]`;
  return identifier.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** How many of `steps` lead to an object that they have met before; undefined: they never do. */
export function circleIn(root: object, steps: readonly Step[]): number | undefined {
  const seen = new Set<unknown>([root]);
  let at: unknown = root;
  for (const [taken, step] of steps.entries()) {
    if (step === null) continue;
    if (step === undefined) return undefined;
    at = follow(at, step);
    if (typeof at !== 'object' || at === null) return undefined;
    if (seen.has(at)) return taken + 1;
    seen.add(at);
  }
  return undefined;
}

function follow(at: unknown, step: number | string | Entry): unknown {
  if (typeof step !== 'object') return Reflect.get(at as object, step);
  if (at instanceof Map || at instanceof Set) return [...at[step.list]()][step.index];
  return undefined;
}
