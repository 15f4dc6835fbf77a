import test from 'ava';
import fc from 'fast-check';
import {
  type Channel,
  channel,
  ChannelClosed,
  processEnv,
  select,
  type SelectCase,
  selectNow,
  sending,
} from '@troupe/actor';
import { Model, type Operation, type SelectCase as ModelCase } from './channel-model.js';

type Form = 'receive' | 'next' | 'step';

type Command =
  | { readonly do: 'send'; readonly at: number; readonly isTry: boolean }
  | { readonly do: 'receive'; readonly at: number; readonly isTry: boolean; readonly form: Form }
  | {
      readonly do: 'select';
      readonly cases: readonly { readonly channel: number; readonly sends: boolean }[];
      readonly isTry: boolean;
    }
  | { readonly do: 'close'; readonly at: number; readonly error: string | undefined }
  | { readonly do: 'abort'; readonly nth: number };

const CHANNELS = 3;
const RUNS = 300;
const at = fc.nat(CHANNELS - 1);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('send' as const), at, isTry: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      at,
      isTry: fc.boolean(),
      form: fc.constantFrom<Form>('receive', 'next', 'step'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('select' as const),
      cases: fc.uniqueArray(fc.record({ channel: at, sends: fc.boolean() }), {
        maxLength: 4,
        // Of two that are the same, either may be met: the model would have to guess.
        selector: ({ channel, sends }) => `${channel} ${String(sends)}`,
      }),
      isTry: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      at,
      error: fc.constantFrom('e', undefined),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('abort' as const), nth: fc.nat(60) }) },
);

/** The real channels beside their model; each operation is seen by what it says it did. */
class Run {
  readonly #model: Model;
  readonly #channels: readonly Channel<number>[];
  readonly #outcomes = new Map<Operation, string>();
  readonly #controllers = new Map<Operation, AbortController>();
  #lastValue = 0;

  constructor(capacities: readonly number[]) {
    this.#model = new Model(capacities);
    this.#channels = capacities.map((capacity) => channel<number>(capacity));
  }

  async step(command: Command): Promise<void> {
    switch (command.do) {
      case 'send':
        this.#send(command.at, command.isTry);
        break;
      case 'receive':
        this.#receive(command);
        break;
      case 'select':
        await this.#select(command.cases, command.isTry);
        break;
      case 'close':
        this.#close(command.at, command.error);
        break;
      case 'abort':
        this.#abort(command.nth);
    }
    await settled();
  }

  /** @returns where they differ */
  differences(): string[] {
    const differences = this.#model.operations
      .filter((operation) => this.#outcomes.get(operation) !== operation.outcome)
      .map((o) => `operation ${o.id}: ${this.#outcomes.get(o)}, but should be ${o.outcome}`);
    for (const [i, c] of this.#channels.entries()) {
      if (c.length !== this.#model.length(i)) differences.push(`channel ${i} holds ${c.length}`);
    }
    return differences;
  }

  #send(at: number, isTry: boolean): void {
    const operation = this.#model.begin();
    const c = this.#channel(at);
    const value = (this.#lastValue += 1);
    if (isTry) {
      const outcome = c.trySend(value);
      this.#outcomes.set(operation, outcome === 'closed' ? 'refused' : outcome);
    } else {
      const sent = c.send(value, { signal: this.#signalOf(operation) });
      this.#follow(
        operation,
        Promise.resolve(sent).then(() => 'sent'),
        'refused',
      );
    }
    this.#model.send(operation, { channel: at, value }, isTry);
  }

  #receive({ at, isTry, form }: Command & { readonly do: 'receive' }): void {
    const operation = this.#model.begin();
    const c = this.#channel(at);
    const signal = this.#signalOf(operation);
    if (isTry) {
      const taken = c.tryReceive();
      // A try does not say how the channel ended; `next` does, and it is closed by now.
      if (taken === 'closed') this.#follow(operation, c.next().then(saidOf), 'end');
      else this.#outcomes.set(operation, taken === 'empty' ? 'empty' : `got ${taken.value}`);
    } else if (form === 'receive') {
      this.#follow(
        operation,
        c.receive({ signal }).then((value) => `got ${value}`),
        'end',
      );
    } else if (form === 'next') {
      this.#follow(operation, c.next({ signal }).then(saidOf), 'end');
    } else {
      this.#controllers.delete(operation); // A loop takes no signal.
      const step = c[Symbol.asyncIterator]().next();
      const said = step.then(({ done, value }) => (done === true ? 'end' : `got ${value}`));
      this.#follow(operation, said, 'end');
    }
    this.#model.receive(operation, at, isTry);
  }

  async #select(
    given: (Command & { readonly do: 'select' })['cases'],
    isTry: boolean,
  ): Promise<void> {
    const operation = this.#model.begin();
    const cases: Record<string, SelectCase> = {};
    const modelCases: ModelCase[] = given.map((each, i) => {
      const c = this.#channel(each.channel);
      const value = each.sends ? (this.#lastValue += 1) : undefined;
      cases[i] = value === undefined ? c : sending(c, value);
      return { channel: each.channel, value };
    });
    const ready = this.#model.select(operation, modelCases, isTry);
    if (isTry) this.#follow(operation, (async () => selectNow(cases))().then(chosen), 'refused');
    else {
      const stop = this.#signalOf(operation);
      this.#follow(operation, select({ ...cases, stop }).then(chosen), 'refused');
    }
    if (ready.length === 0) return;
    await settled();
    // Which of the ready cases goes on is open; that it is one of them is not.
    const outcome = this.#outcomes.get(operation);
    const drawn =
      outcome === 'refused'
        ? ready.find((i) => modelCases[i]?.value !== undefined && this.#isClosed(modelCases[i]))
        : ready.find((i) => outcome?.startsWith(`${i}:`));
    const drawnCase = drawn === undefined ? undefined : modelCases[drawn];
    if (drawn !== undefined && drawnCase !== undefined) {
      this.#model.goOn(operation, drawnCase, drawn);
    } else {
      operation.outcome = `one of ${ready.join()}`;
    }
  }

  #isClosed(modelCase: ModelCase | undefined): boolean {
    return modelCase !== undefined && this.#channel(modelCase.channel).isClosed;
  }

  #close(at: number, error: string | undefined): void {
    const operation = this.#model.begin();
    this.#outcomes.set(operation, String(this.#channel(at).tryClose(error)));
    this.#model.close(operation, at, error);
  }

  #abort(nth: number): void {
    const operation = this.#model.operations[nth];
    const controller = operation && this.#controllers.get(operation);
    if (operation === undefined || controller === undefined) return;
    controller.abort('aborted');
    this.#model.abort(operation);
  }

  #channel(at: number): Channel<number> {
    return this.#channels[at] as Channel<number>;
  }

  #signalOf(operation: Operation): AbortSignal {
    const controller = new AbortController();
    this.#controllers.set(operation, controller);
    return controller.signal;
  }

  /** @param closed what it means that the channel is closed: no element, or not sent */
  #follow(operation: Operation, said: Promise<string>, closed: 'end' | 'refused'): void {
    void said
      .catch((error: unknown) => {
        if (error instanceof ChannelClosed) return closed;
        return error === 'e' ? 'error e' : String(error);
      })
      .then((outcome) => this.#outcomes.set(operation, outcome));
  }
}

function saidOf(received: Awaited<ReturnType<Channel<number>['next']>>): string {
  if (received.ok) return `got ${received.value}`;
  return received.error === undefined ? 'end' : `error ${String(received.error)}`;
}

function chosen(r: object | undefined): string {
  const it = r as { case: string; ok?: boolean; value?: unknown; error?: unknown } | undefined;
  if (it === undefined) return 'nothing';
  if (it.case === 'stop') return 'aborted';
  if (it.ok === undefined) return `${it.case}: sent`;
  if (it.ok) return `${it.case}: got ${String(it.value)}`;
  return `${it.case}: ${it.error === undefined ? 'end' : `error ${String(it.error)}`}`;
}

const env = processEnv();

/** Long enough for an outcome that has to wait until the event loop has had its turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => env.afterIo(() => env.afterIo(resolve)));
}

test('channels and select do what their model does, in whatever order they are used', async (t) => {
  const capacities = fc.tuple(fc.constant(0), fc.constant(1), fc.integer({ min: 2, max: 3 }));
  const property = fc.asyncProperty(
    capacities,
    fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
    async (sizes, commands) => {
      const run = new Run(sizes);
      for (const [i, command] of commands.entries()) {
        await run.step(command);
        const differences = run.differences();
        if (differences.length > 0) {
          throw new Error(`after ${i} (${JSON.stringify(command)}): ${differences.join('; ')}`);
        }
      }
    },
  );

  await t.notThrowsAsync(async () => fc.assert(property, { numRuns: RUNS }));
});
