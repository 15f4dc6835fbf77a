import type { Operation } from './history.ts';

/** A thing whose operations happen one after the other, as its users may think of it. */
export interface Model<State, In, Out> {
  readonly initial: State;
  /**
   * The state after `input` in `state`; undefined when `output` cannot be what it returned.
   * @param output undefined when nobody knows what it returned: then anything is possible
   */
  step(state: State, input: In, output: Out | undefined): State | undefined;
  /** Equal texts for equal states. */
  describe(state: State): string;
  /** Operations of different keys have nothing to do with each other. Default: all have. */
  key?(input: In): string;
}

export type Verdict<In, Out> =
  | { readonly kind: 'linearizable' }
  | {
      readonly kind: 'violated';
      /** Of the key for which there is no order. */
      readonly operations: readonly Operation<In, Out>[];
      /** As many as could be put in order at best. */
      readonly ordered: number;
    }
  /** More possibilities than were to be looked at. */
  | { readonly kind: 'undecided' };

const STEPS_MAX = 10_000_000;

/**
 * Whether every operation can be thought to have happened at one moment between its call and its
 * return. Those of unknown outcome may have happened at any moment since their call, or never.
 * @see Wing & Gong 1993, "Testing and verifying concurrent objects"; Lowe 2017, "Testing for
 *   linearizability", whose memory of visited configurations makes the search bearable
 */
export function checkLinearizable<State, In, Out>(
  model: Model<State, In, Out>,
  operations: readonly Operation<In, Out>[],
  { stepsMax = STEPS_MAX }: { readonly stepsMax?: number } = {},
): Verdict<In, Out> {
  const byKey = new Map<string, Operation<In, Out>[]>();
  for (const operation of operations) {
    const key = model.key?.(operation.input) ?? '';
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [operation]);
    else group.push(operation);
  }
  for (const group of byKey.values()) {
    const verdict = new Search(model, group, stepsMax).run();
    if (verdict.kind !== 'linearizable') return verdict;
  }
  return { kind: 'linearizable' };
}

/** A call or a return in the order of time; calls know their return. */
interface Event {
  readonly operation: number;
  readonly isCall: boolean;
  /** Of a call. */
  match: Event | undefined;
  next: Event | undefined;
  previous: Event | undefined;
}

class Search<State, In, Out> {
  readonly #model: Model<State, In, Out>;
  readonly #operations: readonly Operation<In, Out>[];
  readonly #head: Event = {
    operation: -1,
    isCall: false,
    match: undefined,
    next: undefined,
    previous: undefined,
  };
  /** One bit an operation: those put in order so far. */
  readonly #done: Uint32Array;
  readonly #visited = new Set<string>();
  readonly #stack: { readonly call: Event; readonly state: State }[] = [];
  #stepsLeft: number;

  constructor(
    model: Model<State, In, Out>,
    operations: readonly Operation<In, Out>[],
    stepsMax: number,
  ) {
    this.#model = model;
    this.#operations = operations;
    this.#stepsLeft = stepsMax;
    this.#done = new Uint32Array(Math.ceil(operations.length / 32));
    this.#link();
  }

  run(): Verdict<In, Out> {
    let required = this.#operations.filter(({ returnMs }) => returnMs !== Infinity).length;
    let state = this.#model.initial;
    let event = this.#head.next;
    let ordered = 0;
    while (required > 0) {
      if (this.#stepsLeft-- === 0) return { kind: 'undecided' };
      if (event?.isCall === true) {
        const after = this.#tryNext(event, state);
        if (after === undefined) {
          event = event.next;
          continue;
        }
        this.#stack.push({ call: event, state });
        state = after;
        if (this.#isComplete(event)) required -= 1;
        lift(event);
        event = this.#head.next;
        ordered = Math.max(ordered, this.#stack.length);
        continue;
      }
      // A return of something not yet in order: the last choice was wrong.
      const last = this.#stack.pop();
      if (last === undefined) return { kind: 'violated', operations: this.#operations, ordered };
      state = last.state;
      this.#setDone(last.call.operation, false);
      if (this.#isComplete(last.call)) required += 1;
      unlift(last.call);
      event = last.call.next;
    }
    return { kind: 'linearizable' };
  }

  /** @returns the state when the operation goes next; undefined when it cannot, or was tried */
  #tryNext(call: Event, state: State): State | undefined {
    const { input, output } = this.#operations[call.operation] as Operation<In, Out>;
    const after = this.#model.step(state, input, output);
    if (after === undefined) return undefined;
    this.#setDone(call.operation, true);
    const configuration = `${this.#done.join()} ${this.#model.describe(after)}`;
    if (!this.#visited.has(configuration)) {
      this.#visited.add(configuration);
      return after;
    }
    this.#setDone(call.operation, false);
    return undefined;
  }

  #isComplete({ operation }: Event): boolean {
    return this.#operations[operation]?.returnMs !== Infinity;
  }

  #setDone(operation: number, done: boolean): void {
    const word = operation >> 5;
    const bit = 1 << (operation & 31);
    const old = this.#done[word] ?? 0;
    this.#done[word] = done ? old | bit : old & ~bit;
  }

  /** All events in order of time; at equal times calls come first, which allows more orders. */
  #link(): void {
    const events: { event: Event; atMs: number }[] = [];
    for (const [operation, { callMs, returnMs }] of this.#operations.entries()) {
      const end: Event = {
        operation,
        isCall: false,
        match: undefined,
        next: undefined,
        previous: undefined,
      };
      const call: Event = { ...end, isCall: true, match: end };
      events.push({ event: call, atMs: callMs }, { event: end, atMs: returnMs });
    }
    events.sort((a, b) => a.atMs - b.atMs || Number(b.event.isCall) - Number(a.event.isCall));
    let last = this.#head;
    for (const { event } of events) {
      last.next = event;
      event.previous = last;
      last = event;
    }
  }
}

/** Takes a call and its return out of the list, which they remember their places in. */
function lift({ previous, next, match }: Event): void {
  if (previous !== undefined) previous.next = next;
  if (next !== undefined) next.previous = previous;
  if (match?.previous !== undefined) match.previous.next = match.next;
  if (match?.next !== undefined) match.next.previous = match.previous;
}

function unlift(call: Event): void {
  const { match } = call;
  if (match?.previous !== undefined) match.previous.next = match;
  if (match?.next !== undefined) match.next.previous = match;
  if (call.previous !== undefined) call.previous.next = call;
  if (call.next !== undefined) call.next.previous = call;
}
