import { main, once, repeat, weigh } from './measure.ts';

/**
 * What the same work costs with bare arrays and bare promises: no mailbox bound, no deadline, no
 * close, no fairness. Nothing that keeps a promise can be much cheaper than this.
 */
class Counter {
  #sum = 0;

  add(value: number): void {
    this.#sum += value;
  }
  take(): number {
    const sum = this.#sum;
    this.#sum = 0;
    return sum;
  }
}

class Idle {
  readonly #value: number;

  constructor(value: number) {
    this.#value = value;
  }
  hit(): number {
    return this.#value;
  }
}

/** An array that is emptied in a job of its own. */
class Queue<M> {
  #messages: M[] = [];
  readonly #consume: (message: M) => void;

  constructor(consume: (message: M) => void) {
    this.#consume = consume;
  }

  push(message: M): void {
    this.#messages.push(message);
    if (this.#messages.length === 1) void settled.then(this.#drain);
  }

  readonly #drain = (): void => {
    const messages = this.#messages;
    this.#messages = [];
    for (const message of messages) this.#consume(message);
  };
}

const settled = Promise.resolve();

interface Ask {
  readonly value: number;
  readonly resolve: (value: number) => void;
}

async function asks(
  queue: Queue<Ask>,
  operations: number,
  { first, step }: { readonly first: number; readonly step: number },
): Promise<number> {
  let sum = 0;
  for (let value = first; value < operations; value += step) {
    sum += await new Promise<number>((resolve) => queue.push({ value, resolve }));
  }
  return sum;
}

/** One value passes from one async function to another, each waiting for the other. */
class Cell {
  #give: ((value: number) => void) | undefined;

  take(): Promise<number> {
    return new Promise((resolve) => (this.#give = resolve));
  }
  give(value: number): void {
    this.#give?.(value);
  }
}

/** Sending is awaited too, as it is on a channel: four awaits a round trip. */
async function pingPong(operations: number): Promise<number> {
  const ping = new Cell();
  const pong = new Cell();
  void (async () => {
    for (let count = 0; count < operations; count += 1) {
      pong.give(await ping.take());
      await settled;
    }
  })();
  let sum = 0;
  for (let value = 0; value < operations; value += 1) {
    const answer = pong.take();
    ping.give(value);
    await settled;
    sum += await answer;
  }
  return sum;
}

/** Two async functions around one array; each awaits a settled promise for every number. */
async function streamAwaited(operations: number): Promise<number> {
  const numbers: number[] = [];
  void (async () => {
    for (let value = 0; value < operations; value += 1) {
      numbers.push(value);
      await settled;
    }
  })();
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    await settled;
    sum += numbers.pop() ?? 0;
  }
  return sum;
}

/** One function fills a ring of 128 and another empties it, without a promise. */
function streamSync(operations: number): number {
  const ring = new Array<number>(128).fill(0);
  let sum = 0;
  for (let value = 0; value < operations;) {
    const end = Math.min(value + ring.length, operations);
    for (let at = value; at < end; at += 1) ring[at % 128] = at;
    for (; value < end; value += 1) sum += ring[value % 128] ?? 0;
  }
  return sum;
}

/** Four async functions hand numbers to one that waits for whoever comes. */
async function selectFour(operations: number): Promise<number> {
  const waiting: { readonly value: number; readonly taken: () => void }[] = [];
  let wake = (): void => undefined;
  for (const first of [0, 1, 2, 3]) {
    void (async () => {
      for (let value = first; value < operations; value += 4) {
        await new Promise<void>((taken) => {
          waiting.push({ value, taken });
          wake();
        });
      }
    })();
  }
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const { value, taken } = waiting.shift() ?? { value: 0, taken: wake };
    sum += value;
    taken();
    await settled;
  }
  return sum;
}

function idles(operations: number): Idle[] {
  const all = new Array<Idle>(operations);
  for (let value = 0; value < operations; value += 1) all[value] = new Idle(value);
  return all;
}

function hitAll(all: readonly Idle[]): number {
  let sum = 0;
  for (const each of all) sum += each.hit();
  return sum;
}

await main({
  tell(program) {
    const counter = new Counter();
    const queue = new Queue<number>((value) => counter.add(value));
    return repeat(program, {
      async batch() {
        for (let value = 0; value < program.operations; value += 1) {
          queue.push(value);
          if (value % 1_000 === 999) await settled;
        }
        await settled;
        return counter.take();
      },
    });
  },
  'ask-sequential'(program) {
    const queue = new Queue<Ask>(({ value, resolve }) => resolve(value));
    return repeat(program, {
      batch: () => asks(queue, program.operations, { first: 0, step: 1 }),
    });
  },
  'ask-128'(program) {
    const queue = new Queue<Ask>(({ value, resolve }) => resolve(value));
    return repeat(program, {
      async batch() {
        const sums = Array.from({ length: 128 }, (_, first) =>
          asks(queue, program.operations, { first, step: 128 }),
        );
        return (await Promise.all(sums)).reduce((sum, each) => sum + each, 0);
      },
    });
  },
  spawn: (program) => repeat(program, { batch: () => hitAll(idles(program.operations)) }),
  memory(program) {
    let all: Idle[] = [];
    return weigh(program, {
      batch: () => hitAll((all = idles(program.operations))),
      between: () => void all.length,
    });
  },
  million(program) {
    return once(program, {
      async batch() {
        let sum = 0;
        const queue = new Queue<Idle>((each) => (sum += each.hit()));
        for (const each of idles(program.operations)) queue.push(each);
        await settled;
        return sum;
      },
    });
  },
  'channel-ping-pong': (program) => repeat(program, { batch: () => pingPong(program.operations) }),
  'channel-stream-awaited': (program) =>
    repeat(program, { batch: () => streamAwaited(program.operations) }),
  'channel-stream-sync': (program) =>
    repeat(program, { batch: () => streamSync(program.operations) }),
  'select-4': (program) => repeat(program, { batch: () => selectFour(program.operations) }),
});
