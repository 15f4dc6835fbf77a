import type { Executed } from '@troupe/actor';

/** One operation of one client, from its call to its outcome. */
export interface Operation<In, Out> {
  readonly client: string;
  readonly input: In;
  readonly callMs: number;
  /** When it returned; Infinity while nobody knows whether it took effect. */
  readonly returnMs: number;
  /** undefined when nobody knows. */
  readonly output: Out | undefined;
}

/** An operation that is under way. */
export interface Open<Out> {
  returns(output: Out): void;
  /** @param executed `'no'` takes the operation out; otherwise it may take effect at any time */
  fails(executed: Executed): void;
}

/** What clients did and saw, in the order in which they called. */
export class History<In, Out> {
  readonly #nowMs: () => number;
  readonly #operations: (Operation<In, Out> | undefined)[] = [];

  /** @param nowMs one clock for all clients, for example that of the world */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  call(client: string, input: In): Open<Out> {
    const place = this.#operations.length;
    const callMs = this.#nowMs();
    this.#operations.push({ client, input, callMs, returnMs: Infinity, output: undefined });
    return {
      returns: (output) => {
        this.#operations[place] = { client, input, callMs, returnMs: this.#nowMs(), output };
      },
      fails: (executed) => {
        if (executed === 'no') this.#operations[place] = undefined;
      },
    };
  }

  get operations(): readonly Operation<In, Out>[] {
    return this.#operations.filter((operation) => operation !== undefined);
  }
}
