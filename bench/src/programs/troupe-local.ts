import {
  Actor,
  type ActorRef,
  actor,
  channel,
  type Channel,
  go,
  rpc,
  select,
  startNode,
} from 'troupe';
import { main, once, repeat, weigh } from './measure.ts';

/** Tells between two looks at whether the actor keeps up; a mailbox holds 1,024. */
const BURST = 1_000;
const IN_FLIGHT = 128;
const CAPACITY = 128;

@actor({ kind: 'counter' })
class Counter extends Actor {
  #sum = 0;

  @rpc add(value: number): void {
    this.#sum += value;
  }
  /** Gives out the sum and begins anew. */
  @rpc take(): number {
    const sum = this.#sum;
    this.#sum = 0;
    return sum;
  }
}

@actor({ kind: 'echo' })
class Echo extends Actor {
  @rpc echo(value: number): number {
    return value;
  }
}

/** What the actors of one process have seen. */
const seen = { sum: 0, actors: 0, onAll: (): void => undefined, all: 0 };

@actor({ kind: 'idle' })
class Idle extends Actor {
  readonly #value: number;

  constructor(value: number) {
    super();
    this.#value = value;
    seen.sum += value;
  }

  @rpc hit(): void {
    seen.sum += this.#value;
    seen.actors += 1;
    if (seen.actors === seen.all) seen.onAll();
  }
}

const node = await startNode();

async function tells(counter: ActorRef<Counter>, operations: number): Promise<number> {
  let sum = 0;
  for (let sent = 0; sent < operations;) {
    const end = Math.min(sent + BURST, operations);
    for (; sent < end; sent += 1) counter.tell.add(sent);
    sum += await counter.take();
  }
  return sum;
}

/** Asks with every `step`th number from `first` on, one after the other. */
async function asks(
  echo: ActorRef<Echo>,
  operations: number,
  { first, step }: { readonly first: number; readonly step: number },
): Promise<number> {
  let sum = 0;
  for (let value = first; value < operations; value += step) sum += await echo.echo(value);
  return sum;
}

function spawnIdle(operations: number): ActorRef<Idle>[] {
  const actors = new Array<ActorRef<Idle>>(operations);
  for (let value = 0; value < operations; value += 1) actors[value] = node.spawn(Idle, value);
  return actors;
}

async function pingPong(operations: number): Promise<number> {
  const ping = channel<number>();
  const pong = channel<number>();
  go(async () => {
    for await (const value of ping) await pong.send(value);
  });
  let sum = 0;
  for (let value = 0; value < operations; value += 1) {
    await ping.send(value);
    sum += await pong.receive();
  }
  ping.close();
  return sum;
}

async function streamAwaited(operations: number): Promise<number> {
  const numbers = channel<number>(CAPACITY);
  go(async () => {
    for (let value = 0; value < operations; value += 1) await numbers.send(value);
    numbers.close();
  });
  let sum = 0;
  for await (const value of numbers) sum += value;
  return sum;
}

/** Both sides take the way without a promise where there is one, and wait where there is none. */
async function streamSync(operations: number): Promise<number> {
  const numbers = channel<number>(CAPACITY);
  go(async () => {
    for (let value = 0; value < operations; value += 1) {
      if (numbers.trySend(value) !== 'sent') await numbers.send(value);
    }
  });
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    const received = numbers.tryReceive();
    sum += typeof received === 'object' ? received.value : await numbers.receive();
  }
  return sum;
}

async function selectFour(operations: number): Promise<number> {
  const [a, b, c, d] = [0, 1, 2, 3].map((first) => {
    const numbers = channel<number>();
    go(async () => {
      for (let value = first; value < operations; value += 4) await numbers.send(value);
    });
    return numbers;
  }) as [Channel<number>, Channel<number>, Channel<number>, Channel<number>];
  let sum = 0;
  for (let count = 0; count < operations; count += 1) {
    const got = await select({ a, b, c, d });
    if (got.ok) sum += got.value;
  }
  return sum;
}

await main({
  tell(program) {
    const counter = node.spawn(Counter);
    return repeat(program, { batch: () => tells(counter, program.operations) });
  },
  'ask-sequential'(program) {
    const echo = node.spawn(Echo);
    return repeat(program, {
      batch: () => asks(echo, program.operations, { first: 0, step: 1 }),
    });
  },
  'ask-128'(program) {
    const echo = node.spawn(Echo);
    return repeat(program, {
      async batch() {
        const sums = Array.from({ length: IN_FLIGHT }, (_, first) =>
          asks(echo, program.operations, { first, step: IN_FLIGHT }),
        );
        return (await Promise.all(sums)).reduce((sum, each) => sum + each, 0);
      },
    });
  },
  spawn(program) {
    let actors: ActorRef<Idle>[] = [];
    return repeat(program, {
      batch() {
        seen.sum = 0;
        actors = spawnIdle(program.operations);
        return seen.sum;
      },
      async between() {
        await Promise.all(actors.map((each) => node.stopActor(each)));
      },
    });
  },
  memory(program) {
    let actors: ActorRef<Idle>[] = [];
    return weigh(program, {
      batch() {
        actors = spawnIdle(program.operations);
        return seen.sum;
      },
      between: () => void actors.length,
    });
  },
  million(program) {
    return once(program, {
      async batch() {
        const actors = spawnIdle(program.operations);
        seen.sum = 0;
        seen.all = program.operations;
        const all = new Promise<void>((resolve) => (seen.onAll = resolve));
        for (const each of actors) each.tell.hit();
        await all;
        return seen.sum;
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
