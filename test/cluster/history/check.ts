import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { FAULTS, type Line, NoHistory, type Outcome, parseLine, RUN } from './line.ts';
import { sumsOf } from './sums.ts';
import { thingOf } from './things.ts';
import { smallestWindow, upTo, type Window } from './window.ts';

/** For the history of one key. */
const STEPS_MAX = 1_000_000;
/** Of a file, at a time in memory: a longer one is read several times, each time for other keys. */
const PASS_BYTES = 64 * 2 ** 20;
/**
 * At the end of a file that was cut off there are operations of which no line tells, but none that
 * began earlier: clients wait for less.
 */
const UNTOLD_MS = 4_000;
/** That are told in full. */
const VIOLATIONS_MAX = 3;

/** A key whose operations have no order. */
export interface Violation {
  readonly key: string;
  /** In one sentence, if it can be said in one. */
  readonly sum: string | undefined;
  readonly window: Window;
}

export interface Findings {
  readonly verdict: 'linearizable' | 'violated' | 'undecided';
  readonly keys: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** The first of them. */
  readonly violations: readonly Violation[];
  readonly violated: readonly string[];
  readonly undecided: readonly string[];
  /** What the run itself has seen and should not have. */
  readonly complaints: readonly string[];
  /** What was broken on purpose, in order. */
  readonly faults: readonly Line[];
  /** As the run has noted it: undefined when it was cut off. */
  readonly begin: unknown;
  readonly end: unknown;
  readonly checkMs: number;
}

export interface CheckOptions {
  readonly stepsMax?: number;
  readonly passBytes?: number;
}

/**
 * Checks a history that was recorded in a file, key by key, in bounded memory.
 * @throws {NoHistory} when the file holds something else
 */
export async function checkFile(
  path: string,
  { stepsMax = STEPS_MAX, passBytes = PASS_BYTES }: CheckOptions = {},
): Promise<Findings> {
  const startedAtMs = performance.now();
  const { size } = await stat(path);
  const passes = Math.max(1, Math.ceil(size / passBytes));
  const check = new Check(stepsMax);
  for (let pass = 0; pass < passes; pass += 1) {
    const byKey = new Map<string, Line[]>();
    for await (const line of linesOf(path)) {
      if (pass === 0) check.saw(line);
      if (line.client === RUN || line.client === FAULTS) {
        if (pass === 0) check.note(line);
      } else if (hash(line.key) % passes === pass) {
        const lines = byKey.get(line.key);
        if (lines === undefined) byKey.set(line.key, [line]);
        else lines.push(line);
      }
    }
    for (const [key, lines] of byKey) check.key(key, lines);
  }
  return check.findings(performance.now() - startedAtMs);
}

class Check {
  readonly #stepsMax: number;
  #keys = 0;
  readonly #outcomes: Record<Outcome, number> = { ok: 0, fail: 0, unknown: 0 };
  readonly #violations: Violation[] = [];
  readonly #violated: string[] = [];
  readonly #undecided: string[] = [];
  readonly #complaints: string[] = [];
  readonly #faults: Line[] = [];
  readonly #states = new Map<string, string>();
  #begin: unknown;
  #end: unknown;
  #lastMs = 0;

  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax;
  }

  /** Of every line, before any key is judged. */
  saw({ call, return: end }: Line): void {
    this.#lastMs = Math.max(this.#lastMs, end ?? call);
  }

  /** What no client has said. */
  note(line: Line): void {
    const { client, op, key, value } = line;
    if (client === FAULTS) this.#faults.push(line);
    else if (op === 'complaint') this.#complaints.push(String(value));
    else if (op === 'state') this.#states.set(key, JSON.stringify(value));
    else if (op === 'begin') this.#begin = value;
    else if (op === 'end') this.#end = value;
  }

  key(key: string, all: readonly Line[]): void {
    const thing = thingOf(key);
    if (thing === undefined) throw new NoHistory(`nobody knows what '${key}' is`);
    this.#keys += 1;
    for (const { outcome } of all) this.#outcomes[outcome] += 1;
    const isComplete = this.#end !== undefined;
    const lines = isComplete ? all : upTo(thing, all, this.#lastMs - UNTOLD_MS);
    const sum = sumsOf(key, lines);
    const verdict = thing.judge(lines, { fromAnywhere: false, stepsMax: this.#stepsMax });
    if (verdict === 'undecided' && sum === undefined) this.#undecided.push(key);
    if (verdict !== 'violated' && sum === undefined) return;
    this.#violated.push(key);
    if (this.#violations.length === VIOLATIONS_MAX) return;
    this.#violations.push({ key, sum, window: smallestWindow(thing, lines) });
  }

  findings(checkMs: number): Findings {
    const complaints = [...this.#complaints, ...this.#differences()];
    const isViolated = this.#violated.length > 0 || complaints.length > 0;
    const isUndecided = this.#undecided.length > 0;
    return {
      verdict: isViolated ? 'violated' : isUndecided ? 'undecided' : 'linearizable',
      keys: this.#keys,
      outcomes: this.#outcomes,
      violations: this.#violations,
      violated: this.#violated,
      undecided: this.#undecided,
      complaints,
      faults: this.#faults,
      begin: this.#begin,
      end: this.#end,
      checkMs,
    };
  }

  /** Between the states that the nodes came to in the end; null is one that nobody could learn. */
  #differences(): readonly string[] {
    const different = new Set(this.#states.values());
    if (different.size === 0 || (different.size === 1 && !different.has('null'))) return [];
    const states = [...this.#states].map(([node, state]) => `${node} ${state}`);
    return [`the nodes are not in the same state at the end: ${states.join(', ')}`];
  }
}

/** A last line that was cut off is left out: the recorder was killed. */
async function* linesOf(path: string): AsyncGenerator<Line> {
  const texts = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let number = 0;
  let bad: NoHistory | undefined;
  for await (const text of texts) {
    if (bad !== undefined) throw bad;
    number += 1;
    try {
      yield parseLine(text);
    } catch (error) {
      if (!(error instanceof NoHistory)) throw error;
      bad = new NoHistory(`line ${number} of ${path}: ${error.message}`, { cause: error });
    }
  }
  if (bad !== undefined && number === 1) throw bad;
}

function hash(key: string): number {
  let sum = 0;
  for (let i = 0; i < key.length; i += 1) sum = (Math.imul(sum, 31) + key.charCodeAt(i)) >>> 0;
  return sum;
}
